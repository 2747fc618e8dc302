"""
Broadcasting: a row plus a column is a table
============================================

Faint cells are not copies in memory: the stride of their axis is zero.
"""

from snippets.foundations.tensor_drawings import STORAGE, canvas, cells, note
from snippets.foundations.tensor_operations import contiguous, elements, expand

row = expand(contiguous((4,)), (3, 4))
column = expand(contiguous((3, 1)), (3, 4))
fig, ax = canvas(15.6, 5.2)
repeated = elements(STORAGE, row)
cells(ax, [repeated[i : i + 4] for i in (0, 4, 8)], color=lambda n: "C0")
note(ax, 4.5, -1.5, "+", fontsize=14)
repeated = elements(STORAGE, column)
for step in range(3):
    line = repeated[4 * step : 4 * step + 4]
    cells(ax, [line], left=5, top=step, color=lambda n: "C1")
note(ax, 9.5, -1.5, "=", fontsize=14)
for b in range(3):
    for a in range(4):
        note(ax, 10.5 + 1.3 * a, -b - 0.5, f"{a}+{b}")
note(ax, 2, -3.4, f"(4,)\nstrides {row.strides}", va="top")
note(ax, 7, -3.4, f"(3, 1)\nstrides {column.strides}", va="top")
note(ax, 12.4, -3.4, "(3, 4)", va="top")
fig.set_label(
    "A row of four cells repeated downward as faint cells, plus a column of three "
    "cells repeated to the right, equals a grid of three by four sums. Each is the "
    "sum of its column's number from the row and its row's number from the column."
)
