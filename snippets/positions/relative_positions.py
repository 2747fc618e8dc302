"""Relative positions: scores that depend on the distance of query and key.

Shaw et al. (2018), https://arxiv.org/abs/1803.02155, and the buckets of T5,
Raffel et al. (2020), https://arxiv.org/abs/1910.10683

Symbols::

    k         reach, the largest offset that has a row of its own; K on the page
    a^K, a^V  key_table, value_table; a^key, a^value on the page
    j - i     offset, key position minus query position

Axes::

    batch     independent sequences
    heads     query heads
    q_len     query positions
    kv_len    key positions, cached ones included; ``kv_len >= q_len``
    head_dim  features of one head
    rows      offsets from -K to K in a table; ``2 K + 1``
    buckets   ranges of distances that share a row of T5's table
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def offsets(q_len: int, kv_len: int) -> Int[Tensor, "q_len kv_len"]:
    """Key position minus query position; the last query stands at the last key.

    Raises
    ------
    ValueError
        If there are no queries, or more queries than keys.

    Examples
    --------
    >>> offsets(2, 3)
    tensor([[-1,  0,  1],
            [-2, -1,  0]])
    """
    if not 1 <= q_len <= kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")
    return torch.arange(kv_len) - torch.arange(kv_len - q_len, kv_len)[:, None]


def shaw_attention(
    query: Float[Tensor, "batch heads q_len head_dim"],
    key: Float[Tensor, "batch heads kv_len head_dim"],
    value: Float[Tensor, "batch heads kv_len head_dim"],
    key_table: Float[Tensor, "rows head_dim"],
    value_table: Float[Tensor, "rows head_dim"],
    *,
    causal: bool,
) -> Float[Tensor, "batch heads q_len head_dim"]:
    """Attention with a learned key and value for each offset, clipped to K.

    Row ``K + r`` of a table is for key position minus query position ``r``. The last
    query stands at the last key.

    Raises
    ------
    ValueError
        If the tables have no middle row, or the queries do not fit the keys.

    Examples
    --------
    Keys and values are zero, and the value table is 1 for earlier keys: each query
    outputs the share of its attention on earlier keys.

    >>> zero = torch.zeros(1, 1, 3, 1)
    >>> back = torch.tensor([[1.0], [0.0], [0.0]])
    >>> shaw_attention(zero, zero, zero, 0 * back, back, causal=True).flatten()
    tensor([0.0000, 0.5000, 0.6667])
    """
    q_len, head_dim = query.shape[-2:]
    rows = len(key_table)
    if rows % 2 == 0:
        raise ValueError(f"{rows} rows have no middle: a table has 2 K + 1")
    reach = rows // 2
    offset = offsets(q_len, key.shape[-2])
    row = (offset.clamp(-reach, reach) + reach).expand(*query.shape[:2], -1, -1)

    query = query / math.sqrt(head_dim)
    by_offset = query @ key_table.mT  # (batch, heads, q_len, rows)
    scores = query @ key.mT + by_offset.gather(-1, row)
    if causal:
        scores = scores.masked_fill(offset > 0, -math.inf)
    weights = scores.softmax(dim=-1)
    on_offset = torch.zeros_like(by_offset).scatter_add(-1, row, weights)
    return weights @ value + on_offset @ value_table


def t5_bucket(
    offset: Int[Tensor, "*shape"],
    *,
    causal: bool,
    buckets: int = 32,
    max_distance: int = 128,
) -> Int[Tensor, "*shape"]:
    """Bucket of T5 for ``offset``, key position minus query position.

    The first half of the buckets serve one distance each. In the second half, the
    boundaries are a geometric sequence up to ``max_distance``, rounded up to whole
    distances; all larger distances share the last bucket. If not ``causal``, earlier
    keys use the first half of all buckets, and later keys the second half. If
    ``causal``, later keys get bucket 0; mask them.

    Raises
    ------
    ValueError
        If the buckets cannot be split, or ``max_distance`` leaves no far distances.

    Examples
    --------
    >>> t5_bucket(-torch.tensor([0, 7, 15, 16, 32, 64, 500]), causal=True).tolist()
    [0, 7, 15, 16, 21, 26, 31]
    """
    side = buckets if causal else buckets // 2
    exact = side // 2
    if buckets != side * (1 if causal else 2) or side % 2 or exact < 1:
        raise ValueError(f"cannot split {buckets=} into halves, {causal=}")
    if max_distance <= exact:
        raise ValueError(f"{max_distance=} leaves nothing beyond {exact} exact rows")
    offset = offset.long()  # in int8, -(-128) overflows
    distance = (-offset).clamp(min=0) if causal else offset.abs()
    octaves = (distance.double().clamp(min=exact) / exact).log2()
    far = exact + octaves / math.log2(max_distance / exact) * (side - exact)
    row = torch.where(distance < exact, distance, far.long().clamp(max=side - 1))
    return row if causal else row + side * (offset > 0)


def t5_bias(
    table: Float[Tensor, "buckets heads"],
    q_len: int,
    kv_len: int,
    *,
    causal: bool,
    max_distance: int = 128,
) -> Float[Tensor, "heads q_len kv_len"]:
    """Bias that T5 adds to each score, from one trained row per bucket.

    Examples
    --------
    Equal offsets have equal biases, so each diagonal is constant:

    >>> table = torch.arange(32.0)[:, None]
    >>> t5_bias(table, 3, 3, causal=True)[0]
    tensor([[0., 0., 0.],
            [1., 0., 0.],
            [2., 1., 0.]])
    """
    row = t5_bucket(
        offsets(q_len, kv_len),
        causal=causal,
        buckets=len(table),
        max_distance=max_distance,
    )
    return table[row].movedim(-1, 0)
