"""One new token in each variant of attention: what is kept, and the step that reads it.

Every step runs the code of the variant's own page, on random numbers, for one sequence.
The axes are those of :mod:`snippets.attention.efficient_attention`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from snippets.attention.deltanet import delta_rule
from snippets.attention.flash_attention import flash_attention
from snippets.attention.grouped_query_attention import grouped_query_attention
from snippets.attention.multi_head_latent_attention import absorbed_attention
from snippets.attention.sliding_window_attention import RollingCache
from snippets.attention.sparse_attention import (
    index_scores,
    read,
    select,
    sparse_weights,
)


class Step(NamedTuple):
    """Tensors that are kept between tokens, and what a new token does with them."""

    kept: list[Tensor]
    run: Callable[[], Tensor]


def grouped_step(tokens: int, *, heads: int, kv_heads: int, head_dim: int) -> Step:
    query = torch.randn(1, heads, 1, head_dim)
    kept = [torch.randn(1, kv_heads, tokens, head_dim) for _ in range(2)]
    return Step(kept, lambda: grouped_query_attention(query, *kept))


def flash_step(tokens: int, *, heads: int, head_dim: int, tile: int) -> Step:
    query = torch.randn(1, heads, 1, head_dim)
    kept = [torch.randn(1, heads, tokens, head_dim) for _ in range(2)]
    return Step(kept, lambda: flash_attention(query, *kept, causal=True, kv_tile=tile))


def windowed_step(tokens: int, *, window: int, heads: int, head_dim: int) -> Step:
    query, cache = torch.randn(1, heads, 1, head_dim), RollingCache(window=window)
    for part in torch.randn(2, 1, heads, tokens, head_dim).split(window, dim=3):
        cache.write(*part)
    return Step([cache.key, cache.value], lambda: cache.read(query))


def random_ups(heads: int, latent_dim: int, nope_dim: int, value_dim: int):
    """Projections from a latent to the keys and to the values of all heads."""
    return [torch.randn(heads, size, latent_dim) for size in (nope_dim, value_dim)]


def latent_step(
    tokens: int, *, heads: int, latent_dim: int, rope_dim: int, **up: int
) -> Step:
    up_key, up_value = random_ups(heads, latent_dim, **up)
    query = torch.randn(1, heads, 1, up["nope_dim"])
    turned = torch.randn(1, heads, 1, rope_dim)
    kept = [torch.randn(1, tokens, size) for size in (latent_dim, rope_dim)]
    return Step(
        kept, lambda: absorbed_attention(query, turned, *kept, up_key, up_value)
    )


def sparse_step(
    tokens: int, *, top_k: int, index_heads: int, index_dim: int, **latent: int
) -> Step:
    (whole, turned), _ = latent_step(tokens, **latent)
    heads, ups = latent["heads"], ("nope_dim", "value_dim")
    up_key, up_value = random_ups(heads, whole.shape[2], *map(latent.get, ups))
    query = torch.randn(1, heads, 1, latent["nope_dim"])
    turned_query = torch.randn(1, heads, 1, latent["rope_dim"])
    index_query = torch.randn(1, index_heads, 1, index_dim)
    weight = torch.rand(1, 1, index_heads)
    kept = [whole, turned, torch.randn(1, tokens, index_dim)]

    def run() -> Tensor:
        scores = index_scores(index_query, kept[2], weight)
        index = select(scores, top_k)
        asked = torch.einsum("bhqn,hnc->bhqc", query, up_key)
        wide, key = torch.cat([asked, turned_query], -1), torch.cat(kept[:2], -1)
        weights = sparse_weights(wide, key, index, scale=key.shape[-1] ** -0.5)
        mixed = torch.einsum("bhqc,hvc->bhqv", read(weights, kept[0], index), up_value)
        return mixed + scores.sum()  # so that the index keys count as read

    return Step(kept, run)


def delta_step(*, heads: int, key_dim: int, value_dim: int) -> Step:
    query, key = torch.randn(2, 1, heads, 1, key_dim)
    key = key / key.norm(dim=-1, keepdim=True)
    value, rate = torch.randn(1, heads, 1, value_dim), torch.rand(1, heads, 1)
    kept = [torch.randn(1, heads, value_dim, key_dim)]
    return Step(kept, lambda: delta_rule(query, key, value, rate, *kept)[0])
