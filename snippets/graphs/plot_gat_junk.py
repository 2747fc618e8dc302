"""
Graph attention: accuracy where half of the nodes are junk
==========================================================

Figure for :doc:`/graphs/gat`: accuracy on new junk graphs of GCN, GAT and GATv2, and of
controls: without edges, without attention, without the flag, and without junk.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.gat import GAT, GATv2
from snippets.graphs.gcn import GraphConvolution
from snippets.graphs.junk_classifier import Classifier, MeanLayer, accuracy, training
from snippets.graphs.junk_graphs import (
    JunkGraph,
    together,
    without_edges,
    without_flag,
    without_junk,
)

seen, unseen = together(range(6)), together(range(10, 16))


def as_it_is(graph: JunkGraph) -> JunkGraph:
    return graph


def trained(layer: type, change, seed: int) -> float:
    torch.manual_seed(seed)
    model = Classifier(layer)
    for _ in training(model, change(seen)):
        pass
    return accuracy(model, change(unseen))


# %%
# Three runs of each
# ------------------
# Without junk: edges from or to junk are removed. Without the flag: feature 3 is zero.

kinds = {
    "GAT,\nno flag": (GAT, without_flag),
    "GCN": (GraphConvolution, as_it_is),
    "no edges": (GraphConvolution, without_edges),
    "mean": (MeanLayer, as_it_is),
    "GAT": (GAT, as_it_is),
    "GATv2": (GATv2, as_it_is),
    "GCN,\nno junk": (GraphConvolution, without_junk),
}
runs = np.array([[trained(*kind, s) for s in range(3)] for kind in kinds.values()])
no_flag, gcn, no_edges, plain, gat, v2, clean = mean = runs.mean(axis=1)
assert max(no_flag, gcn) < no_edges - 0.1
assert no_edges + 0.05 < plain < min(runs[4].min(), v2)
assert plain + 0.04 < gat < clean - 0.04

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot(range(7), runs, "o", color="C0", alpha=0.5)
ax.plot(range(7), mean, "_", color="C1", ms=26, mew=2)
ax.axhline(1 / 3, color="0.5", ls="--")
ax.text(5.4, 0.35, "guessing")
ax.set(xticks=range(7), xticklabels=kinds, xlim=(-0.5, 6.5), ylim=(0, 1))
ax.set_ylabel("accuracy")
fig.set_label(
    f"Accuracy of seven networks. Means: GAT without the flag {no_flag:.0%}, GCN "
    f"{gcn:.0%}, no edges {no_edges:.0%}, mean {plain:.0%}, GAT {gat:.0%}, GATv2 "
    f"{v2:.0%}, GCN without junk {clean:.0%}. A line marks guessing at a third."
)

junk_neighbors = unseen.junk[unseen.edge_index[0, ~unseen.junk[unseen.edge_index[1]]]]
measured = {"gcn": gcn, "gat": gat, "v2": v2, "clean": clean, "no_flag": no_flag}
measured |= {"no_edges": no_edges, "mean": plain}
measured["junk_neighbors"] = junk_neighbors.double().mean()
