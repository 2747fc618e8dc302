"""A cache against functools', kernels against PyTorch, and the words that both move."""

import re
from functools import lru_cache
from inspect import unwrap

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from snippets.inference.gpu_profiling import Counter
from snippets.inference.kernel_optimization import (
    Cache,
    hardswish,
    hardswish_in_blocks,
    least_reads,
    multiply_accesses,
    tiled_words,
    transactions,
    words_moved,
)

try:
    from snippets.attention.flash_attention_kernel import numbers_moved
    from snippets.inference import triton_kernels as kernels
except ImportError:
    kernels = None

needs_triton = pytest.mark.skipif(kernels is None, reason="Triton is not installed")
addresses = st.lists(st.integers(0, 30), max_size=200)
SIZES = {"rows": 7, "columns": 6, "inner": 5}


@pytest.mark.parametrize(("words", "line"), [(1, 1), (5, 1), (13, 1), (4, 4), (20, 4)])
def test_misses_agree_with_functools(agrees, words, line):
    fetch = lru_cache(maxsize=words // line)(lambda tag: tag)
    addresses = np.random.default_rng(words).integers(0, 40, size=500).tolist()
    for address in addresses:
        fetch(address // line)
    reads = ((address, False) for address in addresses)
    moved = words_moved(reads, words=words, line=line)
    agrees(moved, line * fetch.cache_info().misses, "Python's lru_cache")


@given(accesses=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=200))
def test_a_cache_with_room_for_all_moves_each_word_once_each_way(accesses):
    read = {address for address, _ in accesses}
    written = {address for address, write in accesses if write}
    assert words_moved(accesses, words=31) == len(read) + len(written)


def test_a_word_that_was_written_goes_back_when_it_is_dropped():
    cache = Cache(words=1)
    moved = []
    for address, write in [(1, True), (1, False), (2, False), (1, False)]:
        cache.touch(address, write)
        moved.append(cache.moved)
    assert moved == [1, 1, 3, 4]
    cache.flush()
    assert cache.moved == 4


@given(addresses=addresses)
def test_a_larger_cache_never_moves_more_reads(addresses):
    reads = [(address, False) for address in addresses]
    moved = [words_moved(reads, words=words) for words in (1, 2, 5, 13)]
    assert moved == sorted(moved, reverse=True)


@pytest.mark.parametrize("tile", [(1, 1), (1, 6), (2, 3), (3, 4), (7, 6)])
def test_every_order_does_the_same_arithmetic(agrees, tile):
    """The addresses, followed one by one in one memory, give PyTorch's product."""
    left, right = torch.randn(7, 5).double(), torch.randn(5, 6).double()
    memory = torch.cat([left.flatten(), right.flatten(), torch.zeros(42).double()])
    order = multiply_accesses(**SIZES, row_tile=tile[0], column_tile=tile[1])
    for (a, _), (b, _), (c, written) in zip(order, order, order, strict=True):
        assert written
        memory[c] += memory[a] * memory[b]
    agrees(memory[-42:].view(7, 6), left @ right, "torch.matmul")


@pytest.mark.parametrize("tile", [(1, 1), (2, 3), (3, 4), (4, 4)])
def test_a_tile_that_fits_moves_the_words_of_the_formula(agrees, tile):
    sizes = {**SIZES, "row_tile": tile[0], "column_tile": tile[1]}
    room = tile[0] * tile[1] + 2 * sum(tile)
    counted = words_moved(multiply_accesses(**sizes), words=room)
    # The last rows and columns of one tile may still be there for the next.
    assert 0.8 * tiled_words(**sizes) < counted <= tiled_words(**sizes)
    even = {"rows": 12, "columns": 12, "inner": 12, "row_tile": 3, "column_tile": 4}
    counted = words_moved(multiply_accesses(**even), words=12 + 14)
    agrees(counted, tiled_words(**even), "its definition as loops")


@pytest.mark.parametrize(("tile", "words"), [(2, 12), (4, 48), (8, 192)])
def test_three_tiles_that_fit_move_twice_the_cube_over_the_tile(tile, words):
    order = multiply_accesses(16, 16, 16, row_tile=tile, column_tile=tile)
    assert words_moved(order, words=words) == 2 * 16**3 // tile + 2 * 16**2


@pytest.mark.parametrize("words", [8, 24, 60])
def test_no_order_reads_less_than_the_bound(words):
    for tile in (1, 2, 4, 12):
        order = multiply_accesses(12, 12, 12, row_tile=tile, column_tile=tile)
        reads = words_moved(order, words=words) - 12 * 12  # at least these go back
        assert reads > least_reads(12, 12, 12, words=words) - 2 * words


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 32, 100])
def test_transactions_by_listing_bytes(stride):
    touched = {
        byte // 32
        for lane in range(32)
        for byte in range(4 * lane * stride, 4 * lane * stride + 4)
    }
    assert transactions(stride) == len(touched)


