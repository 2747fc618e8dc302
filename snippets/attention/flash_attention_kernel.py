"""FlashAttention's forward pass as a Triton kernel: one program per tile of queries.

Dao (2023), https://arxiv.org/abs/2307.08691, algorithm 1. Triton's interpreter runs it
in NumPy, without a GPU; it has to be asked for before Triton is imported.

Axes::

    batch     independent sequences
    heads     attention heads
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

Heads = Float[Tensor, "batch heads seq head_dim"]


@triton.jit
def flash_kernel(
    query,
    key,
    value,
    out,
    log_sum,
    seq,
    scale,
    head_dim: tl.constexpr,
    q_tile: tl.constexpr,
    kv_tile: tl.constexpr,
):
    """One tile of queries of one head."""
    head = tl.program_id(1) * seq
    rows = tl.program_id(0) * q_tile + tl.arange(0, q_tile)[:, None]
    features = tl.arange(0, head_dim)[None, :]
    here = (head + rows) * head_dim + features  # (q_tile, head_dim)
    q = tl.load(query + here, mask=rows < seq, other=0.0)
    row_max = tl.full((q_tile, 1), float("-inf"), tl.float32)
    row_sum = tl.full((q_tile, 1), 0.0, tl.float32)
    acc = tl.full((q_tile, head_dim), 0.0, tl.float32)
    for start in range(0, seq, kv_tile):
        columns = start + tl.arange(0, kv_tile)[:, None]
        there = (head + columns) * head_dim + features  # (kv_tile, head_dim)
        k = tl.load(key + there, mask=columns < seq, other=0.0)
        v = tl.load(value + there, mask=columns < seq, other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        scores = tl.where(tl.trans(columns) < seq, scores, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(scores, axis=1, keep_dims=True))
        weights = tl.exp(scores - new_max)  # (q_tile, kv_tile)
        shrink = tl.exp(row_max - new_max)
        row_sum = shrink * row_sum + tl.sum(weights, axis=1, keep_dims=True)
        more = tl.dot(weights.to(v.dtype), v, input_precision="ieee")
        acc = shrink * acc + more
        row_max = new_max
    tl.store(out + here, acc / row_sum, mask=rows < seq)
    tl.store(log_sum + head + rows, row_max + tl.log(row_sum), mask=rows < seq)


def flash_attention_kernel(
    query: Heads, key: Heads, value: Heads, *, q_tile: int = 64, kv_tile: int = 32
) -> tuple[Heads, Float[Tensor, "batch heads seq 1"]]:
    """Attention without a mask, and the logarithm of each row's sum of exponentials.

    Raises
    ------
    ValueError
        If a tile or ``head_dim`` is not a power of two, at least 16.
    """
    batch, heads, seq, head_dim = query.shape
    for size in (head_dim, q_tile, kv_tile):
        if size < 16 or size & (size - 1):
            raise ValueError(f"{size} is not a power of two from 16 on")
    query, key, value = (x.contiguous() for x in (query, key, value))
    out, log_sum = torch.empty_like(query), query.new_empty(batch, heads, seq, 1)
    programs = triton.cdiv(seq, q_tile), batch * heads
    flash_kernel[programs](
        query, key, value, out, log_sum, seq, head_dim**-0.5, head_dim, q_tile, kv_tile
    )
    return out, log_sum


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
