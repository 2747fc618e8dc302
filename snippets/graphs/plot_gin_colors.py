"""
Color refinement: two trees that differ after three rounds
==========================================================

Animation for :doc:`/graphs/gin`: the colors of two trees, and how many nodes have each.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch.nn.functional import one_hot

from snippets.graphs.color_refinement import refinements
from snippets.graphs.gin_variants import batch

# %%
# Two trees
# ---------
# A hub with arms of 1, 3 and 5 nodes, and one with arms of 1, 4 and 4.


def spider(*arms: int):
    graph, place = nx.Graph(), {0: (0.0, 0.0)}
    for (x, y), length in zip([(0, 1), (-1, -0.6), (1, -0.6)], arms, strict=True):
        nodes = [0, *range(len(place), len(place) + length)]
        graph.add_edges_from(pairwise(nodes))
        place |= {node: (x * far, y * far) for far, node in enumerate(nodes)}
    return graph, place


spiders = [spider(1, 3, 5), spider(1, 4, 4)]
edge_index, graph = batch([graph for graph, _ in spiders])
rounds = refinements(torch.zeros_like(graph), edge_index)[:4]
counts = [one_hot(colors).view(2, 10, -1).sum(dim=1) for colors in rounds]
assert all(torch.equal(one, two) for one, two in counts[:3])
assert not torch.equal(*counts[3])

# %%
# The figure
# ----------

fig, axes = plt.subplots(2, 2, figsize=(6.4, 4.4), height_ratios=(3, 2))


def draw(step):
    shades = plt.get_cmap("viridis")(np.linspace(0.2, 1, counts[step].shape[1]))
    for side, (graph, place) in enumerate(spiders):
        tree, bars = axes[:, side]
        tree.clear()
        bars.clear()
        for edge in graph.edges:
            ends = zip(*(place[node] for node in edge), strict=True)
            tree.plot(*ends, "0.5", zorder=0)
        for node, color in enumerate(rounds[step].view(2, 10)[side].tolist()):
            tree.plot(*place[node], "o", color=shades[color], ms=11)
        tree.set(xlim=(-5.5, 5.5), ylim=(-3.6, 1.6), title=f"round {step}")
        tree.axis("off")
        bars.bar(range(len(shades)), counts[step][side], color=shades)
        most = int(counts[step].max())
        bars.set(xlim=(-0.6, 9.6), xticks=range(10), xlabel="color")
        bars.set(ylim=(0, 1.1 * most), yticks=range(0, most + 1, 1 + most // 4))
        bars.set(ylabel="nodes" if side == 0 else "")


animation = FuncAnimation(fig, draw, [0, 1, 2, 3], interval=1600)
used = [(count > 0).sum(dim=1).tolist() for count in counts]
fig.set_label(
    "Two trees with a hub and three arms, nodes in colors, and bars that count the "
    f"colors. In rounds 0 to 2 the bars of both agree: {used[0][0]}, {used[1][0]}, and "
    f"{used[2][0]} colors. In round 3 the left tree has {used[3][0]} different colors, "
    f"the right one {used[3][1]}."
)
