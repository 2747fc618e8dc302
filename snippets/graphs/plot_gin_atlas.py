"""
GIN: how many of 853 small graphs each network tells apart
==========================================================

Figure for :doc:`/graphs/gin`: the connected graphs with seven nodes, told apart by
color refinement and by untrained networks.
"""

import matplotlib.pyplot as plt
import networkx as nx
import torch
from torch import nn

from snippets.graphs.color_refinement import color_counts
from snippets.graphs.gin import GINLayer, readout
from snippets.graphs.gin_variants import VARIANTS, GCNLayer, batch, stack
from snippets.graphs.message_passing import propagate

atlas = [g for g in nx.graph_atlas_g() if len(g) == 7 and nx.is_connected(g)]
edge_index, graph = batch(atlas)
counts = color_counts(torch.zeros_like(graph), edge_index, graph, len(atlas))
by_colors = counts.unique(dim=0, return_inverse=True)[1]
colors = int(by_colors.max()) + 1
assert len(atlas) == 853
# %%
# Untrained networks: five layers, three sets of weights. The feature of a node is 1, or
# its degree. Embeddings count as equal if they agree to 8 digits.

one = torch.ones(len(graph), 1).double()
degree = propagate(one, edge_index)


def told_apart(layer, activation=nn.Tanh, x=one, seed=0) -> torch.Tensor:
    """A number for each graph, the same where embeddings are."""
    torch.manual_seed(seed)
    layers = stack(layer, 1, 5, activation).double().requires_grad_(False)
    embedding = readout(layers, x, edge_index, graph, len(atlas))
    rounded = (embedding / embedding.abs().amax(dim=0) * 1e8).round()
    return rounded.unique(dim=0, return_inverse=True)[1]


def number(*layer) -> list[int]:
    return [int(told_apart(*layer, seed=seed).max()) + 1 for seed in range(3)]


found = {name: number(layer) for name, layer in VARIANTS.items()}
found["sum, ReLU"] = number(GINLayer, nn.ReLU)
found["sum, no activation"] = number(GINLayer, nn.Identity)
for name in ("mean", "max"):
    found[f"{name}, degree given"] = number(VARIANTS[name], nn.Tanh, degree)
assert set(found["sum"]) == set(found["mean, degree given"]) == {colors}
assert set(found["mean"]) == set(found["max"]) == {1}
assert max(found["sum, no activation"]) < min(found["sum, ReLU"]) < colors
assert colors - 20 < min(found["max, degree given"])
assert colors - 10 < min(found["GCN"]) <= max(found["GCN"]) < colors

# Graphs that a GCN confuses although their colors differ are regular.
by_gcn = told_apart(GCNLayer)
for group in by_gcn.unique():
    alike = (by_gcn == group).nonzero()[:, 0]
    if by_colors[alike].unique().numel() > 1:
        assert all(nx.is_regular(atlas[index]) for index in alike)

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
most = {name: max(counts) for name, counts in found.items()}
for row, (name, counts) in enumerate(found.items()):
    ax.plot(counts, [row] * 3, "o", color="C0", alpha=0.6)
    ax.text(19 if most[name] < 400 else 860, row, most[name], va="center")
ax.axvline(colors, color="0.5", ls="--")
ax.set(yticks=range(8), yticklabels=found, ylim=(7.6, -0.6), xlim=(-20, 950))
ax.set_xlabel("groups of graphs with different embeddings")
rows = ", ".join(f"{name} {count}" for name, count in most.items())
fig.set_label(
    f"Groups told apart by eight networks, most of three runs: {rows}. A dashed line "
    f"marks the {colors} groups of color refinement."
)
measured = {"sum": most["sum"], "mean": most["mean"], "gcn": most["GCN"]}
measured |= {"colors": colors, "linear": most["sum, no activation"]}
measured["relu_least"] = min(found["sum, ReLU"])
measured |= {f"{name}_given": most[f"{name}, degree given"] for name in ("mean", "max")}
