"""
Strides: one step on an axis is several places in the storage
=============================================================

Above, a tensor of shape ``(3, 4)`` as we draw it; below, as it lies in memory.
"""

from snippets.foundations.tensor_drawings import (
    ARROW,
    ROWS,
    STORAGE,
    canvas,
    cells,
    note,
)
from snippets.foundations.tensor_operations import address, contiguous

x = contiguous((3, 4))
right, down = address(x, (0, 1)), address(x, (1, 1))
fig, ax = canvas(12.6, 6.4)
cells(ax, ROWS, left=4)
cells(ax, [STORAGE], top=4.6)
arc = {**ARROW, "connectionstyle": "arc3,rad=-0.35"}
for start, end in ((0, right), (right, down)):
    ax.annotate("", (end + 0.6, -4.6), (start + 0.4, -4.6), arrowprops=arc)
    height = 0.35 * (end - start) ** 0.6 + 0.15
    note(ax, (start + end + 1) / 2, -4.6 + height, f"+{end - start}")
steps = f"one to the right: +{x.strides[1]}\none down: +{x.strides[0]}"
note(ax, 3.8, -1.5, steps, ha="right")
note(ax, 6, -6.0, "storage: 12 numbers in a row")
fig.set_label(
    "A grid of three rows and four columns, numbered 0 to 11 row by row, above a "
    f"row of the same twelve cells. One column to the right is {x.strides[1]} place "
    f"on in the row, one row down is {x.strides[0]} places on."
)
