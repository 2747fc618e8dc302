"""
Graph attention: edge features that tell which neighbors to ignore
==================================================================

Figure for :doc:`/graphs/gat`: accuracy on new junk graphs of GATv2 with and without a
feature on each edge.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import elu

from snippets.graphs.junk_classifier import accuracy, training
from snippets.graphs.junk_graphs import CLASSES, together

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    from torch_geometric.nn import GATv2Conv

# %%
# The flag moves from the nodes to the edges
# ------------------------------------------
# Feature 3 of the nodes is zero. The feature of an edge is 1 if it touches junk, else
# -1.

seen, unseen = (
    graph._replace(x=graph.x * (torch.arange(6) != 3))
    for graph in (together(range(6)), together(range(10, 16)))
)


class Classifier(nn.Module):
    def __init__(self, edge_dim: int | None) -> None:
        super().__init__()
        self.first = GATv2Conv(6, 24, edge_dim=edge_dim)
        self.second = GATv2Conv(24, CLASSES, edge_dim=edge_dim)

    def forward(self, x, edge_index):
        graph = seen if x is seen.x else unseen
        touches = graph.junk[edge_index].any(dim=0)
        edge_attr = 2 * touches[:, None].to(x.dtype) - 1
        edge_attr = edge_attr if self.first.edge_dim else None
        hidden = elu(self.first(x, edge_index, edge_attr))
        return self.second(hidden, edge_index, edge_attr)


def trained(edge_dim: int | None, seed: int) -> float:
    torch.manual_seed(seed)
    model = Classifier(edge_dim)
    for _ in training(model, seen):
        pass
    return accuracy(model, unseen)


runs = np.array([[trained(dim, seed) for seed in range(3)] for dim in (None, 1)])
without, with_edges = runs.mean(axis=1)
assert with_edges > without + 0.05

# %%
# Three runs of each
# ------------------

fig, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
ax.plot(range(2), runs, "o", color="C0", alpha=0.5)
ax.plot(range(2), runs.mean(axis=1), "_", color="C1", ms=30, mew=2)
ax.axhline(1 / CLASSES, color="0.5", ls="--")
ax.text(0.4, 0.36, "guessing")
labels = ["no edge features", "edge features"]
ax.set(xticks=range(2), xticklabels=labels, xlim=(-0.5, 1.5), ylim=(0, 1))
ax.set_ylabel("accuracy")
fig.set_label(
    f"Accuracy of GATv2 on new graphs: {without:.0%} without edge features, "
    f"{with_edges:.0%} with them. A dashed line marks guessing at a third."
)

measured = {"edges_without": without, "edges_with": with_edges}
