"""FlashAttention's forward pass as a Triton kernel: one program per tile of queries.

Dao (2023), https://arxiv.org/abs/2307.08691, algorithm 1; names are those of
:mod:`snippets.attention.flash_attention`. Triton's interpreter runs the kernel in
NumPy, without a GPU; it has to be asked for before Triton is imported.

Axes::

    batch     independent sequences
    heads     query heads
    kv_heads  key/value heads; each serves ``group = heads / kv_heads`` query heads
    seq       positions, of queries and of keys
    q_tile    queries of one program
    kv_tile   keys that it reads at a time
    head_dim  features of one head
"""

import os
from collections.abc import Callable
from unittest.mock import patch

import torch
from jaxtyping import Float
from torch import Tensor

os.environ.setdefault("TRITON_INTERPRET", "1")  # 0 compiles for a GPU

import triton
import triton.language as tl
from triton.runtime.interpreter import interpreter_builder

Queries = Float[Tensor, "batch heads seq head_dim"]
Keys = Float[Tensor, "batch kv_heads seq head_dim"]
PerQuery = Float[Tensor, "batch heads seq 1"]


@triton.jit
def flash_kernel(
    query,
    key,
    value,
    out,
    lse,
    seq,
    scale,
    group,
    head_dim: tl.constexpr,
    q_tile: tl.constexpr,
    kv_tile: tl.constexpr,
    causal: tl.constexpr,
):
    """One tile of queries of one head."""
    first, head = tl.program_id(0) * q_tile, tl.program_id(1)
    rows = first + tl.arange(0, q_tile)[:, None]
    features = tl.arange(0, head_dim)[None, :]
    here = (head * seq + rows) * head_dim + features  # (q_tile, head_dim)
    q = tl.load(query + here, mask=rows < seq, other=0.0)
    row_max = tl.full((q_tile, 1), float("-inf"), tl.float32)
    row_sum = tl.full((q_tile, 1), 0.0, tl.float32)
    acc = tl.full((q_tile, head_dim), 0.0, tl.float32)
    stop = tl.minimum(first + q_tile, seq) if causal else seq
    for start in range(0, stop, kv_tile):
        columns = start + tl.arange(0, kv_tile)[:, None]
        there = (head // group * seq + columns) * head_dim + features
        k = tl.load(key + there, mask=columns < seq, other=0.0)
        v = tl.load(value + there, mask=columns < seq, other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        visible = tl.trans(columns) < seq
        if causal:
            visible = visible & (tl.trans(columns) <= rows)
        scores = tl.where(visible, scores, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(scores, axis=1, keep_dims=True))
        weights = tl.exp(scores - new_max)  # (q_tile, kv_tile)
        rescale = tl.exp(row_max - new_max)
        row_sum = rescale * row_sum + tl.sum(weights, axis=1, keep_dims=True)
        more = tl.dot(weights.to(v.dtype), v, input_precision="ieee")
        acc = rescale * acc + more
        row_max = new_max
    tl.store(out + here, acc / row_sum, mask=rows < seq)
    row_lse = row_max + tl.log(row_sum)
    tl.store(lse + head * seq + rows, row_lse, mask=rows < seq)


def check_dtypes(*tensors: Tensor) -> None:
    """Kernels take one type of numbers, and add up in 32 bits.

    Triton's interpreter calculates in NumPy, which has no bfloat16: it would multiply
    the bits as integers. Doubles do not compile.
    """
    known = {torch.float16, torch.float32}
    if not triton.knobs.runtime.interpret:
        known.add(torch.bfloat16)
    dtypes = {x.dtype for x in tensors}
    if len(dtypes) != 1 or not dtypes <= known:
        found = " and ".join(sorted(map(str, dtypes)))
        raise ValueError(
            f"{found}: kernels take one type, float16, float32, or, compiled, bfloat16"
        )


def shared_group(query: Tensor, key: Tensor, value: Tensor, *tiles: int) -> int:
    """How many query heads share a key/value head, after a check of types and sizes.

    Kernels receive pointers: a shape that does not fit would make them read memory
    that is not theirs.
    """
    check_dtypes(query, key, value)
    batch, heads, seq, head_dim = query.shape
    kv_heads = key.shape[1]
    if key.shape != (batch, kv_heads, seq, head_dim) or key.shape != value.shape:
        shapes = (tuple(x.shape) for x in (query, key, value))
        raise ValueError("query {}, key {} and value {} do not fit".format(*shapes))
    if kv_heads < 1 or heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} key heads")
    for size in (head_dim, *tiles):
        if size < 16 or size & (size - 1):
            raise ValueError(f"{size} is not a power of two from 16 on")
    return heads // kv_heads


def flash_attention_kernel(
    query: Queries,
    key: Keys,
    value: Keys,
    *,
    causal: bool = False,
    q_tile: int = 64,
    kv_tile: int = 32,
) -> tuple[Queries, PerQuery]:
    """Output, and the log-sum-exp of each query's scores.

    Raises
    ------
    ValueError
        If a tile or ``head_dim`` is not a power of two, at least 16, or the types or
        shapes of query, key and value do not fit.
    """
    group = shared_group(query, key, value, q_tile, kv_tile)
    batch, heads, seq, head_dim = query.shape
    query, key, value = (x.contiguous() for x in (query, key, value))
    out = torch.empty_like(query)
    lse = query.new_empty(batch, heads, seq, 1, dtype=torch.float32)
    programs = triton.cdiv(seq, q_tile), batch * heads
    sizes = seq, head_dim**-0.5, group, head_dim, q_tile, kv_tile, causal
    flash_kernel[programs](query, key, value, out, lse, *sizes)
    return out, lse


def numbers_moved(run: Callable[[], object]) -> int:
    """How many numbers kernels load and store during ``run``, in the interpreter."""
    load, store = "create_masked_load", "create_masked_store"
    builder = interpreter_builder
    with (
        patch.object(builder, load, wraps=builder.create_masked_load) as loads,
        patch.object(builder, store, wraps=builder.create_masked_store) as stores,
    ):
        run()
    masks = [call.args[1] for call in loads.call_args_list]
    masks += [call.args[2] for call in stores.call_args_list]
    return sum(int(mask.data.sum()) for mask in masks)
