"""
GIN: colors that split, and graphs that no message passing tells apart
======================================================================

Figures for :doc:`/graphs/gin`: color refinement on two trees, pairs of graphs and the
aggregators that confuse them, and networks that learn to classify.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from snippets.graphs.adjacency_matrix import both_directions
from snippets.graphs.gin import GINLayer, color_counts, refinements, side_by_side
from snippets.graphs.message_passing import (
    propagate,
    scatter_max,
    scatter_mean,
    scatter_sum,
)


def edges(graph: nx.Graph) -> torch.Tensor:
    return both_directions(torch.tensor(list(graph.edges)).T)


def together(graphs: list[nx.Graph]):
    return side_by_side([edges(graph) for graph in graphs], [len(g) for g in graphs])


# %%
# Colors that split
# -----------------
# A hub with arms of 1, 3 and 5 nodes beside one with arms of 1, 4 and 4. News of where
# an arm ends travels one step per round.


def spider(*arms: int):
    graph, place = nx.Graph(), {0: (0.0, 0.0)}
    for (x, y), length in zip([(0, 1), (-1, -0.6), (1, -0.6)], arms, strict=True):
        nodes = [0, *range(len(place), len(place) + length)]
        graph.add_edges_from(pairwise(nodes))
        place |= {node: (x * far, y * far) for far, node in enumerate(nodes)}
    return graph, place


spiders = [spider(1, 3, 5), spider(1, 4, 4)]
edge_index, graph = together([graph for graph, _ in spiders])
rounds = refinements(torch.zeros_like(graph), edge_index)[:4]
counts = [one_hot(colors).view(2, 10, -1).sum(dim=1) for colors in rounds]
assert all(torch.equal(one, two) for one, two in counts[:3])
assert not torch.equal(*counts[3])

fig, axes = plt.subplots(2, 2, figsize=(6.4, 4.4), height_ratios=(3, 2))


def draw(step):
    shades = plt.get_cmap("viridis")(np.linspace(0.2, 1, counts[step].shape[1]))
    for side, (graph, place) in enumerate(spiders):
        tree, bars = axes[:, side]
        tree.clear()
        bars.clear()
        for edge in graph.edges:
            tree.plot(
                *zip(*(place[node] for node in edge), strict=True), "0.5", zorder=0
            )
        colors = rounds[step].view(2, 10)[side].tolist()
        for node, color in enumerate(colors):
            tree.plot(*place[node], "o", color=shades[color], ms=11)
        tree.set(xlim=(-5.5, 5.5), ylim=(-3.6, 1.6), title=f"round {step}")
        tree.axis("off")
        bars.bar(range(len(shades)), counts[step][side], color=shades)
        most = int(counts[step].max())
        bars.set(xlim=(-0.6, 9.6), xticks=range(10), xlabel="color")
        bars.set(ylim=(0, 1.1 * most), yticks=range(0, most + 1, 1 + most // 4))
        bars.set(ylabel="nodes" if side == 0 else "")


assert (counts[3] > 0).sum(dim=1).tolist() == [9, 6]
animation = FuncAnimation(fig, draw, [0, 1, 2, 3], interval=1600)
fig.set_label(
    "Two trees with a hub and three arms, nodes in colors, and bars that count the "
    "colors. In rounds 0 to 2 the bars of both agree: one color, then three, then six. "
    "In round 3 the left tree has nine different colors and the right one six."
)

# %%
# Who confuses what
# -----------------
# Untrained networks of four layers with the same weights, and one readout for all, the
# sum over nodes. Features are constant, but for the kinds of leaves in the first row.


class MeanLayer(GINLayer):
    def forward(self, x, edge_index):
        return self.mlp((1 + self.eps) * x + propagate(x, edge_index, scatter_mean))


class MaxLayer(GINLayer):
    def forward(self, x, edge_index):
        return self.mlp((1 + self.eps) * x + propagate(x, edge_index, scatter_max))


class GCNLayer(GINLayer):
    def forward(self, x, edge_index):
        degree = edge_index[1].bincount(minlength=len(x))[:, None].to(x)
        scaled = x / (degree + 1).sqrt()
        return self.mlp((scaled + propagate(scaled, edge_index)) / (degree + 1).sqrt())


kinds = {"sum": GINLayer, "mean": MeanLayer, "max": MaxLayer, "GCN": GCNLayer}


def network(layer, width: int, layers: int, bend=nn.Tanh) -> nn.ModuleList:
    widths = [width] + [16] * layers
    return nn.ModuleList(
        layer(nn.Sequential(nn.Linear(i, 16), bend(), nn.Linear(16, o)), eps=0.1)
        for i, o in pairwise(widths)
    )


def embed(layers, x, edge_index, graph, graphs: int, pool=scatter_sum):
    known = [x]
    for layer in layers:
        known.append(layer(known[-1], edge_index))
    return torch.cat([pool(h, graph, graphs) for h in known], dim=1)


def stars(*leaves: str) -> nx.Graph:
    """A hub for each text, with a leaf of the kind that each letter says."""
    graph = nx.Graph()
    for text in leaves:
        hub = len(graph)
        graph.add_node(hub, kind=0)
        for kind in text:
            graph.add_node(len(graph), kind="_ab".index(kind))
            graph.add_edge(hub, len(graph) - 1)
    return graph


def fused(ring: list[int], other: list[int]) -> nx.Graph:
    return nx.compose(nx.cycle_graph(ring), nx.cycle_graph(other))


def bridged() -> nx.Graph:
    graph = fused(range(5), range(5, 10))
    graph.add_edge(0, 5)
    return graph


pairs = [
    (stars("aab", "abb"), stars("aabb", "ab")),
    (nx.complete_graph(4), nx.cycle_graph(4)),
    (nx.star_graph(3), nx.path_graph(4)),
    (fused(range(3), range(3, 6)), nx.cycle_graph(6)),
    (fused(range(6), [0, 6, 7, 8, 9, 5]), bridged()),
]


def tell(pair) -> list[bool]:
    """Which of the networks, and whether the colors, tell a pair apart."""
    edge_index, graph = together(pair)
    leaf = [kind for part in pair for _, kind in part.nodes(data="kind", default=0)]
    x = one_hot(torch.tensor(leaf), 3).double()
    gaps = []
    for layer in kinds.values():
        torch.manual_seed(0)
        net = network(layer, 3, 4).double().requires_grad_(False)
        one, two = embed(net, x, edge_index, graph, 2)
        gaps.append(((one - two).norm() / one.norm()).item())
    assert all(gap < 1e-12 or gap > 1e-5 for gap in gaps)
    one, two = color_counts(torch.tensor(leaf), edge_index, graph)
    return [*(gap > 1e-9 for gap in gaps), not torch.equal(one, two)]


told = [tell(pair) for pair in pairs]
assert told[0] == [True, True, False, True, True]
assert told[1] == [True, False, False, False, True]
assert told[2] == [True, False, False, True, True]
assert told[3] == told[4] == [False] * 5


def seats(graph: nx.Graph, x: float, y: float) -> dict:
    """Connected parts beside each other, around ``(x, y)``, their long sides flat."""
    parts = [graph.subgraph(part) for part in nx.connected_components(graph)]
    place = {}
    for side, part in enumerate(parts):
        shift = x + 1.8 * (side - (len(parts) - 1) / 2), y
        scale = 0.65 if len(part) < 8 else 1.3
        free = nx.kamada_kawai_layout(part, pos=nx.planar_layout(part), scale=scale)
        turn = np.linalg.svd(np.array(list(free.values())))[2]
        place |= {node: turn @ at + shift for node, at in free.items()}
    return place


fig, ax = plt.subplots(figsize=(5.2, 4.4))
for row, (pair, verdict) in enumerate(zip(pairs, told, strict=True)):
    for x, graph in zip((0, 4.3), pair, strict=True):
        place = seats(graph, x, -2 * row)
        for edge in graph.edges:
            ax.plot(*zip(*(place[node] for node in edge), strict=True), "0.5", zorder=0)
        for node, leaf in graph.nodes(data="kind", default=0):
            ax.plot(*place[node], "o", color=("C0", "C2", "C3")[leaf], ms=5)
    for column, yes in enumerate(verdict):
        color, text = ("C0", "apart") if yes else ("C1", "same")
        ax.text(7.3 + 1.5 * column, -2 * row - 0.15, text, color=color, ha="center")
for column, name in enumerate([*kinds, "colors"]):
    ax.text(7.3 + 1.5 * column, 1.2, name, ha="center")
ax.set(xlim=(-1.8, 14), ylim=(-9.1, 1.7), aspect="equal")
ax.axis("off")
fig.set_label(
    "Five pairs of graphs, and who tells them apart. Stars with two kinds of leaves: "
    "all but max. Complete graph and ring: only sum and colors. Star and path: "
    "sum, GCN and colors. Two triangles and a ring of six, and two molecules: none."
)

# %%
# How near the border
# -------------------
# All connected graphs with seven nodes at once: how many kinds do the colors see, and
# how many do untrained networks of five layers, with and without a bend in the middle?

every = [g for g in nx.graph_atlas_g() if len(g) == 7 and nx.is_connected(g)]
edge_index, graph = together(every)
_, by_colors = color_counts(torch.zeros_like(graph), edge_index, graph).unique(
    dim=0, return_inverse=True
)


def told_apart(layer, bend=nn.Tanh, seed=0) -> torch.Tensor:
    """A number for each graph, the same where embeddings are."""
    torch.manual_seed(seed)
    net = network(layer, 1, 5, bend).double().requires_grad_(False)
    x = torch.ones(len(graph), 1).double()
    known = embed(net, x, edge_index, graph, len(every))
    rounded = (known / known.abs().amax(dim=0) * 1e8).round()
    return rounded.unique(dim=0, return_inverse=True)[1]


def number(layer, bend=nn.Tanh) -> list[int]:
    return [int(told_apart(layer, bend, seed).max()) + 1 for seed in range(3)]


found = {name: number(layer) for name, layer in kinds.items()}
found |= {"ReLU": number(GINLayer, nn.ReLU), "none": number(GINLayer, nn.Identity)}
colors, by_gcn = int(by_colors.max()) + 1, told_apart(GCNLayer)
for kind in by_gcn.unique():
    alike = (by_gcn == kind).nonzero()[:, 0]
    if by_colors[alike].unique().numel() > 1:
        assert all(nx.is_regular(every[index]) for index in alike)
assert len(every) == 853
assert set(found["sum"]) == {colors}
assert set(found["mean"]) == set(found["max"]) == {1}
assert max(found["none"]) < min(found["ReLU"]) <= max(found["ReLU"]) <= colors
assert colors - 10 < min(found["GCN"]) <= max(found["GCN"]) < colors

# %%
# Learning to classify
# --------------------
# Eighty regular graphs of ten nodes to learn from, eighty to be asked about. Nodes have
# three neighbors or four; or always three, in graphs with or without triangles.


def regular(degree: int, seed: int, wanted=lambda graph: True) -> nx.Graph:
    while not wanted(graph := nx.random_regular_graph(degree, 10, seed=seed)):
        seed += 1000
    return graph


def has_triangles(graph: nx.Graph) -> bool:
    return any(nx.triangles(graph).values())


def data(first, second):
    for start in (0, 100):
        seeds = range(start, start + 40)
        graphs = [make(seed) for make in (first, second) for seed in seeds]
        yield *together(graphs), torch.arange(80) // 40


degrees = list(data(lambda s: regular(3, s), lambda s: regular(4, s)))
triangles = list(
    data(
        lambda s: regular(3, s, has_triangles),
        lambda s: regular(3, s, lambda g: not has_triangles(g)),
    )
)
tasks = {
    "degree": (degrees, False),
    "degree,\ngiven as feature": (degrees, True),
    "triangles": (triangles, False),
}


def learn(layer, task, count_edges: bool) -> list[float]:
    """Accuracy on the graphs of the training, and on the others."""
    torch.manual_seed(0)
    net = network(layer, 1, 3, nn.ReLU)
    answer = nn.Linear(1 + 3 * 16, 2)

    def scores(edge_index, graph):
        x = torch.ones(len(graph), 1)
        if count_edges:
            x = propagate(x, edge_index)
        return answer(embed(net, x, edge_index, graph, 80, scatter_mean))

    weights = [*net.parameters(), *answer.parameters()]
    optimizer = torch.optim.Adam(weights, 0.01, fused=True)
    (*known, label), _ = task
    for _ in range(100):
        loss = cross_entropy(scores(*known), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [
        (scores(*graphs).argmax(dim=1) == label).double().mean().item()
        for *graphs, label in task
    ]


accuracy = np.array(
    [[learn(layer, *task) for layer in kinds.values()] for task in tasks.values()]
)
assert accuracy[0, 0].min() > 0.95
assert np.abs(accuracy[0, 1:] - 0.5).max() < 0.05
assert accuracy[1].min() > 0.9
assert np.abs(accuracy[2] - 0.5).max() < 0.1

fig, ax = plt.subplots(figsize=(6.4, 3.6))
for column, name in enumerate(kinds):
    ax.bar(np.arange(3) + 0.2 * column - 0.3, accuracy[:, column, 1], 0.18, label=name)
ax.axhline(0.5, color="0.5", ls=":")
ax.set_xticks(range(3), labels=list(tasks))
ax.set(ylim=(0, 1.25), ylabel="accuracy on new graphs")
ax.legend(ncols=4, loc="upper center")
fig.set_label(
    "Bars of accuracy for three tasks and four aggregators. Degree: sum 1, the others "
    "0.5. Degree given as a feature: all 1. Triangles: all 0.5."
)

measured = {
    "graphs": float(len(every)),
    "colors": float(colors),
    "sum": float(min(found["sum"])),
    "relu_least": float(min(found["ReLU"])),
    "relu_most": float(max(found["ReLU"])),
    "linear": float(max(found["none"])),
    "gcn": float(max(found["GCN"])),
    "mean": float(max(found["mean"])),
    "max": float(max(found["max"])),
    "fit_sum": float(accuracy[0, 0, 0]),
    "fit_others": float(accuracy[0, 1:, 0].max()),
    "new_sum": float(accuracy[0, 0, 1]),
    "new_others": float(accuracy[0, 1:, 1].max()),
    "given_sum": float(accuracy[1, 0, 1]),
    "given_others": float(accuracy[1, 1:, 1].min()),
    "triangles": float(accuracy[2, :, 1].max()),
}
