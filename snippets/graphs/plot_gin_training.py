"""
GIN: accuracy after training, with and without degrees as features
==================================================================

Figure for :doc:`/graphs/gin`: accuracy on new regular graphs of four aggregators.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.graphs.gin import readout
from snippets.graphs.gin_variants import VARIANTS, batch, stack
from snippets.graphs.message_passing import propagate, scatter_mean

# %%
# The task
# --------
# Eighty graphs of ten nodes to learn from, eighty new ones. All nodes of a graph have
# three neighbors, or all have four.


def regular_graphs(first_seed: int):
    seeds = range(first_seed, first_seed + 40)
    graphs = [nx.random_regular_graph(d, 10, seed=s) for d in (3, 4) for s in seeds]
    return *batch(graphs), torch.arange(80) // 40


known, new = both = regular_graphs(0), regular_graphs(100)

# %%
# Training
# --------
# Three layers and the mean over the nodes. A tie of the two scores counts as class 0.


def learn(layer, give_degrees: bool, seed: int) -> list[float]:
    torch.manual_seed(seed)
    layers, answer = stack(layer, 1, 3, nn.ReLU), nn.Linear(1 + 3 * 16, 2)

    def scores(edge_index, graph):
        x = torch.ones(len(graph), 1)
        x = propagate(x, edge_index) if give_degrees else x
        return answer(readout(layers, x, edge_index, graph, 80, scatter_mean))

    weights = nn.ModuleList([layers, answer]).parameters()
    optimizer = torch.optim.Adam(weights, 0.01, fused=True)
    for _ in range(80):
        loss = cross_entropy(scores(*known[:2]), known[2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    answers = [scores(*half[:2]).round(decimals=3).argmax(dim=1) for half in both]
    pairs = zip(answers, both, strict=True)
    return [(answer == half[2]).double().mean().item() for answer, half in pairs]


kinds, runs = VARIANTS.values(), range(3)
accuracy = np.array([[[learn(k, g, s) for s in runs] for k in kinds] for g in (0, 1)])
degree, given = accuracy
assert degree[0].min() > 0.95
assert abs(degree[1:] - 0.5).max() < 0.05
assert given.min() > 0.95
means = accuracy[..., 1].mean(axis=2)
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for column, name in enumerate(VARIANTS):
    ax.bar(np.arange(2) + 0.2 * column - 0.3, means[:, column], 0.18, label=name)
ax.set_xticks(range(2), ["all features equal", "degree given as feature"])
ax.set(ylim=(0, 1.25), ylabel="accuracy on new graphs")
ax.legend(ncols=4, loc="upper center")
fig.set_label(
    f"Accuracy of four networks. With equal features: sum {means[0, 0]:.0%}, mean, "
    f"max, and GCN {means[0, 1:].max():.0%}. With degrees: all {means[1].min():.0%}."
)
measured = {"fit_sum": degree[0, :, 0].mean(), "fit_others": degree[1:, :, 0].max()}
measured |= {"new_sum": means[0, 0], "new_others": means[0, 1:].max()}
measured |= {"given_others": means[1, 1:].min()}
