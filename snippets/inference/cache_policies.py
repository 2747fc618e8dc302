"""Cache policies: four ways to give a request its part of the key/value cache.

Kwon et al. (2023), https://arxiv.org/abs/2309.06180, sections 3.1 and 6.1;
Knowlton (1965), https://doi.org/10.1145/365628.365655 (buddies)

Memory is counted in token slots.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

MAX_LENGTH = 2048  # the longest sequence of the model, prompt and output together


class Request(NamedTuple):
    """When it arrives, and how many tokens it brings and will produce."""

    arrival: float
    prompt: int
    output: int


@runtime_checkable
class Memory(Protocol):
    """A cache of ``size`` slots; ``room`` is how many a running request has."""

    size: int
    room: dict[int, int]

    def admit(self, name: int, request: Request, tokens: int) -> bool:
        """Give a new request room for ``tokens``, if there is so much."""

    def grow(self, name: int, tokens: int) -> bool:
        """Give it room for ``tokens`` in total, if there is so much."""

    def release(self, name: int) -> None:
        """Take all of its room back."""


class Buddies:
    """Buddy allocator: powers of two, halved to fit and merged when free again.

    Raises
    ------
    ValueError
        If the size is not a power of two.

    Examples
    --------
    >>> pool = Buddies(16)
    >>> pool.take(3), pool.take(5), pool.take(4), pool.take(1)
    (0, 8, 4, None)
    """

    def __init__(self, size: int) -> None:
        if size < 1 or size & (size - 1):
            raise ValueError(f"a pool of {size} slots is not a power of two")
        self.size = size
        self.free: dict[int, set[int]] = {
            1 << k: set() for k in range(size.bit_length())
        }
        self.free[size].add(0)

    def take(self, length: int) -> int | None:
        """Where ``length`` adjacent slots start, if there are so many."""
        wanted = next_power(length)
        found = next((n for n in self.free if n >= wanted and self.free[n]), None)
        if found is None:
            return None
        offset = min(self.free[found])
        self.free[found].remove(offset)
        while found > wanted:
            found //= 2
            self.free[found].add(offset + found)
        return offset

    def give(self, offset: int, length: int) -> None:
        """Return what ``take(length)`` found."""
        size = next_power(length)
        while (buddy := offset ^ size) in self.free[size]:
            self.free[size].remove(buddy)
            offset, size = min(offset, buddy), 2 * size
        self.free[size].add(offset)


def next_power(length: int) -> int:
    """The smallest power of two that is not below ``length``."""
    return 1 << (length - 1).bit_length()


def reserve_max(request: Request) -> int:
    """Slots for the longest sequence that there can be."""
    return MAX_LENGTH


def reserve_pow2(request: Request) -> int:
    """Slots for a guess of the output that is right up to a factor of two."""
    return request.prompt + next_power(request.output)


def reserve_oracle(request: Request) -> int:
    """Slots for the true output, which no system knows beforehand."""
    return request.prompt + request.output


class Reserved:
    """Every request gets adjacent slots when it starts, and never more."""

    def __init__(self, pool: Buddies, reserve: Callable[[Request], int]) -> None:
        self.size, self.pool, self.reserve = pool.size, pool, reserve
        self.room: dict[int, int] = {}
        self.spans: dict[int, list[range]] = {}

    def admit(self, name: int, request: Request, tokens: int) -> bool:
        length = self.reserve(request)
        if length > self.size:
            raise ValueError(f"{length} slots in a pool of {self.size}")
        start = self.pool.take(length)
        if start is None:
            return False
        self.room[name] = length
        self.spans[name] = [range(start, start + length)]
        return True

    def grow(self, name: int, tokens: int) -> bool:
        return tokens <= self.room[name]

    def release(self, name: int) -> None:
        [span] = self.spans.pop(name)
        self.pool.give(span.start, self.room.pop(name))


class Paged:
    """Every request gets a block, anywhere, whenever its last one is full.

    To start, a request must leave the share ``watermark`` of the blocks free.
    """

    def __init__(
        self, size: int, block_size: int = 16, watermark: float = 0.01
    ) -> None:
        if block_size < 1 or size < block_size:
            raise ValueError(f"{size} slots in blocks of {block_size}")
        self.size, self.block_size = size, block_size
        self.blocks = size // block_size
        self.spare = watermark * self.blocks
        self.free = deque(range(self.blocks))
        self.room: dict[int, int] = {}
        self.spans: dict[int, list[range]] = {}

    def admit(self, name: int, request: Request, tokens: int) -> bool:
        longest = math.ceil((request.prompt + request.output) / self.block_size)
        if longest + self.spare > self.blocks:
            raise ValueError(f"{longest} blocks in a pool of {self.blocks}")
        if math.ceil(tokens / self.block_size) + self.spare > len(self.free):
            return False
        self.room[name], self.spans[name] = 0, []
        return self.grow(name, tokens)

    def grow(self, name: int, tokens: int) -> bool:
        missing = math.ceil((tokens - self.room[name]) / self.block_size)
        if missing > len(self.free):
            return False
        for _ in range(missing):
            start = self.free.popleft() * self.block_size
            self.spans[name].append(range(start, start + self.block_size))
            self.room[name] += self.block_size
        return True

    def release(self, name: int) -> None:
        del self.room[name]
        for span in self.spans.pop(name):
            self.free.append(span.start // self.block_size)


def four_policies(size: int) -> dict[str, Memory]:
    """The three baselines of the paper, and paging, on caches of one size."""
    return {
        "Max": Reserved(Buddies(size), reserve_max),
        "Pow2": Reserved(Buddies(size), reserve_pow2),
        "Oracle": Reserved(Buddies(size), reserve_oracle),
        "Paged": Paged(size),
    }
