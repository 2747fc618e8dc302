"""Triton kernels: addition, a fused activation, softmax, a tiled product.

Tillet, Kung and Cox (2019), https://doi.org/10.1145/3315508.3329973

Triton's interpreter runs them without a GPU; it has to be asked for before Triton is
imported. Numbers are float16 or float32; compiled kernels take bfloat16 too.

Axes::

    rows, columns, inner  a ``(rows, inner)`` matrix times an ``(inner, columns)`` one
    block, tile           numbers that one program holds at a time; powers of two
"""

import os

import torch
from jaxtyping import Float
from torch import Tensor

os.environ.setdefault("TRITON_INTERPRET", "1")  # 0 compiles for a GPU

import triton
import triton.language as tl

from snippets.attention.flash_attention_kernel import check_dtypes


@triton.jit
def add_kernel(x, y, out, numbers, block: tl.constexpr):
    here = tl.program_id(0) * block + tl.arange(0, block)
    inside = here < numbers
    total = tl.load(x + here, mask=inside) + tl.load(y + here, mask=inside)
    tl.store(out + here, total, mask=inside)


@triton.jit
def hardswish_kernel(x, out, numbers, block: tl.constexpr):
    here = tl.program_id(0) * block + tl.arange(0, block)
    inside = here < numbers
    number = tl.load(x + here, mask=inside)
    result = number * tl.minimum(tl.maximum(number + 3, 0.0), 6.0) / 6
    tl.store(out + here, result, mask=inside)


@triton.jit
def softmax_kernel(x, out, columns, block: tl.constexpr):
    """One row, all of which fits into one program."""
    here = tl.arange(0, block)
    inside = here < columns
    row = tl.program_id(0) * columns
    scores = tl.load(x + row + here, mask=inside, other=float("-inf"))
    weights = tl.exp(scores - tl.max(scores, axis=0))
    tl.store(out + row + here, weights / tl.sum(weights, axis=0), mask=inside)


@triton.jit
def online_softmax_kernel(x, out, columns, block: tl.constexpr):
    """One row, however long: maximum and sum in one pass, the weights in another."""
    row = tl.program_id(0) * columns
    top = tl.full((1,), float("-inf"), tl.float32)
    total = tl.full((1,), 0.0, tl.float32)
    for start in range(0, columns, block):
        here = start + tl.arange(0, block)
        scores = tl.load(x + row + here, mask=here < columns, other=float("-inf"))
        new_top = tl.maximum(top, tl.max(scores, axis=0))
        shift = tl.where(new_top == float("-inf"), 0.0, new_top)  # all masked so far
        more = tl.sum(tl.exp(scores - shift), axis=0)
        total = total * tl.exp(top - shift) + more
        top = new_top
    for start in range(0, columns, block):
        here = start + tl.arange(0, block)
        scores = tl.load(x + row + here, mask=here < columns, other=float("-inf"))
        weights = tl.exp(scores - top) / total
        tl.store(out + row + here, weights, mask=here < columns)


@triton.jit
def matmul_kernel(
    left,
    right,
    out,
    rows,
    columns,
    inner,
    row_tile: tl.constexpr,
    column_tile: tl.constexpr,
    inner_tile: tl.constexpr,
):
    """One tile of the result, which stays in the program until it is finished."""
    i = tl.program_id(0) * row_tile + tl.arange(0, row_tile)[:, None]
    j = tl.program_id(1) * column_tile + tl.arange(0, column_tile)[None, :]
    tile = tl.full((row_tile, column_tile), 0.0, tl.float32)
    for start in range(0, inner, inner_tile):
        k = start + tl.arange(0, inner_tile)
        across, down = k[None, :], k[:, None]
        a_inside = (i < rows) & (across < inner)
        b_inside = (down < inner) & (j < columns)
        a = tl.load(left + i * inner + across, mask=a_inside, other=0.0)
        b = tl.load(right + down * columns + j, mask=b_inside, other=0.0)
        tile += tl.dot(a, b, input_precision="ieee")
    tl.store(out + i * columns + j, tile, mask=(i < rows) & (j < columns))


def check_tiles(*sizes: int, least: int = 1) -> None:
    for size in sizes:
        if size < least or size & (size - 1):
            raise ValueError(f"{size} is not a power of two from {least} on")


def add(
    x: Float[Tensor, " numbers"], y: Float[Tensor, " numbers"], *, block: int = 256
) -> Float[Tensor, " numbers"]:
    """The sum; every number is read and written by one program.

    Raises
    ------
    ValueError
        In this and the other functions, if a tile is not a power of two, or types or
        shapes do not fit. A kernel receives addresses and would read past the end.
    """
    check_tiles(block)
    check_dtypes(x, y)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"one axis of the same size each: {x.shape=}, {y.shape=}")
    x, y = x.contiguous(), y.contiguous()
    out = torch.empty_like(x)
    add_kernel[(triton.cdiv(len(x), block),)](x, y, out, len(x), block)
    return out


def fused_hardswish(
    x: Float[Tensor, " numbers"], *, block: int = 256
) -> Float[Tensor, " numbers"]:
    """Four operations on a number between its load and its store."""
    check_tiles(block)
    check_dtypes(x)
    if x.ndim != 1:
        raise ValueError(f"one axis: {x.shape=}")
    x = x.contiguous()
    out = torch.empty_like(x)
    hardswish_kernel[(triton.cdiv(len(x), block),)](x, out, len(x), block)
    return out


def softmax(
    x: Float[Tensor, "rows columns"], *, block: int | None = None
) -> Float[Tensor, "rows columns"]:
    """Softmax of each row: at once, or in blocks, whose row is then read twice."""
    check_dtypes(x)
    rows, columns = x.shape
    check_tiles(1 if block is None else block)
    kernel = online_softmax_kernel if block else softmax_kernel
    x = x.contiguous()
    out = torch.empty_like(x)
    kernel[(rows,)](x, out, columns, block or triton.next_power_of_2(columns))
    return out


def matmul(
    left: Float[Tensor, "rows inner"],
    right: Float[Tensor, "inner columns"],
    *,
    row_tile: int = 32,
    column_tile: int = 32,
    inner_tile: int = 16,
) -> Float[Tensor, "rows columns"]:
    """The product of two matrices, a program for each tile of it."""
    check_tiles(row_tile, column_tile, inner_tile, least=16)
    check_dtypes(left, right)
    if left.shape[1:] != right.shape[:1]:
        raise ValueError(f"inner sizes differ: {left.shape=}, {right.shape=}")
    (rows, inner), columns = left.shape, right.shape[1]
    out = left.new_empty(rows, columns)
    sizes, tiles = (rows, columns, inner), (row_tile, column_tile, inner_tile)
    programs = triton.cdiv(rows, row_tile), triton.cdiv(columns, column_tile)
    left, right = left.contiguous(), right.contiguous()
    matmul_kernel[programs](left, right, out, *sizes, *tiles)
    return out