@pytest.mark.parametrize("block", [1, 7, 16, 100])
def test_hardswish_agrees_with_pytorch_whatever_the_block(agrees, block):
    x = 5 * torch.randn(100, dtype=torch.float64)
    out = torch.empty_like(x)
    hardswish_in_blocks(x, out, x.new_empty(block))
    agrees(out, torch.nn.functional.hardswish(x), "torch.nn.functional.hardswish")
    assert_close(hardswish(x), out)


def test_four_operations_move_nine_words_per_number_and_one_moves_two():
    x, out, buffer = torch.randn(3, 1000)
    runs = [
        (9, lambda: hardswish(x)),
        (9, lambda: hardswish_in_blocks(x, out, buffer)),
        (2, lambda: torch.nn.functional.hardswish(x)),
    ]
    for words, run in runs:
        with Counter() as counter:
            run()
        assert counter.total.moved == 4 * words * 1000


@needs_triton
@pytest.mark.parametrize("numbers", [1, 256, 300])
def test_addition_agrees_with_pytorch(agrees, numbers):
    x, y = torch.randn(2, numbers)
    agrees(kernels.add(x, y), x + y, "torch.add")
    assert torch.equal(kernels.add(x, y, block=64), x + y)


@needs_triton
def test_the_fused_kernel_agrees_with_pytorch(agrees):
    x = 5 * torch.randn(300)
    ours = kernels.fused_hardswish(x)
    agrees(ours, torch.nn.functional.hardswish(x), "torch.nn.functional.hardswish")
    assert numbers_moved(lambda: kernels.fused_hardswish(x)) == 2 * 300


@needs_triton
@pytest.mark.parametrize(("block", "moved"), [(None, 2), (16, 3), (64, 3)])
def test_softmax_agrees_with_pytorch(agrees, block, moved):
    x = 50 * torch.randn(5, 77)
    agrees(kernels.softmax(x, block=block), x.softmax(dim=1), "torch.softmax")
    counted = numbers_moved(lambda: kernels.softmax(x, block=block))
    assert counted == moved * x.numel()


@needs_triton
def test_softmax_of_a_transposed_matrix_agrees_with_pytorch(agrees):
    x = torch.randn(9, 4).T
    agrees(kernels.softmax(x), x.softmax(dim=1), "torch.softmax")


@needs_triton
@pytest.mark.parametrize("tiles", [(32, 16, 16), (16, 64, 32)])
def test_products_agree_with_pytorch_and_move_the_words_of_the_formula(agrees, tiles):
    left, right = torch.randn(70, 33), torch.randn(100, 33).T
    names = ("row_tile", "column_tile", "inner_tile")
    sizes = dict(zip(names, tiles, strict=True))
    agrees(kernels.matmul(left, right, **sizes), left @ right, "torch.matmul")
    counted = numbers_moved(lambda: kernels.matmul(left, right, **sizes))
    del sizes["inner_tile"]
    formula = tiled_words(70, 100, 33, **sizes) - 70 * 100  # the result is not read
    agrees(formula, counted, "triton.runtime.interpreter")


@needs_triton
def test_three_kernels_agree_with_fused_attention(agrees):
    query, key, value = torch.randn(3, 1, 40, 16)
    weights = kernels.softmax(kernels.matmul(query[0] / 4, key[0].T))
    theirs = scaled_dot_product_attention(query, key, value)
    agrees(
        kernels.matmul(weights, value[0]),
        theirs[0],
        "torch.nn.functional.scaled_dot_product_attention",
    )


@pytest.mark.parametrize(("words", "line"), [(0, 1), (4, 8), (3, 0)])
def test_caches_without_room_are_refused(words, line):
    with pytest.raises(ValueError, match=f"words={words}, line={line}"):
        Cache(words, line)


def test_empty_tiles_are_refused():
    with pytest.raises(ValueError, match="row_tile=0, column_tile=2"):
        list(multiply_accesses(**SIZES, row_tile=0, column_tile=2))
    with pytest.raises(ValueError, match="block=0"):
        hardswish_in_blocks(torch.ones(3), torch.ones(3), torch.ones(0))


@needs_triton
def test_tiles_that_are_no_power_of_two_are_refused():
    with pytest.raises(ValueError, match="24 is not a power of two from 16 on"):
        kernels.matmul(torch.ones(3, 4), torch.ones(4, 5), row_tile=24)
    with pytest.raises(ValueError, match="100 is not a power of two"):
        kernels.add(torch.ones(3), torch.ones(3), block=100)


