"""Block frames: what a pool of blocks and its tables hold after each event.

Axes::

    blocks      physical blocks of the pool
    block_size  token slots in one block
"""

from copy import deepcopy
from typing import NamedTuple

import torch

from snippets.inference.block_tables import BlockTables, write

NAMES = "ABCDEFGH"  # of sequences 0, 1, ...


class Frame(NamedTuple):
    """A text about the last event, and copies of the tables at that time.

    ``writers`` has the number of the sequence that last wrote to each slot.
    """

    text: str
    tables: dict[int, list[int]]
    tokens: dict[int, list[int]]
    writers: list[list[float]]


class Recorder:
    """Keeps a frame for each event on ``cache``; its pool stores who wrote a slot.

    Examples
    --------
    >>> recorder = Recorder(BlockTables(blocks=2, block_size=3))
    >>> recorder.admit(4, "A arrives with 4 tokens")
    >>> recorder.append(0)
    >>> [(frame.text, frame.tables) for frame in recorder.frames][-1]
    ('A writes to block 1', {0: [0, 1]})
    """

    def __init__(self, cache: BlockTables) -> None:
        self.cache, self.frames = cache, []
        self.pool = torch.zeros(cache.blocks, cache.block_size)

    def record(self, text: str, hold: int = 1) -> None:
        """Keep the present state, shown for ``hold`` frames."""
        tables, tokens = deepcopy(self.cache.tables), deepcopy(self.cache.tokens)
        self.frames += [Frame(text, tables, tokens, self.pool.tolist())] * hold

    def admit(self, tokens: int, text: str) -> None:
        """Admit a prompt of new tokens."""
        name, slots = self.cache.admit([0] * tokens)
        for slot in slots:
            write(self.pool, slot, torch.tensor(float(name)))
        self.record(text)

    def append(self, *names: int) -> None:
        """One new token for each sequence in turn; copies are held for longer."""
        for name in names:
            slot = self.cache.append(name, 0)
            write(self.pool, slot, torch.tensor(float(name)))
            copied = slot.copied_from is not None
            text = f", a copy of block {slot.copied_from}" if copied else ""
            text = f"{NAMES[name]} writes to block {slot.block}{text}"
            self.record(text, hold=3 if copied else 1)
