"""
A table fills itself
====================

A figure of :doc:`/recommenders/matrix_factorization`: a made-up table of two factors,
the cells that are known, and what ALS makes of them.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.matrix_factorization import als
from snippets.recommenders.rating_biases import rating_table

USERS, ITEMS, SIZE, KNOWN, NOISE, PENALTY = 24, 32, 2, 0.4, 0.2, 0.01
PASSES = (1, 3, 20)

rng = np.random.default_rng(3)
groups = np.sort(rng.normal(size=(USERS, SIZE)), axis=0)  # neighbors are alike
true = groups @ np.sort(rng.normal(size=(ITEMS, SIZE)), axis=0).T
true = true[:, rng.permutation(ITEMS)]
users, items = np.nonzero(rng.random(true.shape) < KNOWN)
noisy = true[users, items] + NOISE * rng.normal(size=len(users))
table = rating_table(users, items, noisy, true.shape)
start = rng.normal(scale=0.1, size=(ITEMS, SIZE))

panels = {"known": np.full(true.shape, np.nan)}
panels["known"][users, items] = noisy
for passes in PASSES:
    found = als(table, start, PENALTY, passes)
    panels[f"passes: {passes}"] = found.users @ found.items.T
panels["true"] = true
unknown = np.isnan(panels["known"])
errors = {
    name: np.sqrt(np.mean((panel - true)[unknown] ** 2))
    for name, panel in panels.items()
}

fig, axes = plt.subplots(1, len(panels), figsize=(6.8, 1.6), layout="constrained")
for ax, (name, panel) in zip(axes, panels.items(), strict=True):
    ax.imshow(panel, cmap="RdBu", vmin=-3, vmax=3, aspect="auto")
    ax.set(xticks=(), yticks=(), xlabel="items")
    ax.set_title(name, fontsize=10)
axes[0].set_ylabel("users")
first, last = (errors[f"passes: {n}"] for n in (PASSES[0], PASSES[-1]))
spread = true[unknown].std()
fig.set_label(
    f"Five tables of {USERS} users and {ITEMS} items: {KNOWN:.0%} of cells known, the "
    f"table after {PASSES[0]}, {PASSES[1]} and {PASSES[2]} passes of ALS, and the true "
    f"one. In unknown cells, the error falls from {first:.2f} to {last:.2f}."
)
measured = {"unknown_first": first, "unknown_last": last, "unknown_spread": spread}
assert last < 0.3 * spread
