"""
GIN: pairs of graphs, and which aggregators tell them apart
===========================================================

Figure for :doc:`/graphs/gin`: five pairs of graphs, and the verdicts of four untrained
networks and of color refinement.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from torch.nn.functional import one_hot

from snippets.graphs.color_refinement import color_counts
from snippets.graphs.confusable_graphs import PAIRS
from snippets.graphs.gin import readout
from snippets.graphs.gin_variants import VARIANTS, batch, stack

# %%
# Untrained networks
# ------------------
# Four layers, the same weights for all aggregators, and a sum over the nodes. The input
# is the kind of a node, which is the same for all but the leaves of the first pair.


def tell(pair) -> list[bool]:
    """Which networks, and whether the colors, tell a pair apart."""
    edge_index, graph = batch(pair)
    kind = [kind for part in pair for _, kind in part.nodes(data="kind", default=0)]
    x = one_hot(torch.tensor(kind), 3).double()
    gaps = []
    for layer in VARIANTS.values():
        torch.manual_seed(0)
        layers = stack(layer, 3, 4).double().requires_grad_(False)
        one, two = readout(layers, x, edge_index, graph, 2)
        gaps.append(((one - two).norm() / one.norm()).item())
    assert all(gap < 1e-12 or gap > 1e-5 for gap in gaps)
    one, two = color_counts(torch.tensor(kind), edge_index, graph, 2)
    return [*(gap > 1e-9 for gap in gaps), not torch.equal(one, two)]


names = [*VARIANTS, "colors"]
told = np.array([tell(pair) for pair in PAIRS.values()])
assert (told.sum(axis=0) == [3, 1, 0, 2, 3]).all()  # sum as often as colors, max never
assert not told[3:].any()

# %%
# The figure
# ----------


def seats(graph: nx.Graph, x: float, y: float) -> dict:
    parts = [graph.subgraph(part) for part in nx.connected_components(graph)]
    place = {}
    for side, part in enumerate(parts):
        shift = x + 1.8 * (side - (len(parts) - 1) / 2), y
        scale = 0.65 if len(part) < 8 else 1.3
        free = nx.kamada_kawai_layout(part, pos=nx.planar_layout(part), scale=scale)
        turn = np.linalg.svd(np.array(list(free.values())))[2]
        place |= {node: turn @ at + shift for node, at in free.items()}
    return place


fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for row, (pair, verdicts) in enumerate(zip(PAIRS.values(), told, strict=True)):
    for x, graph in zip((0, 4.3), pair, strict=True):
        place, kinds = seats(graph, x, -2 * row), graph.nodes(data="kind", default=0)
        colors = [("C0", "C2", "C3")[kind] for _, kind in kinds]
        nx.draw(graph, place, ax, node_color=colors, node_size=22, edge_color="0.5")
    for column, yes in enumerate(verdicts):
        color, text = ("C0", "apart") if yes else ("C1", "same")
        ax.text(7.4 + 2.1 * column, -2 * row - 0.15, text, color=color, ha="center")
for column, name in enumerate(names):
    ax.text(7.4 + 2.1 * column, 1.2, name, ha="center")
ax.set(xlim=(-1.8, 17), ylim=(-9.1, 1.7), aspect="equal")
ax.axis("off")
by = [", ".join(np.array(names)[row]) or "none" for row in told]
rows = ". ".join(f"{pair}: {who}" for pair, who in zip(PAIRS, by, strict=True))
fig.set_label(f"Five pairs of graphs, and what tells them apart. {rows}.")
