"""Multi-head latent attention: all heads read one compressed vector per token.

DeepSeek-AI (2024), https://arxiv.org/abs/2405.04434. Symbols of the paper and our
names; the layers are called as in transformers::

    c^KV, c^Q   latent, and the latent of the queries
    q^C, q^R    q_nope, q_rope
    k^R         k_rope
    W^UK, W^UV  w_uk, w_uv, the two parts of kv_b_proj
    W^UQ, W^QR  q_b_proj
    W^DQ        q_a_proj
    W^DKV, W^KR kv_a_proj_with_mqa
    W^O         o_proj

Axes::

    batch       independent sequences
    heads       query heads; keys and values of as many can be rebuilt
    q_len       query positions
    kv_len      key positions, cached ones included; ``kv_len >= q_len``
    latent_dim  features of the compressed vector
    nope_dim    features of a query or key that carry no position
    rope_dim    features that RoPE rotates; one key for all heads
    value_dim   features of a head's value
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.positions.rope import angles, frequencies, rotate


def compress(
    weight: Float[Tensor, "rows d_model"], latent_dim: int
) -> tuple[Float[Tensor, "latent_dim d_model"], Float[Tensor, "rows latent_dim"]]:
    """Factors, down and up, of the best approximation of ``weight`` of this rank.

    Raises
    ------
    ValueError
        If ``weight`` does not have that many singular values.

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
    q_nope: Float[Tensor, "batch heads q_len nope_dim"],
    q_rope: Float[Tensor, "batch heads q_len rope_dim"],
) -> tuple[
    Float[Tensor, "batch heads q_len nope_dim"],
    Float[Tensor, "batch heads q_len rope_dim"],
]:
    """Divide both parts of a query by the square root of their joint width.

    Examples
    --------
    >>> q_nope, q_rope = scale(torch.ones(1, 1, 1, 12), torch.ones(1, 1, 1, 4))
    >>> q_nope[0, 0, 0, 0], q_rope[0, 0, 0, 0]
    (tensor(0.2500), tensor(0.2500))
    """
    root = math.sqrt(q_nope.shape[-1] + q_rope.shape[-1])
    return q_nope / root, q_rope / root


def causal_weights(
    scores: Float[Tensor, "batch heads q_len kv_len"],
    q_rope: Float[Tensor, "batch heads q_len rope_dim"],
    k_rope: Float[Tensor, "batch kv_len rope_dim"],
) -> Float[Tensor, "batch heads q_len kv_len"]:
    """Causal softmax of ``scores`` plus the scores of the rotated features.

    The last query stands at the last key.

    Raises
    ------
    ValueError
        If a query would see no key at all.
    """
    q_len, kv_len = scores.shape[-2:]
    if not 1 <= q_len <= kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")
    scores = scores + torch.einsum("bhqr,blr->bhql", q_rope, k_rope)
    future = scores.new_ones(q_len, kv_len).triu(kv_len - q_len + 1).bool()
    return scores.masked_fill(future, -math.inf).softmax(dim=-1)


def rebuilt_attention(
    q_nope: Float[Tensor, "batch heads q_len nope_dim"],
    q_rope: Float[Tensor, "batch heads q_len rope_dim"],
    latent: Float[Tensor, "batch kv_len latent_dim"],
    k_rope: Float[Tensor, "batch kv_len rope_dim"],
    w_uk: Float[Tensor, "heads nope_dim latent_dim"],
    w_uv: Float[Tensor, "heads value_dim latent_dim"],
) -> Float[Tensor, "batch heads q_len value_dim"]:
    """Attention that first rebuilds the keys and values of all heads."""
    q_nope, q_rope = scale(q_nope, q_rope)
    key = torch.einsum("blc,hnc->bhln", latent, w_uk)
    value = torch.einsum("blc,hvc->bhlv", latent, w_uv)
    scores = torch.einsum("bhqn,bhln->bhql", q_nope, key)
    weights = causal_weights(scores, q_rope, k_rope)
    return torch.einsum("bhql,bhlv->bhqv", weights, value)


