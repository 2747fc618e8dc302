"""
Message passing: looking up a leaf's value at the root of a tree
================================================================

Figure for :doc:`/graphs/message_passing`: accuracy of looking up one leaf's value at
the root of a binary tree, and the control with an edge from each leaf to the root.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.tree_lookup import (
    VALUES,
    Lookup,
    direct_edges,
    train,
    tree_edges,
)

BATCH, STEPS, SHOWN = 64, 600, 20

# %%
# Training
# --------
# Every batch is new, so each step tests the network before it trains it.


def accuracies(edges, leaves: int, layers: int, features: int, seed: int) -> np.ndarray:
    """Share of right answers, as a running mean over 20 steps."""
    torch.manual_seed(seed)
    edge_index = edges(BATCH, leaves)
    model = Lookup(leaves=leaves, features=features, layers=layers)
    right = train(model, edge_index, batch=BATCH, leaves=leaves, steps=STEPS)
    return np.lib.stride_tricks.sliding_window_view(right, SHOWN).mean(axis=1)


# %%
# Four and eight leaves
# ---------------------
# A tree of 4 or 8 leaves needs 2 or 3 layers; direct edges need one. The vectors of the
# network with 8 leaves get narrower and wider.

four = [accuracies(tree_edges, 4, 2, 32, seed) for seed in range(3)]
eight = {
    width: accuracies(tree_edges, 8, 3, width, seed)
    for seed, width in enumerate((8, 32, 96))
}
direct = [accuracies(direct_edges, 8, 1, 32, seed) for seed in range(3)]
last = {
    "tree_4": np.mean(four, axis=0)[-1],
    "direct_8": np.mean(direct, axis=0)[-1],
} | {f"width_{width}": curve[-1] for width, curve in eight.items()}
assert min(last["tree_4"], last["direct_8"]) > 0.95
assert min(curve[-1] for curve in eight.values()) > 0.3
assert max(curve[-200:].max() for curve in eight.values()) < 0.55

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
steps = np.arange(SHOWN, STEPS + 1)
for name, color, curves in (
    ("8 leaves, direct edges", "C2", direct),
    ("4 leaves, tree", "C0", four),
):
    for curve in curves:
        ax.plot(steps, curve, color=color, lw=1, label=name)
        name = None
for (width, curve), style in zip(eight.items(), (":", "-", "--"), strict=True):
    label = f"8 leaves, tree, {width} features"
    ax.plot(steps, curve, style, color="C1", lw=1, label=label)
ax.axhline(1 / VALUES, color="0.5", ls="-.", label="guessing")
ax.set(xlabel="steps of Adam", ylabel="accuracy at the root", ylim=(0, 1.05))
ax.legend(fontsize=8, ncols=2, loc="lower right")
widths = ", ".join(f"{curve[-1]:.0%} with {width}" for width, curve in eight.items())
fig.set_label(
    f"Accuracy over {STEPS} steps. It rises to {last['tree_4']:.0%} with 4 leaves and "
    f"to {last['direct_8']:.0%} with 8 leaves and direct edges. With 8 in a tree it is "
    f"level at {widths} features. A line marks guessing at {1 / VALUES:.0%}."
)
measured = last
