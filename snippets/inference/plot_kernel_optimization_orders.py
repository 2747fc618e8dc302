"""
Kernel optimization: six orders of one product, and the bound
=============================================================

Matrices of 24 by 24, through a simulated fast memory of growing size. Tiles fall off a
cliff when they fit, again when rows of the first matrix stay for the next tile, and
last when all of the second matrix stays. Dotted: reads that no order avoids.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.kernel_optimization import (
    least_reads,
    multiply_accesses,
    words_moved,
)

n = 24
room = np.unique(np.round(2 ** np.arange(3, 10.8, 0.5)).astype(int))
orders = {
    "number by number": (1, 1),
    "row by row": (1, n),
    "2 by 2": (2, 2),
    "4 by 4": (4, 4),
    "8 by 8": (8, 8),
    "12 by 12": (12, 12),
}
words = {}
for name, (row_tile, column_tile) in orders.items():
    accesses = [*multiply_accesses(n, n, n, row_tile=row_tile, column_tile=column_tile)]
    words[name] = [words_moved(accesses, words=size) for size in room.tolist()]
fig, ax = plt.subplots(figsize=(6.2, 4))
for color, (name, moved) in enumerate(words.items()):
    alone = name.endswith(("number", "row"))
    ax.plot(room, moved, "--" if alone else "-", color=f"C{color}", label=name)
ax.plot(room, [least_reads(n, n, n, words=size) for size in room], ":", color="0.5")
ax.text(room[1], 5000, "bound", color="0.5")
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.xaxis.set_major_formatter("{x:g}")
ax.set(xlabel="words in fast memory", ylabel="words moved", ylim=(1000, 1e5))
ax.legend(ncols=2, loc="upper right", fontsize="small")
fig.set_label(
    "Words moved over the size of the fast memory, both logarithmic. Six curves are "
    "level at first and then fall in steps: tiles of 2 by 2 early, larger tiles "
    "later and further. Together they follow the falling dotted line of the bound. "
    f"In {room[8]} words: "
    + ", ".join(f"{name} {moved[8]}" for name, moved in words.items())
    + "."
)


def in_tiles(side: int, room: int) -> int:
    accesses = multiply_accesses(n, n, n, row_tile=side, column_tile=side)
    return words_moved(accesses, words=room)


three_tiles = {side: in_tiles(side, 3 * side**2) for side in (2, 4, 8, 12)}
exact = [words / (2 * n**3 / s + 2 * n**2) for s, words in three_tiles.items()]
reads = {side: in_tiles(side, side**2 + 4 * side) - 2 * n**2 for side in (4, 8, 12)}
over_bound = {
    side: count / least_reads(n, n, n, words=side**2 + 4 * side)
    for side, count in reads.items()
}
assert max(abs(ratio - 1) for ratio in exact) < 1e-9
assert three_tiles[4] - 2 * n**2 == 2 * (three_tiles[8] - 2 * n**2)
assert all(
    min(moved[at] for moved in words.values()) > least_reads(n, n, n, words=size)
    for at, size in enumerate(room.tolist())
)

measured = {
    "over_bound_4": over_bound[4],
    "over_bound_12": over_bound[12],
}
