"""Block tables: which physical block holds which tokens of which sequence.

Kwon et al. (2023), https://arxiv.org/abs/2309.06180, sections 4.2 to 4.4

Axes::

    blocks      physical blocks of the pool, shared by all sequences
    block_size  token slots in one block
    features    what is stored for a token: ``kv_heads head_dim``, or anything
"""

import math
from hashlib import sha256
from itertools import count
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


class OutOfBlocks(Exception):
    """The pool has no free block: some sequence has to give way."""


class Slot(NamedTuple):
    """Where a token goes; first, ``copied_from`` is copied to ``block``."""

    block: int
    offset: int
    copied_from: int | None


def write(
    pool: Float[Tensor, "blocks block_size *features"],
    slot: Slot,
    entry: Float[Tensor, "*features"],
) -> None:
    """Store one token's entry, after the copy that its block may need."""
    if slot.copied_from is not None:
        pool[slot.block] = pool[slot.copied_from]
    pool[slot.block, slot.offset] = entry


class BlockPool:
    """Physical blocks: how many tables list each, and which are free.

    Raises
    ------
    ValueError
        For a pool without slots.
    """

    def __init__(self, *, blocks: int, block_size: int) -> None:
        if blocks < 1 or block_size < 1:
            raise ValueError(f"{blocks} blocks of {block_size} slots")
        self.blocks, self.block_size = blocks, block_size
        self.references = [0] * blocks
        self.free_blocks = dict.fromkeys(range(blocks))  # oldest first

    def take(self) -> int:
        """The block that has been free for the longest time."""
        if not self.free_blocks:
            raise OutOfBlocks(f"all {self.blocks} blocks are in use")
        block = next(iter(self.free_blocks))
        self.share(block)
        return block

    def share(self, block: int) -> None:
        """One more table lists a block."""
        self.references[block] += 1
        self.free_blocks.pop(block, None)

    def drop(self, block: int) -> None:
        """One table less lists a block; without any it is free."""
        self.references[block] -= 1
        if self.references[block] == 0:
            self.free_blocks[block] = None


class BlockTables(BlockPool):
    """Who may read which physical block: block tables over one pool.

    ``tables[sequence]`` lists a sequence's physical blocks in logical order,
    ``references[block]`` counts the tables that list a block.

    Raises
    ------
    ValueError
        For an empty prompt, a prompt that even the empty pool cannot hold, a
        sequence that is unknown or was freed before.

    Examples
    --------
    Six tokens fill one block of four and half of a second. A fork shares both;
    the first of the two to write copies the half-filled one:

    >>> cache = BlockTables(blocks=8, block_size=4)
    >>> first, _ = cache.admit([5, 1, 4, 1, 5, 9])
    >>> second = cache.fork(first)
    >>> cache.append(first, 2)
    Slot(block=2, offset=2, copied_from=1)
    >>> cache.append(second, 6)
    Slot(block=1, offset=2, copied_from=None)
    >>> cache.tables
    {0: [0, 2], 1: [0, 1]}
    """

    def __init__(self, *, blocks: int, block_size: int) -> None:
        super().__init__(blocks=blocks, block_size=block_size)
        self.tables: dict[int, list[int]] = {}
        self.tokens: dict[int, list[int]] = {}
        self.names = count()

    def admit(self, prompt: list[int]) -> tuple[int, list[Slot]]:
        """Start a sequence; the slots are those whose keys are still to compute."""
        needed = math.ceil(len(prompt) / self.block_size)
        if not prompt:
            raise ValueError("an empty prompt has no last token to continue")
        if needed > self.blocks:
            raise ValueError(f"{needed} blocks in a pool of {self.blocks}")
        shared = self.find_prefix(prompt)
        needed -= sum(self.references[block] > 0 for block in shared)
        if needed > len(self.free_blocks):
            raise OutOfBlocks(f"{needed} blocks, {len(self.free_blocks)} free")
        sequence = self._open(shared, prompt[: len(shared) * self.block_size])
        rest = prompt[len(self.tokens[sequence]) :]
        return sequence, [self.append(sequence, token) for token in rest]

    def find_prefix(self, prompt: list[int]) -> list[int]:
        """Blocks that hold the first tokens of ``prompt`` already: none here."""
        return []

    def _open(self, table: list[int], tokens: list[int]) -> int:
        """A new sequence that reads blocks which others may read as well."""
        for block in table:
            self.share(block)
        sequence = next(self.names)
        self.tables[sequence], self.tokens[sequence] = list(table), list(tokens)
        return sequence

    def fork(self, sequence: int) -> int:
        """A second sequence with the same past, at the price of one table."""
        self._require(sequence)
        return self._open(self.tables[sequence], self.tokens[sequence])

    def append(self, sequence: int, token: int) -> Slot:
        """A slot for one more token, in a block that no other sequence reads."""
        self._require(sequence)
        table, tokens = self.tables[sequence], self.tokens[sequence]
        offset, copied_from = len(tokens) % self.block_size, None
        if offset == 0:
            table.append(self.take())
        elif self.references[table[-1]] > 1:
            copied_from, table[-1] = table[-1], self.take()
            self.drop(copied_from)
        tokens.append(token)
        return Slot(table[-1], offset, copied_from)

    def free(self, sequence: int) -> None:
        """End a sequence; blocks that no other table lists are free again."""
        self._require(sequence)
        del self.tokens[sequence]
        for block in reversed(self.tables.pop(sequence)):
            self.drop(block)

    def _require(self, sequence: int) -> None:
        if sequence not in self.tables:
            raise ValueError(f"sequence {sequence} is unknown or freed")


