"""
Message passing: a tree too narrow for what its root must know
==============================================================

Figure for :doc:`/graphs/message_passing`: accuracy of looking up one leaf's value at
the root of a binary tree, and the control with an edge from each leaf to the root.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import cross_entropy

from snippets.graphs.tree_lookup import (
    VALUES,
    Lookup,
    direct_edges,
    questions,
    tree_edges,
)

LEAVES, BATCH, STEPS = (2, 4, 8), 64, 300

# %%
# Training
# --------
# Every batch is new, so each step tests the network before it trains it.


def accuracy(edges, leaves: int, layers: int, seed: int) -> float:
    """Share of right answers in the last 20 of 300 steps."""
    torch.manual_seed(seed)
    edge_index = edges(BATCH, leaves)
    model = Lookup(leaves=leaves, features=32, layers=layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, fused=True)
    right = []
    for _ in range(STEPS):
        batch = questions(BATCH, leaves)
        scores = model(batch, edge_index)
        right.append((scores.argmax(dim=1) == batch.answer).double().mean().item())
        loss = cross_entropy(scores, batch.answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return np.mean(right[-20:])


# %%
# Two, four and eight leaves
# --------------------------
# A tree of 2, 4 or 8 leaves needs 1, 2 or 3 layers; direct edges need one.

SEEDS = (0, 1, 2)
tree = np.array(
    [
        [accuracy(tree_edges, leaves, layers, seed) for seed in SEEDS]
        for layers, leaves in enumerate(LEAVES, 1)
    ]
)
direct = np.array([accuracy(direct_edges, 8, 1, seed) for seed in SEEDS])
assert tree[0].min() > 0.95
assert tree[2].max() < 0.55
assert direct.min() > 0.95

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot(LEAVES, tree, "o", ms=5, color="C0")
ax.plot(LEAVES, tree.mean(axis=1), color="C0", label="tree")
ax.plot([8] * 3, direct, "s", ms=5, color="C1", label="direct edges")
ax.axhline(1 / VALUES, color="0.5", ls="--", label="guessing")
ax.set(xticks=LEAVES, xlabel="leaves", ylabel="accuracy at the root", ylim=(0, 1.05))
ax.legend(loc="lower left")
means = tree.mean(axis=1)
fig.set_label(
    f"Accuracy over the number of leaves. Through the tree it falls from {means[0]:.0%}"
    f" with 2 leaves to {means[1]:.0%} with 4 and {means[2]:.0%} with 8. With direct "
    f"edges it is {direct.mean():.0%}. A line marks guessing at {1 / VALUES:.0%}."
)

measured = {"tree_4": means[1], "tree_8": means[2], "direct_8": direct.mean()}
