"""
View and permute: two heads without moving a number
===================================================

First figure: ``view(3, 2, 2)`` splits four features into two heads of two. Second
figure: ``permute(1, 0, 2)`` puts the heads first, and reading jumps in the storage.
"""

from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

from snippets.foundations.tensor_drawings import (
    ARROW,
    ROWS,
    STORAGE,
    canvas,
    cells,
    matrices,
    note,
)
from snippets.foundations.tensor_operations import (
    address,
    contiguous,
    elements,
    permute,
    view,
)

x = contiguous((3, 4))  # (seq, d_model)
heads = view(x, (3, 2, 2))  # (seq, heads, head_dim)
by_head = permute(heads, (1, 0, 2))  # (heads, seq, head_dim)

fig, ax = canvas(13, 5.4)
cells(ax, ROWS)
for token, matrix in enumerate(matrices(heads)):
    cells(ax, matrix, left=6 + 2.3 * token, top=0.5)
ax.annotate("", (5.7, -1.5), (4.3, -1.5), arrowprops=ARROW)
note(ax, 2, -3.4, f"{x.shape}, strides {x.strides}")
note(ax, 9.3, -2.9, f"{heads.shape}, strides {heads.strides}")
cells(ax, [STORAGE], left=0, top=3.9)
fig.set_label(
    "A grid of three rows of four becomes three blocks of two by two, one for each "
    "row. Numbers stay in the order 0 to 11, and the storage below is the same."
)

# %%
# The frames show which element is read next, in the blocks and in the storage.

fig, ax = canvas(12.6, 7.2)
left_edges = (2.5, 7.5)
for head, (left, matrix) in enumerate(zip(left_edges, matrices(by_head), strict=True)):
    cells(ax, matrix, left=left)
    note(ax, left + 1, -3.4, f"head {head}")
cells(ax, [STORAGE], top=5.0)
note(ax, 6, -6.5, "storage, and the order in which it is read")
order = elements(STORAGE, by_head)
marks = [Rectangle((0, 0), 0.94, 0.94, fill=False, ec="C3", lw=2.5) for _ in range(2)]
for mark in marks:
    ax.add_patch(mark)
(path,) = ax.plot([], [], "o-", color="C3", ms=4, lw=1)


def read(count: int) -> None:
    position = min(count, 11)
    head, token, feature = position // 6, position % 6 // 2, position % 2
    marks[0].set_xy((left_edges[head] + feature, -token - 1))
    marks[1].set_xy((address(by_head, (head, token, feature)), -6))
    done = order[: position + 1]
    path.set_data(
        [at + 0.47 for at in done], [-4.15 - step / 14 for step in range(len(done))]
    )


read(11)
animation = FuncAnimation(fig, read, frames=14, interval=350)
fig.set_label(
    "Two blocks of three rows and two columns, one per head: 0 1, 4 5, 8 9 and 2 3, "
    "6 7, 10 11. A line over the storage below shows the order of reading: two "
    "cells, a jump over two, to the end, then back to cell 2 and the same again."
)
