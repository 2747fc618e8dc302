"""Kernel optimization: the words that move when the same arithmetic is reordered.

Hong and Kung (1981), https://doi.org/10.1145/800076.802486

Symbols of the papers and names here::

    S        ``words``, of the fast memory
    Q        what ``words_moved`` and ``tiled_words`` count
    n, m, k  ``rows``, ``columns``, ``inner`` of a product
    T        ``row_tile`` and ``column_tile``

A word is one number. The product is ``(rows, inner)`` times ``(inner, columns)``.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor


class Cache:
    """A fast memory that drops what was unused for longest; ``moved`` counts words.

    Parameters
    ----------
    words
        How many fit.
    line
        How many neighbors are fetched together.

    Raises
    ------
    ValueError
        If not even one line fits.

    Examples
    --------
    Two words fit. The third drops the first, which was written and has to go back:

    >>> cache = Cache(words=2)
    >>> for address in (10, 20, 30):
    ...     cache.touch(address, write=address == 10)
    >>> cache.moved
    4
    """

    def __init__(self, words: int, line: int = 1) -> None:
        if not 1 <= line <= words:
            raise ValueError(f"no room for a line: {words=}, {line=}")
        self.lines, self.line, self.moved = words // line, line, 0
        self.is_written: OrderedDict[int, bool] = OrderedDict()

    def touch(self, address: int, write: bool = False) -> None:
        tag = address // self.line
        if tag not in self.is_written:
            self.moved += self.line
            if len(self.is_written) == self.lines:
                self._drop()
        self.is_written[tag] = self.is_written.pop(tag, False) or write

    def _drop(self) -> None:
        _, is_written = self.is_written.popitem(last=False)
        self.moved += self.line * is_written

    def flush(self) -> None:
        """Write back what is left."""
        while self.is_written:
            self._drop()


def words_moved(
    accesses: Iterable[tuple[int, bool]], *, words: int, line: int = 1
) -> int:
    """Words between slow and fast memory for addresses, each read or written.

    Examples
    --------
    A matrix of 64 by 64, read by rows and by columns:

    >>> rows = [(64 * i + j, False) for i in range(64) for j in range(64)]
    >>> columns = [(64 * i + j, False) for j in range(64) for i in range(64)]
    >>> [words_moved(order, words=256, line=8) for order in (rows, columns)]
    [4096, 32768]
    """
    cache = Cache(words, line)
    for address, write in accesses:
        cache.touch(address, write)
    cache.flush()
    return cache.moved


def multiply_accesses(
    rows: int, columns: int, inner: int, *, row_tile: int, column_tile: int
) -> Iterator[tuple[int, bool]]:
    """Addresses of a product that finishes one tile of its result after the other.

    A tile of one number is a dot product; of one row, the sum of rows of the second
    matrix.

    Raises
    ------
    ValueError
        If a tile is empty.
    """
    if min(row_tile, column_tile) < 1:
        raise ValueError(f"an empty tile: {row_tile=}, {column_tile=}")
    second, result = rows * inner, rows * inner + inner * columns
    for top in range(0, rows, row_tile):
        for left in range(0, columns, column_tile):
            for k in range(inner):
                for i in range(top, min(top + row_tile, rows)):
                    for j in range(left, min(left + column_tile, columns)):
                        yield i * inner + k, False
                        yield second + k * columns + j, False
                        yield result + i * columns + j, True


def tiled_words(
    rows: int, columns: int, inner: int, *, row_tile: int, column_tile: int
) -> int:
    """Words that the tiled product moves if a tile stays until it is finished.

    Examples
    --------
    Tiles of 2 by 2: each number of either matrix is read twice, those of the result
    come and go once.

    >>> tiled_words(4, 4, 4, row_tile=2, column_tile=2)
    96
    """
    first = math.ceil(columns / column_tile) * rows * inner
    second = math.ceil(rows / row_tile) * inner * columns
    return first + second + 2 * rows * columns


def least_reads(rows: int, columns: int, inner: int, *, words: int) -> float:
    """Reads that no order of the same arithmetic avoids, for large matrices."""
    return 2 * rows * columns * inner / math.sqrt(words)


def transactions(stride: int, *, lanes: int = 32, itemsize: int = 4) -> int:
    """Sectors of 32 bytes that a warp asks for when lane i reads number stride * i.

    Examples
    --------
    >>> [transactions(stride) for stride in (1, 2, 8, 32, 64)]
    [4, 8, 32, 32, 32]
    """
    return len({lane * stride * itemsize // 32 for lane in range(lanes)})


def hardswish(x: Float[Tensor, " numbers"]) -> Float[Tensor, " numbers"]:
    """Four operations, one after the other.

    Examples
    --------
    >>> hardswish(torch.tensor([-4.0, 0.0, 3.0, 5.0]))
    tensor([-0., 0., 3., 5.])
    """
    return x * (x + 3).clamp(0, 6) / 6


def hardswish_in_blocks(
    x: Float[Tensor, " numbers"],
    out: Float[Tensor, " numbers"],
    buffer: Float[Tensor, " block"],
) -> None:
    """The same into ``out``, all four for one block of numbers before the next.

    Raises
    ------
    ValueError
        If there is no room for a block.
    """
    block = len(buffer)
    if block < 1:
        raise ValueError(f"no room for a block: {block=}")
    for part, result in zip(x.split(block), out.split(block), strict=True):
        here = buffer[: len(part)]
        torch.add(part, 3, out=here)
        here.clamp_(0, 6).mul_(part)
        torch.div(here, 6, out=result)
