"""
A lookup and its gradient
=========================

A figure of :doc:`/language/token_embeddings`. Three words read a table of five rows:
the same as a product with one-hot rows. Backward, the gradients of the two places that
read one row are summed in it.
"""

import matplotlib.pyplot as plt
import torch

from snippets.language.token_embeddings import (
    lookup,
    lookup_as_product,
    lookup_gradient,
)

words = ["a", "cat", "dog", "sat", "the"]
ids = torch.tensor([4, 1, 4])  # the cat the
table = torch.tensor([[1, 0, 2], [3, 1, 0], [2, 2, 1], [0, 3, 1], [1, 2, 3.0]])
one_hot = torch.nn.functional.one_hot(ids, len(words)).float()
gradient = torch.tensor([[1, 0, 2], [2, 1, 0], [1, 1, 0.0]])
read, back = lookup(table, ids), lookup_gradient(ids, gradient, len(words))
assert torch.equal(read, lookup_as_product(table, ids))
assert torch.equal(back, one_hot.T @ gradient)

fig, axes = plt.subplots(2, 3, figsize=(6.4, 4.2), layout="constrained")
place = [words[i] for i in ids]
panels = (
    (one_hot, place, "one-hot rows"),
    (table, words, "times table"),
    (read, place, "= rows read"),
    (one_hot.T, words, "one-hot columns"),
    (gradient, place, "times gradient of rows"),
    (back, words, "= gradient of table"),
)
for ax, (matrix, labels, title) in zip(axes.flat, panels, strict=True):
    for (row, column), value in zip(
        torch.cartesian_prod(*map(torch.arange, matrix.shape)).tolist(),
        matrix.flatten().tolist(),
        strict=True,
    ):
        corner = (column - 0.45, row - 0.45)
        if value:
            ax.add_patch(plt.Rectangle(corner, 0.9, 0.9, fc="C0", alpha=0.25))
        ax.add_patch(plt.Rectangle(corner, 0.9, 0.9, fc="none", ec="C0"))
        ax.text(column, row, f"{value:.0f}", ha="center", va="center")
    ax.set(xlim=(-0.6, 4.6), ylim=(4.6, -0.6), aspect="equal", title=title, xticks=[])
    ax.set_yticks(range(len(labels)), labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
fig.set_label(
    "Two rows of three matrices. Above, the one-hot rows of the words the, cat, the "
    "times a table of five rows give three rows: "
    + "; ".join(str([int(x) for x in row]) for row in read)
    + ". Below, the transposed one-hot matrix times a gradient of three rows gives the "
    f"gradient of the table. Its row for the is {[int(x) for x in back[4]]}, a sum of "
    f"two; the row for cat is {[int(x) for x in back[1]]}; all others are zero."
)
