"""
Matrix product: a row and a column meet in one element
======================================================

The input of shape ``(3, 4)`` times a weight of shape ``(4, 3)``.
"""

from snippets.foundations.tensor_drawings import (
    ARROW,
    ROWS,
    canvas,
    cell,
    cells,
    frame,
    note,
)

fig, ax = canvas(12.6, 8.4)
cells(ax, ROWS, top=4.7, framed=ROWS[1])
weight = [[f"w{i}{j}" for j in range(3)] for i in range(4)]
column = [f"w{i}2" for i in range(4)]
cells(ax, weight, left=6, top=0.2, framed=column)
for i in range(3):
    for j in range(3):
        cell(ax, 6 + j, -5.7 - i, fc=f"C{i}", alpha=0.2)
frame(ax, 8, -6.7)
ax.annotate("", (7.9, -6.2), (4.1, -6.2), arrowprops=ARROW)
ax.annotate("", (8.5, -5.6), (8.5, -4.3), arrowprops=ARROW)
note(ax, 2, -4.3, "x (3, 4)")
note(ax, 5.3, -2.2, "weight\n(4, 3)")
terms = [f"{a}·{w}" for a, w in zip(ROWS[1], column, strict=True)]
note(ax, 9.4, -6.2, " + ".join(terms[:2]) + "\n+ " + " + ".join(terms[2:]), ha="left")
fig.set_label(
    "The input of three rows of four at the left, a weight of four rows of three "
    "above, and the product of three by three where they cross. Row 1 and column 2 "
    "are framed; they meet in one element, the sum of four products."
)
