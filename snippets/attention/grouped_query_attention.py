"""Grouped-query attention: several query heads share one key/value head.

Ainslie et al. (2023), https://arxiv.org/abs/2305.13245; with a single key/value head,
multi-query attention, Shazeer (2019), https://arxiv.org/abs/1911.02150

Symbols::

    H, G, d        heads, kv_heads, head_dim
    H / G          group
    Q_h, K_g, V_g  query[:, h], key[:, g], value[:, g]
    M              future (true where M is -inf)

Axes::

    batch     independent sequences
    heads     query heads
    kv_heads  key/value heads; divides ``heads``
    group     query heads that share a key/value head; ``heads / kv_heads``
    q_len     query positions
    kv_len    key positions, cached ones included; ``kv_len >= q_len``
    head_dim  features of one head
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def grouped_query_attention(
    query: Float[Tensor, "batch heads q_len head_dim"],
    key: Float[Tensor, "batch kv_heads kv_len head_dim"],
    value: Float[Tensor, "batch kv_heads kv_len head_dim"],
) -> Float[Tensor, "batch heads q_len head_dim"]:
    """Causal attention in which ``heads / kv_heads`` query heads share a key head.

    ``kv_heads == heads`` is multi-head attention, ``kv_heads == 1`` is multi-query.
    The last query is aligned with the last key, so that the same function serves a
    whole prompt (``kv_len == q_len``) and one decoding step (``q_len == 1``).

    Raises
    ------
    ValueError
        If ``kv_heads`` does not divide ``heads``, or a query has no key at all.

    Examples
    --------
    >>> query, cache = torch.ones(1, 8, 1, 4), torch.ones(1, 2, 5, 4)
    >>> grouped_query_attention(query, cache, cache).shape
    torch.Size([1, 8, 1, 4])
    """
    _, heads, q_len, head_dim = query.shape
    _, kv_heads, kv_len, _ = key.shape
    if kv_heads < 1 or heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} key heads")
    if not 1 <= q_len <= kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")

    # (batch, kv_heads, group, q_len, head_dim)
    query = query.unflatten(1, (kv_heads, heads // kv_heads)) / math.sqrt(head_dim)
    scores = torch.einsum("bkgqd,bkld->bkgql", query, key)
    future = scores.new_ones(q_len, kv_len).triu(kv_len - q_len + 1).bool()
    weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)
    output = torch.einsum("bkgql,bkld->bkgqd", weights, value)
    return output.flatten(1, 2)  # (batch, heads, q_len, head_dim)


class GroupedQueryAttention(nn.Module):
    """Projections, grouped attention, and an optional key-value cache.

    Parameters
    ----------
    d_model
        Features of a token; ``head_dim`` is ``d_model / heads``.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``d_model``, or ``kv_heads`` not ``heads``.

    Examples
    --------
    >>> layer = GroupedQueryAttention(d_model=24, heads=4, kv_heads=2)
    >>> layer.key.weight.shape
    torch.Size([12, 24])
    """

    def __init__(self, *, d_model: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        if min(heads, kv_heads) < 1 or d_model % heads or heads % kv_heads:
            raise ValueError(f"uneven sharing: {d_model=}, {heads=}, {kv_heads=}")
        head_dim = d_model // heads
        self.heads, self.kv_heads = heads, kv_heads
        self.query = nn.Linear(d_model, heads * head_dim, bias=False)
        self.key = nn.Linear(d_model, kv_heads * head_dim, bias=False)
        self.value = nn.Linear(d_model, kv_heads * head_dim, bias=False)
        self.out = nn.Linear(heads * head_dim, d_model, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Attend to ``x`` and to what ``cache`` (a list, empty at first) holds.

        The cache is extended in place by the keys and values of ``x``.
        """
        # (batch, heads, seq, head_dim)
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = (
            project(x).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2)
            for project in (self.key, self.value)
        )
        if cache is not None:
            if cache:
                key = torch.cat([cache[0], key], dim=2)
                value = torch.cat([cache[1], value], dim=2)
            cache[:] = key, value
        output = grouped_query_attention(query, key, value)
        return self.out(output.transpose(1, 2).flatten(2))


def pool_heads(
    weight: Float[Tensor, "rows d_model"], *, heads: int, kv_heads: int
) -> Float[Tensor, "pooled_rows d_model"]:
    """Mean-pool a key or value projection: each new head is the mean of a group.

    Raises
    ------
    ValueError
        If ``kv_heads`` does not divide ``heads``, or ``heads`` not the rows.

    Examples
    --------
    Four heads of one feature become two:

    >>> weight = torch.tensor([[1.0], [3.0], [10.0], [20.0]])
    >>> pool_heads(weight, heads=4, kv_heads=2)
    tensor([[ 2.],
            [15.]])
    """
    rows = len(weight)
    if min(heads, kv_heads) < 1 or rows % heads or heads % kv_heads:
        raise ValueError(f"cannot pool {rows} rows: {heads=}, {kv_heads=}")
    # (kv_heads, group, head_dim, d_model)
    split = weight.unflatten(0, (kv_heads, heads // kv_heads, rows // heads))
    return split.mean(dim=1).flatten(0, 1)


def cache_bytes(
    layers: int, kv_heads: int, head_dim: int, tokens: int, itemsize: int = 2
) -> int:
    """Size of the key-value cache of one sequence, in bytes.

    ``itemsize`` is the number of bytes per number.

    Examples
    --------
    Llama 2 70B keeps 8 key/value heads of 128 features in each of 80 layers:

    >>> cache_bytes(layers=80, kv_heads=8, head_dim=128, tokens=4096) / 2**30
    1.25
    """
    return 2 * layers * kv_heads * head_dim * tokens * itemsize


def operations_per_byte(group: int, itemsize: int = 2) -> float:
    """Arithmetic intensity of a decoding step: operations per byte of cache.

    Each cached number is read once and used by ``group`` query heads, in one
    multiplication and one addition each.

    Examples
    --------
    >>> operations_per_byte(group=1), operations_per_byte(group=8)
    (1.0, 8.0)
    """
    return 2 * group / itemsize