@needs_triton
@pytest.mark.parametrize(
    ("run", "shapes"),
    [
        ("add", [(5,), (3,)]),
        ("add", [(3,), (5,)]),
        ("add", [(2, 3), (2, 3)]),
        ("matmul", [(20, 30), (40, 20)]),
        ("matmul", [(20, 30), (20, 40)]),
        ("fused_hardswish", [(2, 3)]),
    ],
)
def test_shapes_that_would_be_read_past_the_end_are_refused(run, shapes):
    """Without the annotations, which are checked in tests alone."""
    inputs = [torch.ones(shape) for shape in shapes]
    with pytest.raises(ValueError, match=re.escape(f"shape={inputs[0].shape}")):
        unwrap(getattr(kernels, run))(*inputs)


@needs_triton
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int32])
def test_numbers_that_would_be_wrong_in_silence_are_refused(dtype):
    """The interpreter takes bfloat16 for integers; doubles would not compile."""
    x = torch.ones(16, 16, dtype=dtype)
    runs = [
        lambda: unwrap(kernels.add)(x[0], x[0]),
        lambda: unwrap(kernels.fused_hardswish)(x[0]),
        lambda: unwrap(kernels.softmax)(x),
        lambda: unwrap(kernels.softmax)(x, block=16),
        lambda: unwrap(kernels.matmul)(x, x),
    ]
    for run in runs:
        with pytest.raises(ValueError, match=f"{dtype}: kernels take one type"):
            run()
    with pytest.raises(ValueError, match=r"torch\.float\w+ and torch.float32: kernels"):
        kernels.add(torch.ones(3), torch.ones(3).half())


@needs_triton
def test_half_precision_is_as_exact_as_its_digits():
    left, right = torch.randn(20, 30).half(), torch.randn(30, 40).half()
    exact = left.double() @ right.double()
    pairs = [
        (kernels.matmul(left, right), exact),
        (kernels.softmax(left), left.double().softmax(dim=1)),
        (kernels.softmax(left, block=16), left.double().softmax(dim=1)),
        (kernels.add(left[0], left[1]), left[0].double() + left[1].double()),
    ]
    for ours, theirs in pairs:
        assert ours.dtype == torch.float16
        assert_close(ours.double(), theirs, rtol=2e-3, atol=2e-3)


COMPILE = """
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from snippets.inference import triton_kernels

for name, kernel in vars(triton_kernels).items():
    for dtype in ("fp32", "fp16", "bf16") if name.endswith("_kernel") else ():
        arguments, tiles = {}, {}
        for place, argument in enumerate(kernel.arg_names):
            pointer = argument in ("x", "y", "out", "left", "right")
            arguments[argument] = f"*{dtype}" if pointer else "i32"
            if argument.endswith(("block", "tile")):
                arguments[argument], tiles[place,] = "constexpr", 32
        source = ASTSource(kernel, arguments, tiles)
        code = compile(source, target=GPUTarget("cuda", 80, 32)).asm["ptx"]
        print(name, dtype, "mma" if "mma.sync" in code else "-")
"""


@needs_triton
def test_kernels_compile_for_an_a100_and_use_its_tensor_cores_in_16_bits(compiled):
    """Compiled without a GPU: the interpreter would not notice types that differ."""
    found = dict(line.rsplit(maxsplit=1) for line in compiled(COMPILE))
    assert len(found) == 5 * 3
    in_matrix_units = {name for name, units in found.items() if units == "mma"}
    assert in_matrix_units == {"matmul_kernel fp16", "matmul_kernel bf16"}


@pytest.mark.parametrize("side", [2, 4, 12])
def test_a_tile_of_all_words_reads_as_few_as_the_bound(side):
    reads = tiled_words(24, 48, 12, row_tile=side, column_tile=side) - 2 * 24 * 48
    assert_close(least_reads(24, 48, 12, words=side**2), float(reads))


def test_neighbors_share_sectors_of_32_bytes():
    """128 bytes that lie side by side are four sectors; half precision needs two."""
    assert [transactions(stride) for stride in (1, 2, 8, 32)] == [4, 8, 32, 32]
    assert transactions(1, itemsize=2) == 2


@needs_triton
@pytest.mark.parametrize("block", [64, None])
def test_softmax_of_rows_that_begin_with_masked_blocks(agrees, block):
    x = torch.randn(3, 200)
    x[0, :100], x[1, 64:128], x[2, 1:] = -torch.inf, -torch.inf, -torch.inf
    ours = kernels.softmax(x, block=block)
    agrees(ours, x.softmax(dim=1), "torch.softmax")
