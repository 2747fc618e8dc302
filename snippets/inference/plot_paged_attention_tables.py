"""
Paged attention: block tables, a fork, and copy-on-write
========================================================

Four requests share a pool of eight blocks with four slots each. C is forked from A, B
ends early, and D takes blocks that B has returned.
"""

from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.inference.block_tables import BlockTables, write

cache, pool, frames = BlockTables(blocks=8, block_size=4), torch.zeros(8, 4), []


def record(text: str, writer: int = 0, slots: tuple = (), hold: int = 1) -> None:
    for slot in slots:
        write(pool, slot, torch.tensor(float(writer)))
    state = text, deepcopy(cache.tables), deepcopy(cache.tokens), pool.tolist()
    frames.extend([state] * hold)


def append(*names: int) -> None:
    for name in names:
        slot = cache.append(name, 0)
        copied = slot.copied_from is not None
        text = f", a copy of block {slot.copied_from}" if copied else ""
        text = f"{'ABCD'[name]} writes to block {slot.block}{text}"
        record(text, name, (slot,), hold=3 if copied else 1)


record("A arrives with 6 tokens", 0, cache.admit([0] * 6)[1])
record("B arrives with 5 tokens", 1, cache.admit([0] * 5)[1])
append(0, 1, 0, 1, 0, 1, 1, 0)
cache.fork(0)
record("C is forked from A: the same blocks, nothing copied", hold=2)
append(2, 0, 2, 0)
cache.free(1)
record("B ends: blocks 2, 3, and 5 are free", hold=2)
append(2, 0)
record("D arrives with 5 tokens", 3, cache.admit([0] * 5)[1])
append(2, 0, 3, 2, 0)
record("A and C still share blocks 0 and 1", hold=5)
assert cache.tables[0][:2] == cache.tables[2][:2] == [0, 1]
assert cache.tables[3] == [3, 2]

fig, stage = plt.subplots(figsize=(6.2, 3.8))
fig.set_label(
    "Animation of eight memory blocks and the block tables of four requests. At the "
    "end tables A and C both begin with blocks 0 and 1 and go on in blocks of their "
    "own; D fills blocks 3 and 2, which B had returned."
)


def draw(frame: tuple) -> None:
    text, tables, tokens, writers = frame
    stage.clear()
    stage.set(xlim=(-5, 36.2), ylim=(-7.3, 2.6), title=text)
    stage.axis("off")
    for y, row in [(1.6, "readers"), (0.3, "pool"), (-0.9, "block")]:
        stage.text(-5, y, row, va="center")
    for block in range(8):
        readers = [name for name, table in tables.items() if block in table]
        ends = [len(tokens[name]) - 4 * tables[name].index(block) for name in readers]
        for offset in range(4):
            used = offset < max(ends, default=0)
            color = f"C{writers[block][offset]:.0f}" if used else "none"
            stage.barh(0.3, 1, 1.3, 4.5 * block + offset, color=color, edgecolor="0.5")
        above = " ".join("ABCD"[name] for name in readers)
        for y, label in [(1.6, above), (-0.9, block)]:
            stage.text(4.5 * block + 2, y, label, ha="center", va="center")
    for name, table in tables.items():
        y, color = -2.5 - 1.4 * name, f"C{name}"
        stage.text(-5, y, f"table {'ABCD'[name]}", va="center", color=color)
        for x, block in zip(np.arange(len(table)) * 4.5, table, strict=True):
            stage.barh(y, 3, 1.1, x + 0.5, color="none", edgecolor=color, lw=1.5)
            stage.text(x + 2, y, block, ha="center", va="center")


animation = FuncAnimation(fig, draw, frames, interval=700)
