"""
Reshape after transpose: the numbers have to move
=================================================

The heads are put side by side again. Above, the storage head by head; below, the copy.
"""

from snippets.foundations.tensor_drawings import (
    STORAGE,
    canvas,
    cells,
    note,
    token_color,
)
from snippets.foundations.tensor_operations import (
    contiguous,
    elements,
    permute,
    reshape,
    view,
)

by_head = permute(view(contiguous((3, 4)), (3, 2, 2)), (1, 0, 2))
storage = elements(STORAGE, by_head)  # as a product of matrices leaves it
transposed = permute(contiguous((2, 3, 2)), (1, 0, 2))  # (seq, heads, head_dim)
copy, _ = reshape(storage, transposed, (3, 4))
assert copy is not storage
assert copy == STORAGE

fig, ax = canvas(12.6, 5.2)
cells(ax, [storage])
cells(ax, [copy], top=3.2)
for place, number in enumerate(storage):
    ends = [place + 0.47, copy.index(number) + 0.47]
    ax.plot(ends, [-1.05, -3.2], color=token_color(number), lw=1.5)
note(ax, 6, -4.6, "transpose(0, 1).reshape(3, 4): a new storage, token by token")
fig.set_label(
    "Above, a storage with the numbers head by head: 0 1 4 5 8 9, 2 3 6 7 10 11. "
    "Below, a new one in the order 0 to 11. Lines from each number to its new place "
    "cross."
)
