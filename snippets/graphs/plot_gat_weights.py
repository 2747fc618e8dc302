"""
Graph attention: weights of useless neighbors fade in training
==============================================================

Figure for :doc:`/graphs/gat`: the attention weights of one node of a new junk graph,
before, during, and after training.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.adjacency_matrix import with_self_loops
from snippets.graphs.gat import GAT
from snippets.graphs.junk_classifier import Classifier, training
from snippets.graphs.junk_graphs import together

x, edges, _, junk = together(range(10, 16))  # graphs that are not in training
edges = with_self_loops(edges, len(x))
source, target = edges

# %%
# Weights of the first layer
# --------------------------
# The share on junk counts edges from neighbors to all ordinary nodes.

torch.manual_seed(0)
model = Classifier(GAT)
weights, share = {}, {}
neighbor = (source != target) & ~junk[target]
for step in training(model, together(range(6))):
    if step in (0, 20, 80):
        weights[step] = model.first.weights(x, edges)[:, 0].detach()
        on_junk = weights[step][neighbor & junk[source]].sum()
        share[step] = (on_junk / weights[step][neighbor].sum()).item()
assert share[0] > 0.5 > share[20] > 0.1 > share[80]

# %%
# One node
# --------
# It has seven ordinary and eight junk neighbors.

degree, bad = (target.bincount(weights=w) for w in (None, junk[source].double()))
shown = (~junk & (degree == 16) & (bad == 8)).nonzero()[0].item()
spokes = ((target == shown) & (source != shown)).nonzero()[:, 0]
spokes = spokes[junk[source[spokes]].long().argsort(stable=True)]
angles = 2 * np.pi * np.arange(len(spokes)) / len(spokes)

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.6), layout="compressed")
for ax, (step, weight) in zip(axes, weights.items(), strict=True):
    for spoke, a in zip(spokes.tolist(), angles, strict=True):
        color, marker = ("C1", "s") if junk[source[spoke]] else ("C0", "o")
        width = 30 * weight[spoke].item()
        ax.plot([0, np.cos(a)], [0, np.sin(a)], color=color, lw=width, zorder=1)
        ax.plot(np.cos(a), np.sin(a), marker, color=color, ms=7)
    ax.plot(0, 0, "o", color="C0", ms=12)
    ax.set_title(f"step {step}\n{share[step]:.0%} on junk", fontsize=10)
    ax.set(aspect="equal", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    ax.axis("off")
ordinary = len(spokes) - 8
fig.set_label(
    f"A node among its neighbors, {ordinary} ordinary circles, 8 junk squares, three "
    f"times. Before training, junk has {share[0]:.0%} of the weight; after 20 steps "
    f"{share[20]:.0%}, and after 80 steps its edges are gone."
)

measured = {"share_before": share[0], "share_after": share[80]}
