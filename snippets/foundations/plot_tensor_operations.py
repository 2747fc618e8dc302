"""
Tensor operations: where each element goes
==========================================

Figures for :doc:`/foundations/tensor_operations`. Three tokens of four features are
taken through one layer of attention. A number in a cell is its place in the storage
of the input, and its color the token it belongs to.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

from snippets.foundations.tensor_operations import (
    Layout,
    address,
    contiguous,
    elements,
    expand,
    permute,
    view,
)

STORAGE = list(range(12))
x = contiguous((3, 4))  # (seq, d_model)
heads = view(x, (3, 2, 2))  # (seq, heads, head_dim)
by_head = permute(heads, (1, 0, 2))


def token_color(number: int) -> str:
    return f"C{number // 4}"


def note(ax, x: float, y: float, text: str, **style) -> None:
    ax.text(x, y, text, **{"ha": "center", "va": "center", "fontsize": 12, **style})


def cells(ax, rows, left=0.0, top=0.0, color=token_color, strong=()):
    """A grid of numbers; those in ``strong`` have a frame, repeated ones are faint."""
    seen = set()
    for down, row in enumerate(rows):
        for right, number in enumerate(row):
            x, y = left + right, -top - down - 1
            if isinstance(number, int):
                alpha = 0.12 if number in seen else 0.35
                square = Rectangle((x, y), 0.94, 0.94, fc=color(number), alpha=alpha)
                ax.add_patch(square)
                seen.add(number)
            if number in strong:
                frame = Rectangle((x, y), 0.94, 0.94, fill=False, ec="C3", lw=2)
                ax.add_patch(frame)
            note(ax, x + 0.47, y + 0.44, number, fontsize=13)


def blocks(layout: Layout, storage=STORAGE) -> list[list[list[int]]]:
    """The matrices of a layout with three axes, as rows of numbers."""
    _, rows, columns = layout.shape
    flat = elements(storage, layout)
    lines = [flat[i : i + columns] for i in range(0, len(flat), columns)]
    return [lines[i : i + rows] for i in range(0, len(lines), rows)]


def canvas(width: float, height: float, **size):
    fig, ax = plt.subplots(figsize=(6.2, 6.2 * height / width), **size)
    ax.set(xlim=(-0.2, width - 0.2), ylim=(-height + 0.4, 0.4), aspect="equal")
    ax.axis("off")
    return fig, ax


# %%
# Storage and strides
# -------------------
# Above, the tensor as we draw it; below, as it lies in memory.

fig, ax = canvas(12.6, 6.4)
cells(ax, [STORAGE[i : i + 4] for i in (0, 4, 8)], left=4)
cells(ax, [STORAGE], top=4.6)
arrow = {"arrowstyle": "->", "color": "C3", "connectionstyle": "arc3,rad=-0.35"}
for start, end, text in ((0, 1, "+1"), (1, 5, "+4")):
    ax.annotate("", (end + 0.6, -4.6), (start + 0.4, -4.6), arrowprops=arrow)
    note(ax, (start + end + 1) / 2, -4.6 + 0.35 * (end - start) ** 0.6 + 0.15, text)
note(ax, 3.8, -1.5, "one to the right: +1\none down: +4", ha="right")
note(ax, 6, -6.0, "storage: 12 numbers in a row")
fig.set_label(
    "A grid of three rows and four columns, numbered 0 to 11 row by row, above a "
    "row of the same twelve cells. One column to the right is one place on in the "
    "row, one row down is four places on."
)

# %%
# Matrix product
# --------------
# A row of the first and a column of the second meet in one element.

fig, ax = canvas(12.6, 8.4)
rows = [STORAGE[i : i + 4] for i in (0, 4, 8)]
cells(ax, rows, top=4.7, strong=rows[1])
weight = [[f"w{i}{j}" for j in range(3)] for i in range(4)]
cells(ax, weight, left=6, top=0.2, strong=[f"w{i}2" for i in range(4)])
for i in range(3):
    for j in range(3):
        at = (6 + j, -4.7 - i - 1)
        ax.add_patch(Rectangle(at, 0.94, 0.94, fc=f"C{i}", alpha=0.2))
ax.add_patch(Rectangle((8, -6.7), 0.94, 0.94, fill=False, ec="C3", lw=2.5))
arrow = {"arrowstyle": "->", "color": "C3"}
ax.annotate("", (7.9, -6.2), (4.1, -6.2), arrowprops=arrow)
ax.annotate("", (8.5, -5.6), (8.5, -4.3), arrowprops=arrow)
note(ax, 2, -4.3, "x (3, 4)")
note(ax, 5.3, -2.2, "weight\n(4, 3)")
note(ax, 9.4, -6.2, "4·w02 + 5·w12\n+ 6·w22 + 7·w32", ha="left")
fig.set_label(
    "The input of three rows of four at the left, a weight of four rows of three "
    "above, and the product of three by three where they cross. Row 1 and column 2 "
    "are framed; they meet in one element, the sum of four products."
)

# %%
# View
# ----
# Four features become two heads of two. Nothing moves.

fig, ax = canvas(13, 5.4)
cells(ax, [STORAGE[i : i + 4] for i in (0, 4, 8)])
for token, block in enumerate(blocks(heads)):
    cells(ax, block, left=6 + 2.3 * token, top=0.5)
ax.annotate(
    "", (5.7, -1.5), (4.3, -1.5), arrowprops={"arrowstyle": "->", "color": "C3"}
)
note(ax, 2, -3.4, "(3, 4), strides (4, 1)")
note(ax, 9.3, -2.9, "(3, 2, 2), strides (4, 2, 1)")
cells(ax, [STORAGE], left=0, top=3.9)
fig.set_label(
    "A grid of three rows of four becomes three blocks of two by two, one for each "
    "row. Numbers stay in the order 0 to 11, and the storage below is the same."
)

# %%
# Permute
# -------
# The heads come first now. Reading block after block jumps through the storage.

fig, ax = canvas(12.6, 7.2)
left_edges = (2.5, 7.5)
for left, block in zip(left_edges, blocks(by_head), strict=True):
    cells(ax, block, left=left)
note(ax, 3.5, -3.4, "head 0")
note(ax, 8.5, -3.4, "head 1")
cells(ax, [STORAGE], top=5.0)
note(ax, 6, -6.5, "storage, and the order in which it is read")
order = elements(STORAGE, by_head)
marks = [Rectangle((0, 0), 0.94, 0.94, fill=False, ec="C3", lw=2.5) for _ in range(2)]
for mark in marks:
    ax.add_patch(mark)
(path,) = ax.plot([], [], "o-", color="C3", ms=4, lw=1)


def read(count: int) -> None:
    """Frame the element that is read next, above and below."""
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
    "cells, a jump of two more, to the end, then back to cell 2 and the same again."
)

# %%
# Einsum
# ------
# ``hqd,hkd->hqk``: equal letters meet, the missing one is summed.

fig, ax = canvas(14.6, 8.4)
for head, block in enumerate(blocks(by_head)):
    top = 4.1 * head
    cells(ax, block, left=1.5, top=top, strong=block[2] if head == 1 else ())
    cells(ax, block, left=5, top=top, strong=block[0] if head == 1 else ())
    scores = [[" "] * 3 for _ in range(3)]
    for i in range(3):
        for j in range(3):
            at = (9.5 + j, -top - i - 1)
            ax.add_patch(Rectangle(at, 0.94, 0.94, fc=f"C{i}", alpha=0.2))
    note(ax, 0.4, -top - 1.5, f"h = {head}")
    note(ax, 8.2, -top - 1.5, "sum over d")
ax.add_patch(Rectangle((9.5, -7.1), 0.94, 0.94, fill=False, ec="C3", lw=2.5))
note(ax, 2.5, -3.5, "query: q, d")
note(ax, 6, -3.5, "key: k, d")
note(ax, 11, -3.5, "scores: q, k")
note(ax, 9.9, -7.6, "10·2 + 11·3", ha="left")
fig.set_label(
    "For each of two heads, three queries and three keys of two features, and a "
    "grid of three by three scores. In head 1, query 2 and key 0 are framed and so "
    "is the score in row 2, column 0: the sum of the products of their features."
)

# %%
# Broadcasting
# ------------
# Faint cells are no copies in memory: their stride is zero.

row, column = contiguous((4,)), contiguous((3, 1))
wide, tall = expand(row, (3, 4)), expand(column, (3, 4))
fig, ax = canvas(15.6, 5.2)
cells(ax, [elements(STORAGE, wide)[i : i + 4] for i in (0, 4, 8)], color=lambda n: "C0")
note(ax, 4.5, -1.5, "+", fontsize=14)
down = elements(STORAGE, tall)
for step, line in enumerate([down[i : i + 4] for i in (0, 4, 8)]):
    cells(ax, [line], left=5, top=step, color=lambda n: "C1")
note(ax, 9.5, -1.5, "=", fontsize=14)
sums = [[f"{a}+{b}" for a in range(4)] for b in range(3)]
for down, line in enumerate(sums):
    for right, text in enumerate(line):
        note(ax, 10.5 + 1.3 * right, -down - 0.5, text)
note(ax, 2, -3.4, "(4,)\nstrides (0, 1)", va="top")
note(ax, 7, -3.4, "(3, 1)\nstrides (1, 0)", va="top")
note(ax, 12.4, -3.4, "(3, 4)", va="top")
fig.set_label(
    "A row of four cells repeated downward as faint cells, plus a column of three "
    "cells repeated to the right, equals a grid of three by four sums, each of its "
    "column's number from the row and its row's number from the column."
)

# %%
# Softmax
# -------
# The same scores, masked, turned into weights along either axis.

scores = torch.tensor([[1.0, 0.0, 2.0], [2.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
masked = scores.masked_fill(torch.ones(3, 3).triu(1).bool(), float("-inf"))
panels = {
    "scores": masked,
    "softmax(-1)": masked.softmax(-1),
    "softmax(0)": masked.softmax(0),
}
fig, axes = plt.subplots(1, 3, figsize=(6.2, 2.6))
for ax, (title, table) in zip(axes, panels.items(), strict=True):
    for i, line in enumerate(table.tolist()):
        for j, value in enumerate(line):
            shade = 0.1 + 0.5 * max(value, 0) if title != "scores" else 0.1
            ax.add_patch(Rectangle((j, -i - 1), 0.94, 0.94, fc=f"C{i}", alpha=shade))
            text = (
                "-∞"
                if value < -9
                else f"{value:.2f}"
                if title != "scores"
                else f"{value:g}"
            )
            note(ax, j + 0.47, -i - 0.55, text, fontsize=11)
    if title == "softmax(-1)":
        for i, total in enumerate(table.sum(-1).tolist()):
            note(ax, 3.4, -i - 0.55, f"{total:g}")
    if title == "softmax(0)":
        for j, total in enumerate(table.sum(0).tolist()):
            note(ax, j + 0.47, -3.4, f"{total:g}")
    ax.set(xlim=(-0.1, 3.7), ylim=(-3.8, 0.1), aspect="equal", title=title)
    ax.axis("off")
fig.set_label(
    "Three grids of three by three. Scores with minus infinity above the diagonal; "
    "weights whose rows sum to one; and, along the wrong axis, weights whose "
    "columns sum to one and whose rows do not."
)

# %%
# Reshape after permute
# ---------------------
# The heads are put side by side again. The order of reading has changed, so that the
# numbers have to move.

mixed = Layout((2, 3, 2), contiguous((2, 3, 2)).strides)  # (heads, seq, head_dim)
owner = elements(STORAGE, by_head)  # which number of x lies where, head by head
back = elements(owner, permute(mixed, (1, 0, 2)))
fig, ax = canvas(12.6, 5.2)
cells(ax, [owner])
cells(ax, [back], top=3.2)
for place, number in enumerate(owner):
    ends = [place + 0.47, back.index(number) + 0.47]
    ax.plot(ends, [-1.05, -3.2], color=f"C{number // 4}", lw=1.5)
note(ax, 6, -4.6, "transpose(0, 1).reshape(3, 4): a new storage, token by token")
assert back == STORAGE
fig.set_label(
    "Above, a storage with the numbers head by head: 0 1 4 5 8 9, 2 3 6 7 10 11. "
    "Below, a new one in the order 0 to 11. Lines from each number to its new place "
    "cross."
)

# %%
# Gather and scatter
# ------------------
# Gather takes one element of each row; scatter puts it back.

picks = [2, 0, 2]
fig, ax = canvas(14.6, 4.6)
rows = [STORAGE[i : i + 4] for i in (0, 4, 8)]
taken = [row[pick] for row, pick in zip(rows, picks, strict=True)]
cells(ax, rows, strong=taken)
cells(ax, [[f"{pick}"] for pick in picks], left=4.6)
cells(ax, [[number] for number in taken], left=7.2)
back = [[n if n in taken else "0" for n in row] for row in rows]
cells(ax, back, left=10, strong=taken)
for left, text in ((2, "x"), (5.1, "index"), (7.7, "gather"), (12, "scatter_add")):
    note(ax, left, -3.5, text)
for start in (5.9, 8.5):
    ax.annotate("", (start + 1, -1.5), (start, -1.5), arrowprops=arrow)
assert (
    torch.arange(12)
    .view(3, 4)
    .gather(1, torch.tensor(picks)[:, None])
    .flatten()
    .tolist()
    == taken
)
fig.set_label(
    "A grid of three by four with one framed cell in each row, at columns 2, 0 and "
    "2; a column of these indices; a column of the cells taken, 2, 4 and 10; and a "
    "grid of zeros in which they are back at their places."
)

# %%
# New memory
# ----------
# How many bytes does each operation add to a float32 tensor of 4 MB? A storage is
# counted if it is not the one that was there before.

million = torch.zeros(1000, 1000)
operations = {
    "view": lambda x: x.view(100, 10, 1000),
    "permute": lambda x: x.permute(1, 0),
    "slice": lambda x: x[::2, 10:],
    "expand": lambda x: x.expand(8, 1000, 1000),
    "reshape": lambda x: x.reshape(10, 100_000),
    "permute, reshape": lambda x: x.permute(1, 0).reshape(-1),
    "rows by index": lambda x: x[torch.arange(0, 1000, 2)],
    "repeat 8 times": lambda x: x.repeat(8, 1, 1),
}
new_bytes = {}
for name, operation in operations.items():
    storage = operation(million).untyped_storage()
    shared = storage.data_ptr() == million.untyped_storage().data_ptr()
    new_bytes[name] = 0 if shared else storage.nbytes()

fig, ax = plt.subplots(figsize=(6.2, 3.4))
bars = ax.barh(list(new_bytes), [count / 1e6 for count in new_bytes.values()])
ax.bar_label(bars, [f" {count / 1e6:g}" for count in new_bytes.values()])
ax.invert_yaxis()
ax.set(xlabel="new memory (MB)", xlim=(0, 36))
fig.set_label(
    "Bars of new memory for eight operations on 4 megabytes: none for view, "
    "permute, slice, expand and reshape of a contiguous tensor; 4 for reshape after "
    "permute, 2 for half of the rows by index, 32 for repeating eight times."
)
assert sum(count == 0 for count in new_bytes.values()) == 5
assert new_bytes["repeat 8 times"] == 8 * million.nbytes

measured = {
    "views": max(new_bytes[name] for name in ("view", "permute", "slice", "expand")),
    "copy": new_bytes["permute, reshape"] / 1e6,
    "repeat": new_bytes["repeat 8 times"] / 1e6,
}
