"""FlashAttention: exact attention in tiles, without a matrix of all scores.

Dao (2023), https://arxiv.org/abs/2307.08691. Symbols of the paper and our names::

    S, P        scores and weights of one tile: scores, weights
    m, l, O     row_max (running maximum), row_sum (normalizer), acc (accumulator)
    e^(m - m')  rescale
    L, D        lse (log-sum-exp of a row of scores), delta
    B_r, B_c    q_tile, kv_tile
    dQ, dK, dV  grad_query, grad_key, grad_value

Axes::

    batch     independent sequences
    heads     attention heads
    q_len     query positions
    kv_len    key positions; the last query stands at the last key
    rows      queries of one tile
    columns   keys of one tile
    head_dim  features of one head
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Queries = Float[Tensor, "batch heads q_len head_dim"]
Keys = Float[Tensor, "batch heads kv_len head_dim"]
PerQuery = Float[Tensor, "batch heads q_len 1"]
PerRow = Float[Tensor, "*batch rows 1"]


def at_least_float32(x: Tensor) -> Tensor:
    """Scores and sums have 32 bits or more, as in the registers of a GPU."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def online_softmax(
    row_max: PerRow,
    row_sum: PerRow,
    acc: Float[Tensor, "*batch rows head_dim"],
    scores: Float[Tensor, "*batch rows columns"],
    value: Float[Tensor, "*batch columns head_dim"],
) -> tuple[PerRow, PerRow, Float[Tensor, "*batch rows head_dim"]]:
    """Update maximum, normalizer and accumulator of each row with more columns.

    Examples
    --------
    Scores ln 1 and ln 2 were seen, ln 8 and ln 1 come: the sum, 12 in units of 8.

    >>> row_max, row_sum = torch.tensor([[2.0]]).log(), torch.tensor([[1.5]])
    >>> scores = torch.tensor([[8.0, 1.0]]).log()
    >>> acc, value = torch.zeros(1, 3), torch.zeros(2, 3)
    >>> _, row_sum, _ = online_softmax(row_max, row_sum, acc, scores, value)
    >>> row_sum
    tensor([[1.5000]])
    """
    new_max = torch.maximum(row_max, scores.amax(dim=-1, keepdim=True))
    shift = new_max.clamp(min=torch.finfo(new_max.dtype).min)  # no key seen: not -inf
    weights = (scores - shift).exp()
    rescale = (row_max - shift).exp()
    row_sum = rescale * row_sum + weights.sum(dim=-1, keepdim=True)
    acc = rescale * acc + weights @ value.to(weights)
    return new_max, row_sum, acc


def tiles(length: int, size: int) -> list[slice]:
    """Neighboring slices of ``size`` that cover ``length``; the last may be shorter.

    >>> tiles(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(at, min(at + size, length)) for at in range(0, length, size)]


def tile_scores(
    query: Queries, key: Keys, rows: slice, columns: slice, causal: bool
) -> Float[Tensor, "batch heads rows columns"]:
    """Scores of some queries and some keys; ``causal`` hides keys that are later."""
    scaled = at_least_float32(query[:, :, rows]) / math.sqrt(query.shape[-1])
    scores = scaled @ at_least_float32(key[:, :, columns]).mT
    if causal:
        now = rows.start + key.shape[2] - query.shape[2]  # position of the first query
        future = scores.new_ones(scores.shape[-2:]).triu(now - columns.start + 1)
        scores = scores.masked_fill(future.bool(), -math.inf)
    return scores


def naive_attention(query: Queries, key: Keys, value: Keys, causal: bool) -> Queries:
    """Attention with all scores in memory: a single tile."""
    everything = slice(0, query.shape[2]), slice(0, key.shape[2])
    weights = tile_scores(query, key, *everything, causal).softmax(dim=-1)
    return (weights @ at_least_float32(value)).to(query)


def visible_keys(rows: slice, q_len: int, kv_len: int, causal: bool) -> int:
    """How many keys the last of these queries may see; later tiles are skipped."""
    return rows.stop + kv_len - q_len if causal else kv_len


def flash_forward(
    query: Queries, key: Keys, value: Keys, causal: bool, q_tile: int, kv_tile: int
) -> tuple[Queries, PerQuery]:
    """Output, and the log-sum-exp of each query's scores."""
    out, lse = (
        torch.empty_like(query),
        torch.empty_like(at_least_float32(query[..., :1])),
    )
    q_len, kv_len = query.shape[2], key.shape[2]
    for rows in tiles(q_len, q_tile):
        row_max = torch.full_like(lse[:, :, rows], -math.inf)
        row_sum = torch.zeros_like(row_max)
        acc = torch.zeros_like(at_least_float32(query[:, :, rows]))
        for columns in tiles(visible_keys(rows, q_len, kv_len, causal), kv_tile):
            scores = tile_scores(query, key, rows, columns, causal)
            row_max, row_sum, acc = online_softmax(
                row_max, row_sum, acc, scores, value[:, :, columns]
            )
        out[:, :, rows] = acc / row_sum
        lse[:, :, rows] = row_max + row_sum.log()
    return out, lse


