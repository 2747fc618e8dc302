"""
Gather and scatter_add: one element of each row, and its gradient
=================================================================

``gather`` takes one element of each row; ``scatter_add`` puts it back.
"""

import torch

from snippets.foundations.tensor_drawings import ARROW, ROWS, canvas, cells, note
from snippets.foundations.tensor_operations import gather, scatter_add

index = torch.tensor([[2], [0], [2]])
taken = gather(torch.tensor(ROWS), index)
back = scatter_add(taken, index, columns=4)
numbers = taken.flatten().tolist()

fig, ax = canvas(14.6, 4.6)
cells(ax, ROWS, framed=numbers)
cells(ax, [[f"{pick}"] for pick in index.flatten().tolist()], left=4.6)
cells(ax, taken.tolist(), left=7.2)
table = [[number or "0" for number in row] for row in back.tolist()]
cells(ax, table, left=10, framed=numbers)
for left, text in ((2, "x"), (5.1, "index"), (7.7, "gather"), (12, "scatter_add")):
    note(ax, left, -3.5, text)
for start in (5.9, 8.5):
    ax.annotate("", (start + 1, -1.5), (start, -1.5), arrowprops=ARROW)
picks, first = index.flatten().tolist(), numbers
fig.set_label(
    "A grid of three by four with one framed cell in each row, at columns "
    f"{picks[0]}, {picks[1]} and {picks[2]}; a column of these indices; a column of "
    f"the cells taken, {first[0]}, {first[1]} and {first[2]}; and a grid of zeros in "
    "which they are back at their places."
)
