"""FlashAttention: softmax of a row that is never whole, one tile after the other.

Dao (2023), https://arxiv.org/abs/2307.08691

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


def wide(x: Tensor) -> Tensor:
    """Scores and sums have 32 bits at least, like those on the chip."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def online_softmax(
    row_max: PerRow,
    row_sum: PerRow,
    acc: Float[Tensor, "*batch rows head_dim"],
    scores: Float[Tensor, "*batch rows columns"],
    value: Float[Tensor, "*batch columns head_dim"],
) -> tuple[PerRow, PerRow, Float[Tensor, "*batch rows head_dim"]]:
    """The online softmax: largest score, sum and mix of rows, after more columns.

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
    shrink = (row_max - shift).exp()
    row_sum = shrink * row_sum + weights.sum(dim=-1, keepdim=True)
    acc = shrink * acc + weights @ value.to(weights)
    return new_max, row_sum, acc


def spans(length: int, size: int) -> list[slice]:
    """Neighboring slices of ``size`` that cover ``length``; the last may be shorter.

    >>> spans(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(at, min(at + size, length)) for at in range(0, length, size)]


def tile_scores(
    query: Queries, key: Keys, rows: slice, columns: slice, causal: bool
) -> Float[Tensor, "batch heads rows columns"]:
    """Scores of some queries and some keys; ``causal`` hides keys that are later."""
    scaled = wide(query[:, :, rows]) / math.sqrt(query.shape[-1])
    scores = scaled @ wide(key[:, :, columns]).mT
    if causal:
        now = rows.start + key.shape[2] - query.shape[2]  # position of the first query
        future = scores.new_ones(scores.shape[-2:]).triu(now - columns.start + 1)
        scores = scores.masked_fill(future.bool(), -math.inf)
    return scores


def naive_attention(query: Queries, key: Keys, value: Keys, causal: bool) -> Queries:
    """Attention with all scores in memory: a single tile."""
    everything = slice(0, query.shape[2]), slice(0, key.shape[2])
    weights = tile_scores(query, key, *everything, causal).softmax(dim=-1)
    return (weights @ wide(value)).to(query)


def reach(rows: slice, q_len: int, kv_len: int, causal: bool) -> int:
    """How many keys the last of these queries sees: tiles behind them are skipped."""
    return rows.stop + kv_len - q_len if causal else kv_len


def flash_forward(
    query: Queries, key: Keys, value: Keys, causal: bool, q_tile: int, kv_tile: int
) -> tuple[Queries, PerQuery]:
    """Attention in tiles, and the logarithm of each row's sum of exponentials."""
    out, log_sum = torch.empty_like(query), torch.empty_like(wide(query[..., :1]))
    q_len, kv_len = query.shape[2], key.shape[2]
    for rows in spans(q_len, q_tile):
        row_max = torch.full_like(log_sum[:, :, rows], -math.inf)
        row_sum = torch.zeros_like(row_max)
        acc = torch.zeros_like(wide(query[:, :, rows]))
        for columns in spans(reach(rows, q_len, kv_len, causal), kv_tile):
            scores = tile_scores(query, key, rows, columns, causal)
            row_max, row_sum, acc = online_softmax(
                row_max, row_sum, acc, scores, value[:, :, columns]
            )
        out[:, :, rows] = acc / row_sum
        log_sum[:, :, rows] = row_max + row_sum.log()
    return out, log_sum


def flash_backward(
    query: Queries,
    key: Keys,
    value: Keys,
    out: Queries,
    log_sum: PerQuery,
    grad_out: Queries,
    causal: bool,
    q_tile: int,
    kv_tile: int,
) -> tuple[Queries, Keys, Keys]:
    """Gradients of query, key and value: each tile of weights is computed again."""
    dtype, inputs = query.dtype, map(wide, (query, key, value, out, grad_out))
    query, key, value, out, grad_out = inputs
    grad_query, grad_key, grad_value = map(torch.zeros_like, (query, key, value))
    inner = (grad_out * out).sum(dim=-1, keepdim=True)  # (batch, heads, q_len, 1)
    q_len, kv_len = query.shape[2], key.shape[2]
    for i in spans(q_len, q_tile):
        for j in spans(reach(i, q_len, kv_len, causal), kv_tile):
            scores = tile_scores(query, key, i, j, causal)
            weights = (scores - log_sum[:, :, i]).exp()
            grad_weights = grad_out[:, :, i] @ value[:, :, j].mT
            grad_scores = weights * (grad_weights - inner[:, :, i])
            grad_scores /= math.sqrt(query.shape[-1])
            grad_value[:, :, j] += weights.mT @ grad_out[:, :, i]
            grad_query[:, :, i] += grad_scores @ key[:, :, j]
            grad_key[:, :, j] += grad_scores.mT @ query[:, :, i]
    return grad_query.to(dtype), grad_key.to(dtype), grad_value.to(dtype)


class TiledAttention(torch.autograd.Function):
    """Forward and backward as one operation for autograd."""

    @staticmethod
    def forward(ctx, query, key, value, *tiling):
        out, log_sum = flash_forward(query, key, value, *tiling)
        ctx.save_for_backward(query, key, value, out, log_sum)
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


def naive_traffic(q_len: int, kv_len: int, head_dim: int) -> int:
    """Numbers moved for one head if scores and weights are written and read back.

    >>> naive_traffic(q_len=1024, kv_len=1024, head_dim=64)
    4456448
    """
    return 4 * q_len * kv_len + 2 * (q_len + kv_len) * head_dim


def tiled_traffic(q_len: int, kv_len: int, head_dim: int, q_tile: int) -> int:
    """Numbers moved for one head if each tile of queries reads all keys and values.

    >>> tiled_traffic(q_len=1024, kv_len=1024, head_dim=64, q_tile=128)
    1180672
    """
    passes = math.ceil(q_len / q_tile)
    return 2 * q_len * head_dim + q_len + passes * 2 * kv_len * head_dim