def absorbed_attention(
    q_nope: Float[Tensor, "batch heads q_len nope_dim"],
    q_rope: Float[Tensor, "batch heads q_len rope_dim"],
    latent: Float[Tensor, "batch kv_len latent_dim"],
    k_rope: Float[Tensor, "batch kv_len rope_dim"],
    w_uk: Float[Tensor, "heads nope_dim latent_dim"],
    w_uv: Float[Tensor, "heads value_dim latent_dim"],
) -> Float[Tensor, "batch heads q_len value_dim"]:
    """The same result, with the latents as keys and values of all heads."""
    q_nope, q_rope = scale(q_nope, q_rope)
    q_latent = torch.einsum("bhqn,hnc->bhqc", q_nope, w_uk)
    scores = torch.einsum("bhqc,blc->bhql", q_latent, latent)
    weights = causal_weights(scores, q_rope, k_rope)
    mixed = torch.einsum("bhql,blc->bhqc", weights, latent)
    return torch.einsum("bhqc,hvc->bhqv", mixed, w_uv)


class Parts(NamedTuple):
    """What attention works on, in the order of its arguments."""

    q_nope: Float[Tensor, "batch heads q_len nope_dim"]
    q_rope: Float[Tensor, "batch heads q_len rope_dim"]
    latent: Float[Tensor, "batch kv_len latent_dim"]
    k_rope: Float[Tensor, "batch kv_len rope_dim"]
    w_uk: Float[Tensor, "heads nope_dim latent_dim"]
    w_uv: Float[Tensor, "heads value_dim latent_dim"]


class MultiHeadLatentAttention(nn.Module):
    """Compression, rotation, absorbed attention, and the cache of latents.

    Parameters
    ----------
    query_dim
        Features of the latent from which the queries are made.

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
        self.q_a_proj = nn.Linear(d_model, query_dim, bias=False)
        self.q_a_layernorm = nn.RMSNorm(query_dim, eps=1e-6)
        self.q_b_proj = nn.Linear(query_dim, heads * sum(self.query_parts), bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(d_model, sum(self.cached_parts), bias=False)
        self.kv_a_layernorm = nn.RMSNorm(latent_dim, eps=1e-6)
        self.kv_b_proj = nn.Linear(latent_dim, heads * sum(self.up_parts), bias=False)
        self.o_proj = nn.Linear(heads * value_dim, d_model, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Mix ``x``; a ``cache`` (a list, empty at first) is read and extended."""
        mixed = absorbed_attention(*self.parts(x, cache))
        return self.o_proj(mixed.transpose(1, 2).flatten(2))

    def parts(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Parts:
        """The arguments of attention: queries, cached parts, and up-projections."""
        seen = cache[0].shape[1] if cache else 0
        turns = angles(torch.arange(seen, seen + x.shape[1]), self.frequencies)
        turns = turns.to(x.device)
        query = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        # (batch, heads, seq, nope_dim + rope_dim)
        query = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q_nope, q_rope = query.split(self.query_parts, dim=-1)
        latent, k_rope = self.kv_a_proj_with_mqa(x).split(self.cached_parts, dim=-1)
        cached = [self.kv_a_layernorm(latent), rotate(k_rope, turns)]
        if cache is not None:
            if cache:
                pairs = zip(cache, cached, strict=True)
                cached = [torch.cat(pair, dim=1) for pair in pairs]
            cache[:] = cached
        per_head = self.kv_b_proj.weight.unflatten(0, (self.heads, -1))
        w_uk, w_uv = per_head.split(self.up_parts, dim=1)
        return Parts(q_nope, rotate(q_rope, turns), *cached, w_uk, w_uv)


def latent_cache_bytes(
    layers: int, latent_dim: int, rope_dim: int, tokens: int, itemsize: int = 2
) -> int:
    """Bytes of cache for one sequence: one latent and one rotated key per token.

    Examples
    --------
    DeepSeek-V3 caches 512 + 64 numbers in each of 61 layers:

    >>> latent_cache_bytes(layers=61, latent_dim=512, rope_dim=64, tokens=1)
    70272
    """
    return layers * (latent_dim + rope_dim) * tokens * itemsize
