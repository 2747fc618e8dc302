"""
Einsum: scores of every query and key, head by head
===================================================

``hqd,hkd->hqk``: elements whose labels agree are multiplied, and ``d`` is summed.
"""

from snippets.foundations.tensor_drawings import (
    ROWS,
    canvas,
    cell,
    cells,
    frame,
    matrices,
    note,
)
from snippets.foundations.tensor_operations import contiguous, permute, view

by_head = permute(view(contiguous((3, 4)), (3, 2, 2)), (1, 0, 2))
fig, ax = canvas(14.6, 8.4)
for head, matrix in enumerate(matrices(by_head)):
    top = 4.1 * head
    cells(ax, matrix, left=1.5, top=top, framed=matrix[2] if head == 1 else ())
    cells(ax, matrix, left=5, top=top, framed=matrix[0] if head == 1 else ())
    for i in range(3):
        for j in range(3):
            cell(ax, 9.5 + j, -top - i - 1, fc=f"C{i}", alpha=0.2)
    note(ax, 0.4, -top - 1.5, f"h = {head}")
    note(ax, 8.2, -top - 1.5, "sum over d")
query, key = ROWS[2][2:], ROWS[0][2:]
frame(ax, 9.5, -7.1)
note(ax, 2.5, -3.5, "query: q, d")
note(ax, 6, -3.5, "key: k, d")
note(ax, 11, -3.5, "scores: q, k")
terms = [f"{a}·{b}" for a, b in zip(query, key, strict=True)]
note(ax, 9.9, -7.6, " + ".join(terms), ha="left")
fig.set_label(
    "For each of two heads, three queries and three keys of two features, and a "
    "grid of three by three scores. In head 1, query 2 and key 0 are framed and so "
    "is the score in row 2, column 0: the sum of the products of their features."
)
