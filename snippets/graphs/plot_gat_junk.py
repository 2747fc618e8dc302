"""
Graph attention: accuracy where half of the nodes are junk
==========================================================

Figure for :doc:`/graphs/gat`: accuracy on new junk graphs of GCN, GAT and GATv2, and of
two controls: a GCN without junk, and a GAT that is not told what is junk.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.gat import GAT, GATv2
from snippets.graphs.gcn import GraphConvolution
from snippets.graphs.junk_classifier import Classifier, accuracy, training
from snippets.graphs.junk_graphs import JunkGraph, together

seen, unseen = together(range(6)), together(range(10, 16))

# %%
# Two controls
# ------------
# Without junk: edges from or to junk are removed. Without the flag: feature 3 is zero.


def as_it_is(graph: JunkGraph) -> JunkGraph:
    return graph


def without_junk(graph: JunkGraph) -> JunkGraph:
    ordinary = ~graph.junk[graph.edge_index].any(dim=0)
    return graph._replace(edge_index=graph.edge_index[:, ordinary])


def without_flag(graph: JunkGraph) -> JunkGraph:
    return graph._replace(x=graph.x * (torch.arange(6) != 3))


def trained(layer: type, change, seed: int) -> float:
    torch.manual_seed(seed)
    model = Classifier(layer)
    for _ in training(model, change(seen)):
        pass
    return accuracy(model, change(unseen))


# %%
# Three runs of each
# ------------------

kinds = {
    "GAT, no flag": (GAT, without_flag),
    "GCN": (GraphConvolution, as_it_is),
    "GAT": (GAT, as_it_is),
    "GATv2": (GATv2, as_it_is),
    "GCN, no junk": (GraphConvolution, without_junk),
}
runs = np.array([[trained(*kind, s) for s in range(3)] for kind in kinds.values()])
blind, gcn, gat, v2, clean = mean = runs.mean(axis=1)
assert blind < gcn + 0.05
assert (gcn + clean) / 2 < min(gat, v2) < max(gat, v2) < clean

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot(range(5), runs, "o", color="C0", alpha=0.5)
ax.plot(range(5), mean, "_", color="C1", ms=30, mew=2)
ax.axhline(1 / 3, color="0.5", ls="--")
ax.text(3.6, 0.35, "guessing")
ax.set(
    xticks=range(5), xticklabels=kinds, xlim=(-0.5, 4.5), ylim=(0, 1), ylabel="accuracy"
)
fig.set_label(
    f"Accuracy of five networks. Means: GAT without the flag {blind:.0%}, GCN "
    f"{gcn:.0%}, GAT {gat:.0%}, GATv2 {v2:.0%}, GCN without junk {clean:.0%}. A line "
    "marks guessing at a third."
)

ordinary = ~unseen.junk[unseen.edge_index[1]]
junk_neighbors = unseen.junk[unseen.edge_index[0, ordinary]].double().mean()
measured = {"gcn": gcn, "gat": gat, "v2": v2, "clean": clean, "blind": blind}
measured["junk_neighbors"] = junk_neighbors
