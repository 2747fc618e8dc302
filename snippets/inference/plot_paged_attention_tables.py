"""
Paged attention: block tables, a fork, and copy-on-write
========================================================

Four requests share a pool of eight blocks with four slots each. C is forked from A, B
ends early, and D takes blocks that B has returned.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.inference.block_frames import NAMES, Frame, Recorder
from snippets.inference.block_tables import BlockTables

cache = BlockTables(blocks=8, block_size=4)
recorder = Recorder(cache)
recorder.admit(6, "A arrives with 6 tokens")
recorder.admit(5, "B arrives with 5 tokens")
recorder.append(0, 1, 0, 1, 0, 1, 1, 0)
cache.fork(0)
recorder.record("C is forked from A: the same blocks, nothing copied", hold=2)
recorder.append(2, 0, 2, 0)
cache.free(1)
recorder.record("B ends: blocks 2, 3, and 5 are free", hold=2)
recorder.append(2, 0)
recorder.admit(5, "D arrives with 5 tokens")
recorder.append(2, 0, 3, 2, 0)
recorder.record("A and C still share blocks 0 and 1", hold=5)
assert cache.tables[0][:2] == cache.tables[2][:2] == [0, 1]
assert cache.tables[3] == [3, 2]

fig, stage = plt.subplots(figsize=(6.2, 3.8))
fig.set_label(
    "Animation of eight memory blocks and the block tables of four requests. At the "
    "end tables A and C both begin with blocks 0 and 1 and go on in blocks of their "
    "own; D fills blocks 3 and 2, which B had returned."
)


def draw(frame: Frame) -> None:
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
        above = " ".join(NAMES[name] for name in readers)
        for y, label in [(1.6, above), (-0.9, block)]:
            stage.text(4.5 * block + 2, y, label, ha="center", va="center")
    for name, table in tables.items():
        y, color = -2.5 - 1.4 * name, f"C{name}"
        stage.text(-5, y, f"table {NAMES[name]}", va="center", color=color)
        for x, block in zip(np.arange(len(table)) * 4.5, table, strict=True):
            stage.barh(y, 3, 1.1, x + 0.5, color="none", edgecolor=color, lw=1.5)
            stage.text(x + 2, y, block, ha="center", va="center")


animation = FuncAnimation(fig, draw, recorder.frames, interval=700)
