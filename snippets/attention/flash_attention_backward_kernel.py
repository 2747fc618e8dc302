"""FlashAttention's backward pass as two Triton kernels, for dQ and for dK and dV.

Dao (2023), https://arxiv.org/abs/2307.08691, algorithm 2, split in two so that no two
programs add to the same gradient. Names and axes are those of
:mod:`snippets.attention.flash_attention_kernel`, whose output and log-sum-exp it takes.
"""

import torch
from torch import Tensor

from snippets.attention.flash_attention_kernel import (
    Keys,
    PerQuery,
    Queries,
    check_dtypes,
    shared_group,
    tl,
    triton,
)


@triton.jit
def grad_query_kernel(
    query,
    key,
    value,
    out,
    grad_out,
    lse,
    delta,
    grad_query,
    seq,
    scale,
    group,
    head_dim: tl.constexpr,
    q_tile: tl.constexpr,
    kv_tile: tl.constexpr,
    causal: tl.constexpr,
):
    """One tile of queries reads all keys that it sees; it also stores ``delta``."""
    first, head = tl.program_id(0) * q_tile, tl.program_id(1)
    rows = first + tl.arange(0, q_tile)[:, None]
    features = tl.arange(0, head_dim)[None, :]
    here = (head * seq + rows) * head_dim + features
    q = tl.load(query + here, mask=rows < seq, other=0.0)
    do = tl.load(grad_out + here, mask=rows < seq, other=0.0)
    o = tl.load(out + here, mask=rows < seq, other=0.0)
    row_lse = tl.load(lse + head * seq + rows, mask=rows < seq, other=0.0)
    product = do.to(tl.float32) * o.to(tl.float32)
    row_delta = tl.sum(product, axis=1, keep_dims=True)
    tl.store(delta + head * seq + rows, row_delta, mask=rows < seq)
    acc = tl.full((q_tile, head_dim), 0.0, tl.float32)
    stop = tl.minimum(first + q_tile, seq) if causal else seq
    for start in range(0, stop, kv_tile):
        columns = start + tl.arange(0, kv_tile)[:, None]
        there = (head // group * seq + columns) * head_dim + features
        k = tl.load(key + there, mask=columns < seq, other=0.0)
        v = tl.load(value + there, mask=columns < seq, other=0.0)
        visible = tl.trans(columns) < seq
        if causal:
            visible = visible & (tl.trans(columns) <= rows)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        weights = tl.exp(tl.where(visible, scores - row_lse, float("-inf")))
        grad_weights = tl.dot(do, tl.trans(v), input_precision="ieee")
        grad_scores = weights * (grad_weights - row_delta) * scale
        acc += tl.dot(grad_scores.to(k.dtype), k, input_precision="ieee")
    tl.store(grad_query + here, acc, mask=rows < seq)


@triton.jit
def grad_key_value_kernel(
    query,
    key,
    value,
    grad_out,
    lse,
    delta,
    grad_key,
    grad_value,
    seq,
    scale,
    group,
    head_dim: tl.constexpr,
    q_tile: tl.constexpr,
    kv_tile: tl.constexpr,
    causal: tl.constexpr,
):
    """One tile of keys reads the queries that see it, of all heads that share it."""
    first, kv_head = tl.program_id(0) * kv_tile, tl.program_id(1)
    columns = first + tl.arange(0, kv_tile)[:, None]
    features = tl.arange(0, head_dim)[None, :]
    there = (kv_head * seq + columns) * head_dim + features
    k = tl.load(key + there, mask=columns < seq, other=0.0)
    v = tl.load(value + there, mask=columns < seq, other=0.0)
    dk = tl.full((kv_tile, head_dim), 0.0, tl.float32)
    dv = tl.full((kv_tile, head_dim), 0.0, tl.float32)
    begin = first // q_tile * q_tile if causal else 0
    for head in range(kv_head * group, kv_head * group + group):
        for start in range(begin, seq, q_tile):
            rows = start + tl.arange(0, q_tile)[:, None]
            here = (head * seq + rows) * head_dim + features
            q = tl.load(query + here, mask=rows < seq, other=0.0)
            do = tl.load(grad_out + here, mask=rows < seq, other=0.0)
            at = head * seq + rows
            row_lse = tl.load(lse + at, mask=rows < seq, other=0.0)
            row_delta = tl.load(delta + at, mask=rows < seq, other=0.0)
            visible = tl.trans(columns) < seq
            if causal:
                visible = visible & (tl.trans(columns) <= rows)
            scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
            weights = tl.exp(tl.where(visible, scores - row_lse, float("-inf")))
            grad_weights = tl.dot(do, tl.trans(v), input_precision="ieee")
            grad_scores = weights * (grad_weights - row_delta) * scale
            weights = tl.trans(weights).to(do.dtype)
            dv += tl.dot(weights, do, input_precision="ieee")
            grad_scores = tl.trans(grad_scores).to(q.dtype)
            dk += tl.dot(grad_scores, q, input_precision="ieee")
    tl.store(grad_key + there, dk, mask=columns < seq)
    tl.store(grad_value + there, dv, mask=columns < seq)


def flash_attention_backward(
    query: Queries,
    key: Keys,
    value: Keys,
    out: Queries,
    lse: PerQuery,
    grad_out: Queries,
    *,
    causal: bool = False,
    q_tile: int = 64,
    kv_tile: int = 32,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of query, key and value from what the forward kernel returned.

    Raises
    ------
    ValueError
        If a tile or ``head_dim`` is not a power of two, at least 16, or a type or
        shape does not fit the others.
    """
    check_dtypes(query, out, grad_out)
    group = shared_group(query, key, value, q_tile, kv_tile)
    batch, heads, seq, head_dim = query.shape
    if not out.shape == grad_out.shape == query.shape:
        raise ValueError(f"{out.shape=}, {grad_out.shape=} differ from {query.shape=}")
    if lse.shape != (batch, heads, seq, 1):
        raise ValueError(f"{lse.shape=} does not fit {query.shape=}")
    sizes = seq, head_dim**-0.5, group, head_dim, q_tile, kv_tile, causal
    inputs = query, key, value, out, grad_out, lse
    query, key, value, out, grad_out, lse = (x.contiguous() for x in inputs)
    delta, grad_query = torch.empty_like(lse), torch.empty_like(query)
    grad_query_kernel[triton.cdiv(seq, q_tile), batch * heads](
        query, key, value, out, grad_out, lse, delta, grad_query, *sizes
    )
    grad_key, grad_value = torch.empty_like(key), torch.empty_like(value)
    grad_key_value_kernel[triton.cdiv(seq, kv_tile), batch * key.shape[1]](
        query, key, value, grad_out, lse, delta, grad_key, grad_value, *sizes
    )
    return grad_query, grad_key, grad_value
