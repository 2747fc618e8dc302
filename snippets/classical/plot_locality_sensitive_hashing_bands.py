"""
Three pairs of signatures, cut into bands
=========================================

A figure of :doc:`/classical/locality_sensitive_hashing`. The 128 MinHash values of
three pairs of documents, with one band in each column: dark where they are equal. A
band that is equal in all rows is framed, and makes the pair a candidate.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.copied_documents import copied_documents
from snippets.classical.locality_sensitive_hashing import minhash, random_permutations

sets, pairs, truth = copied_documents(20_000)
signatures = minhash(sets, random_permutations(128))
equal = signatures[pairs[:, 0]] == signatures[pairs[:, 1]]
bands = equal.reshape(-1, 16, 8)

fig, axes = plt.subplots(1, 3, figsize=(6.4, 1.9), layout="constrained")
counts, shown = [], []
for ax, wanted in zip(axes, (0.5, 0.7, 0.9), strict=True):
    near = np.abs(truth - wanted).argsort()[:51]
    full = bands[near].all(axis=2).sum(axis=1)
    pair = near[full.argsort(kind="stable")[25]]  # the median number of full bands
    ax.imshow(bands[pair].T, cmap="Blues", vmin=-0.2, vmax=1.2)
    for band in np.flatnonzero(bands[pair].all(axis=1)):
        ax.add_patch(plt.Rectangle((band - 0.5, -0.5), 1, 8, fc="none", ec="C1", lw=2))
    counts.append(bands[pair].all(axis=1).sum())
    shown.append(truth[pair])
    title = f"J = {truth[pair]:.2f}: {counts[-1]} full"
    ax.set(title=title, xticks=[], yticks=[])
axes[0].set_ylabel("8 rows")
axes[1].set_xlabel("16 bands")
fig.set_label(
    "Three grids of 16 columns and 8 rows. The more similar the pair, the more cells "
    f"are dark. {counts[0]} columns are all dark at similarity {shown[0]:.2f}, "
    f"{counts[1]} at {shown[1]:.2f} and {counts[2]} at {shown[2]:.2f}; these are "
    "framed in orange."
)
assert counts[0] == 0 < counts[1] < counts[2]