def block_key(parent: str, tokens: list[int]) -> str:
    """Name of a full block: its tokens, and all tokens before them.

    Examples
    --------
    >>> block_key("", [3, 1]) == block_key(block_key("", [4, 1]), [3, 1])
    False
    """
    return sha256(f"{parent} {tokens}".encode()).hexdigest()


class PrefixCache(BlockTables):
    """Block tables in which prompts that begin alike share their full blocks.

    A freed block keeps its key until it is taken for something else, so that
    the next request with the same beginning finds it. A repeated prompt finds all of
    its blocks but the one with its last token.

    Examples
    --------
    >>> cache = PrefixCache(blocks=8, block_size=4)
    >>> cache.free(cache.admit([2, 7, 1, 8, 2, 8])[0])
    >>> _, slots = cache.admit([2, 7, 1, 8, 1, 8])
    >>> len(slots)
    2
    """

    def __init__(self, *, blocks: int, block_size: int) -> None:
        super().__init__(blocks=blocks, block_size=block_size)
        self.key_of: dict[int, str] = {}
        self.block_of: dict[str, int] = {}

    def find_prefix(self, prompt: list[int]) -> list[int]:
        """The longest chain of full blocks that hold the start of ``prompt``.

        The last token is always left to compute: its pass gives the logits of the
        first new token.
        """
        found, key = [], ""
        for end in range(self.block_size, len(prompt), self.block_size):
            key = block_key(key, prompt[end - self.block_size : end])
            if key not in self.block_of:
                break
            found.append(self.block_of[key])
        return found

    def append(self, sequence: int, token: int) -> Slot:
        slot = super().append(sequence, token)
        if slot.offset == self.block_size - 1:
            table, tokens = self.tables[sequence], self.tokens[sequence]
            parent = self.key_of[table[-2]] if len(table) > 1 else ""
            key = block_key(parent, tokens[-self.block_size :])
            self.key_of[slot.block] = key
            self.block_of.setdefault(key, slot.block)
        return slot

    def take(self) -> int:
        block = super().take()
        key = self.key_of.pop(block, None)
        if key is not None and self.block_of.get(key) == block:
            del self.block_of[key]
        return block