def flash_backward(
    query: Queries,
    key: Keys,
    value: Keys,
    out: Queries,
    lse: PerQuery,
    grad_out: Queries,
    causal: bool,
    q_tile: int,
    kv_tile: int,
) -> tuple[Queries, Keys, Keys]:
    """Gradients of query, key and value; each tile of weights is computed again."""
    dtype, inputs = (
        query.dtype,
        map(at_least_float32, (query, key, value, out, grad_out)),
    )
    query, key, value, out, grad_out = inputs
    grad_query, grad_key, grad_value = map(torch.zeros_like, (query, key, value))
    delta = (grad_out * out).sum(dim=-1, keepdim=True)  # (batch, heads, q_len, 1)
    q_len, kv_len = query.shape[2], key.shape[2]
    for i in tiles(q_len, q_tile):
        for j in tiles(visible_keys(i, q_len, kv_len, causal), kv_tile):
            scores = tile_scores(query, key, i, j, causal)
            weights = (scores - lse[:, :, i]).exp()
            grad_weights = grad_out[:, :, i] @ value[:, :, j].mT
            grad_scores = weights * (grad_weights - delta[:, :, i])
            grad_scores /= math.sqrt(query.shape[-1])
            grad_value[:, :, j] += weights.mT @ grad_out[:, :, i]
            grad_query[:, :, i] += grad_scores @ key[:, :, j]
            grad_key[:, :, j] += grad_scores.mT @ query[:, :, i]
    return grad_query.to(dtype), grad_key.to(dtype), grad_value.to(dtype)


class TiledAttention(torch.autograd.Function):
    """Forward and backward as one operation for autograd."""

    @staticmethod
    def forward(ctx, query, key, value, *tiling):
        out, lse = flash_forward(query, key, value, *tiling)
        ctx.save_for_backward(query, key, value, out, lse)
        ctx.tiling = tiling
        return out

    @staticmethod
    def backward(ctx, grad_out):
        grads = flash_backward(*ctx.saved_tensors, grad_out, *ctx.tiling)
        return *grads, None, None, None


def flash_attention(
    query: Queries,
    key: Keys,
    value: Keys,
    *,
    causal: bool = False,
    q_tile: int = 128,
    kv_tile: int = 128,
) -> Queries:
    """Exact attention whose memory grows with the length, not with its square.

    Raises
    ------
    ValueError
        If there is no key, a tile is empty, or a causal query would see no key.

    Examples
    --------
    >>> query = key = torch.zeros(1, 1, 3, 2)
    >>> value = torch.tensor([[[[0.0, 3.0], [6.0, 3.0], [0.0, 3.0]]]])
    >>> flash_attention(query, key, value, q_tile=2, kv_tile=2)[0, 0, 0]
    tensor([2., 3.])
    """
    q_len, kv_len = query.shape[2], key.shape[2]
    if kv_len < 1 or min(q_tile, kv_tile) < 1:
        raise ValueError(f"nothing to attend to: {kv_len=}, {q_tile=}, {kv_tile=}")
    if causal and q_len > kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")
    return TiledAttention.apply(query, key, value, causal, q_tile, kv_tile)
