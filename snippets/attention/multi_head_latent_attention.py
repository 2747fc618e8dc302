"""Multi-head latent attention: all heads read one compressed vector per token.

DeepSeek-AI (2024), https://arxiv.org/abs/2405.04434

Axes::

    batch       independent sequences
    heads       query heads; keys and values of as many can be rebuilt
    q_len       query positions
    kv_len      key positions, cached ones included; ``kv_len >= q_len``
    latent_dim  features of the compressed vector
    nope_dim    features of a query or key that carry no position
    rope_dim    features that are turned by the position; one key for all heads
    value_dim   features of a head's value
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.positions.rope import angles, frequencies, rotate


def compress(
    weight: Float[Tensor, "rows d_model"], latent_dim: int
) -> tuple[Float[Tensor, "latent_dim d_model"], Float[Tensor, "rows latent_dim"]]:
    """Factors, down and up, of the best approximation of ``weight`` of that rank.

    Raises
    ------
    ValueError
        If there are not as many directions to keep.

    Examples
    --------
    >>> down, up = compress(torch.tensor([[3.0, 0.0], [0.0, 1.0]]), latent_dim=1)
    >>> (up @ down).abs().round()
    tensor([[3., 0.],
            [0., 0.]])
    """
    if not 1 <= latent_dim <= min(weight.shape):
        raise ValueError(f"{latent_dim=} does not fit {tuple(weight.shape)}")
    up, size, down = torch.linalg.svd(weight, full_matrices=False)
    return down[:latent_dim], up[:, :latent_dim] * size[:latent_dim]


def scale(
    query: Float[Tensor, "batch heads q_len nope_dim"],
    turned_query: Float[Tensor, "batch heads q_len rope_dim"],
) -> tuple[
    Float[Tensor, "batch heads q_len nope_dim"],
    Float[Tensor, "batch heads q_len rope_dim"],
]:
    """Divide both parts of a query by the root of the features that they are together.

    Examples
    --------
    >>> query, turned = scale(torch.ones(1, 1, 1, 12), torch.ones(1, 1, 1, 4))
    >>> query[0, 0, 0, 0], turned[0, 0, 0, 0]
    (tensor(0.2500), tensor(0.2500))
    """
    root = math.sqrt(query.shape[-1] + turned_query.shape[-1])
    return query / root, turned_query / root


def causal_weights(
    scores: Float[Tensor, "batch heads q_len kv_len"],
    turned_query: Float[Tensor, "batch heads q_len rope_dim"],
    turned_key: Float[Tensor, "batch kv_len rope_dim"],
) -> Float[Tensor, "batch heads q_len kv_len"]:
    """Softmax of ``scores`` plus those of the turned features, of keys not later.

    The last query stands at the last key.

    Raises
    ------
    ValueError
        If a query would see no key at all.
    """
    q_len, kv_len = scores.shape[-2:]
    if not 1 <= q_len <= kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")
    scores = scores + torch.einsum("bhqr,blr->bhql", turned_query, turned_key)
    future = scores.new_ones(q_len, kv_len).triu(kv_len - q_len + 1).bool()
    return scores.masked_fill(future, -math.inf).softmax(dim=-1)


def rebuilt_attention(
    query: Float[Tensor, "batch heads q_len nope_dim"],
    turned_query: Float[Tensor, "batch heads q_len rope_dim"],
    latent: Float[Tensor, "batch kv_len latent_dim"],
    turned_key: Float[Tensor, "batch kv_len rope_dim"],
    up_key: Float[Tensor, "heads nope_dim latent_dim"],
    up_value: Float[Tensor, "heads value_dim latent_dim"],
) -> Float[Tensor, "batch heads q_len value_dim"]:
    """Attention that first rebuilds the keys and values of all heads."""
    query, turned_query = scale(query, turned_query)
    key = torch.einsum("blc,hnc->bhln", latent, up_key)
    value = torch.einsum("blc,hvc->bhlv", latent, up_value)
    scores = torch.einsum("bhqn,bhln->bhql", query, key)
    weights = causal_weights(scores, turned_query, turned_key)
    return torch.einsum("bhql,bhlv->bhqv", weights, value)


def absorbed_attention(
    query: Float[Tensor, "batch heads q_len nope_dim"],
    turned_query: Float[Tensor, "batch heads q_len rope_dim"],
    latent: Float[Tensor, "batch kv_len latent_dim"],
    turned_key: Float[Tensor, "batch kv_len rope_dim"],
    up_key: Float[Tensor, "heads nope_dim latent_dim"],
    up_value: Float[Tensor, "heads value_dim latent_dim"],
) -> Float[Tensor, "batch heads q_len value_dim"]:
    """The same result; the latents serve all heads as keys and as values."""
    query, turned_query = scale(query, turned_query)
    asked = torch.einsum("bhqn,hnc->bhqc", query, up_key)
    scores = torch.einsum("bhqc,blc->bhql", asked, latent)
    weights = causal_weights(scores, turned_query, turned_key)
    mixed = torch.einsum("bhql,blc->bhqc", weights, latent)
    return torch.einsum("bhqc,hvc->bhqv", mixed, up_value)


class MultiHeadLatentAttention(nn.Module):
    """Compression, rotation, absorbed attention, and the cache of latents.

    Parameters
    ----------
    query_dim
        Features to which a token is compressed before its queries are made.

    Examples
    --------
    >>> layer = MultiHeadLatentAttention(d_model=24, heads=3, query_dim=10,
    ...     latent_dim=8, nope_dim=6, rope_dim=4, value_dim=5)
    >>> layer(torch.randn(1, 7, 24), cache := []).shape
    torch.Size([1, 7, 24])
    >>> [part.shape[-1] for part in cache]
    [8, 4]
    """

    def __init__(
        self,
        *,
        d_model: int,
        heads: int,
        query_dim: int,
        latent_dim: int,
        nope_dim: int,
        rope_dim: int,
        value_dim: int,
    ) -> None:
        super().__init__()
        self.heads, self.frequencies = heads, frequencies(rope_dim)
        self.query_parts = [nope_dim, rope_dim]
        self.cached_parts = [latent_dim, rope_dim]
        self.up_parts = [nope_dim, value_dim]
        self.query_down = nn.Linear(d_model, query_dim, bias=False)
        self.query_norm = nn.RMSNorm(query_dim, eps=1e-6)
        self.query_up = nn.Linear(query_dim, heads * sum(self.query_parts), bias=False)
        self.down = nn.Linear(d_model, sum(self.cached_parts), bias=False)
        self.norm = nn.RMSNorm(latent_dim, eps=1e-6)
        self.up = nn.Linear(latent_dim, heads * sum(self.up_parts), bias=False)
        self.out = nn.Linear(heads * value_dim, d_model, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Mix ``x``; a ``cache`` (a list, empty at first) is read and extended."""
        mixed = absorbed_attention(*self.parts(x, cache))
        return self.out(mixed.transpose(1, 2).flatten(2))

    def parts(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> list[Tensor]:
        """What attention takes: queries, what is kept, and the up-projections."""
        seen = cache[0].shape[1] if cache else 0
        turns = angles(torch.arange(seen, seen + x.shape[1]), self.frequencies)
        turns = turns.to(x.device)
        query = self.query_up(self.query_norm(self.query_down(x)))
        # (batch, heads, seq, nope_dim + rope_dim)
        query = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        query, turned_query = query.split(self.query_parts, dim=-1)
        latent, turned_key = self.down(x).split(self.cached_parts, dim=-1)
        kept = [self.norm(latent), rotate(turned_key, turns)]
        if cache is not None:
            if cache:
                kept = [torch.cat(pair, 1) for pair in zip(cache, kept, strict=True)]
            cache[:] = kept
        up = self.up.weight.unflatten(0, (self.heads, -1)).split(self.up_parts, dim=1)
        return [query, rotate(turned_query, turns), *kept, *up]


def latent_cache_bytes(
    layers: int, latent_dim: int, rope_dim: int, tokens: int, itemsize: int = 2
) -> int:
    """Bytes that decoding one sequence keeps: no factor 2, and no heads.

    Examples
    --------
    DeepSeek-V3 keeps 512 + 64 numbers in each of 61 layers:

    >>> latent_cache_bytes(layers=61, latent_dim=512, rope_dim=64, tokens=1)
    70272
    """
    return layers * (latent_dim + rope_dim) * tokens * itemsize
