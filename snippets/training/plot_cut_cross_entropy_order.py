"""
Sorting gathers the blocks that matter
======================================

The blocks whose gradients are computed, with the vocabulary unsorted and sorted by mean
logit, and what the skipped ones would have added (:doc:`/training/cut_cross_entropy`).
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.cut_cross_entropy_passes import (
    cut_backward,
    cut_forward,
    vocabulary_order,
)
from snippets.training.skewed_head import skewed_head

TOKENS, D_MODEL, VOCAB, BLOCK, EPS, SEEDS = 512, 64, 8192, 64, 2**-12, 3


def off(ours, exact):
    """Size of the difference, relative to the exact gradient."""
    return (ours - exact).norm() / exact.norm()


maps, errors = [], []
for seed in range(SEEDS):
    head = skewed_head(TOKENS, D_MODEL, VOCAB, 2.0, seed)
    _, lse = cut_forward(*head, 256, 512)
    exact = cut_backward(*head, lse, 256, 512)
    plain, ordered = (
        cut_backward(*head, lse, BLOCK, BLOCK, filter_eps=EPS, order=order)
        for order in (None, vocabulary_order(*head[:2]))
    )
    maps.append((plain.kept, ordered.kept))
    rounded = exact.hidden.bfloat16().float()
    without = (ordered.classifier == 0).all(dim=-1).float().mean()
    errors.append(
        (
            off(ordered.hidden, exact.hidden),
            off(ordered.classifier, exact.classifier),
            off(rounded, exact.hidden),
            without,
        )
    )
errors = torch.tensor(errors)
hidden_off, classifier_off, rounding, zero_rows = errors.mean(dim=0)
assert errors[:, 0].min() > 4 * errors[:, 2].max()  # above the error of rounding
assert errors[:, 1].max() < 1e-3
assert zero_rows > 0.8

fig, axes = plt.subplots(2, 1, figsize=(6.4, 2.8), layout="constrained", sharex=True)
names = "unsorted", "sorted"
for ax, name, kept in zip(axes, names, maps[0], strict=True):
    ax.imshow(kept, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    ax.set(title=name, ylabel="block of\npositions", yticks=[0, 7])
axes[1].set(xlabel="block of the vocabulary")
rows, columns = maps[0][0].shape
above, below = (kept.float().mean() for kept in maps[0])
fig.set_label(
    f"Two tables of {rows} by {columns} blocks; those that are computed are blue. "
    f"Unsorted: {above:.0%}, all over the table. Sorted: {below:.0%}, "
    "nearly all at the left."
)
measured = {
    "hidden_off": hidden_off,
    "classifier_off": classifier_off,
    "rounding": rounding,
    "zero_rows": zero_rows,
}
