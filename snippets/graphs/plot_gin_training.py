"""
GIN: accuracy after training, with and without degrees as features
==================================================================

Figure for :doc:`/graphs/gin`: accuracy of four aggregators on new regular graphs.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from snippets.graphs.gin import readout
from snippets.graphs.gin_variants import VARIANTS, batch, stack
from snippets.graphs.message_passing import propagate, scatter_mean

# %%
# The task
# --------
# 80 graphs of ten nodes to learn from, 80 new ones. All nodes have three neighbors, or
# all have four. Each node is of one of two random kinds.


def regular_graphs(first_seed: int):
    seeds = range(first_seed, first_seed + 40)
    graphs = [nx.random_regular_graph(d, 10, seed=s) for d in (3, 4) for s in seeds]
    random = torch.Generator().manual_seed(first_seed)
    kind = one_hot(torch.randint(2, (800,), generator=random)).float()
    return *batch(graphs), kind, torch.arange(80) // 40


both = known, _ = regular_graphs(0), regular_graphs(100)


def learn(layer, give_degrees: bool, seed: int) -> list[float]:
    """Accuracy on both halves, of three layers and the mean over the nodes."""
    torch.manual_seed(seed)
    features = 3 if give_degrees else 2
    layers, answer = stack(layer, features, 3, nn.ReLU), nn.Linear(features + 48, 2)

    def scores(edge_index, graph, kind):
        degree = propagate(torch.ones(800, 1), edge_index)
        x = torch.cat([kind, degree], dim=1) if give_degrees else kind
        return answer(readout(layers, x, edge_index, graph, 80, scatter_mean))

    weights = nn.ModuleList([layers, answer]).parameters()
    optimizer = torch.optim.Adam(weights, 0.01, fused=True)
    for _ in range(240):
        loss = cross_entropy(scores(*known[:3]), known[3])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pairs = [(scores(*half[:3]).argmax(dim=1), half[3]) for half in both]
    return [(answer == degree).double().mean().item() for answer, degree in pairs]


layers, seeds = VARIANTS.values(), range(3)
accuracy = np.array([[[learn(k, g, s) for s in seeds] for k in layers] for g in (0, 1)])
fit, means = accuracy.mean(axis=2).transpose(2, 0, 1)
assert accuracy[0, 0].min() > 0.95 < accuracy[1].min()
assert max(fit[0, 1:].max(), accuracy[0, 1:, :, 1].max()) < 0.95
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for column, name in enumerate(VARIANTS):
    place = np.arange(2) + 0.2 * column - 0.3
    ax.bar(place, means[:, column], 0.18, label=name)
    ax.plot(place, accuracy[:, column, :, 1], "o", color="0.4", ms=3)
ax.axhline(0.5, color="0.5", ls="--")  # guessing
ax.set_xticks(range(2), ["kinds only", "degree given as feature"])
ax.set(ylim=(0, 1.25), ylabel="accuracy on new graphs")
ax.legend(ncols=4, loc="upper center")
fig.set_label(
    "Accuracy, means of three runs. With kinds only: sum {:.0%}, mean {:.0%}, max "
    "{:.0%}, GCN {:.0%}. ".format(*means[0])
    + f"With degrees: at least {means[1].min():.0%}. A dashed line is at one half."
)
measured = {"fit_sum": fit[0, 0], "fit_mean": fit[0, 1], "fit_max": fit[0, 2]}
measured |= {"new_sum": means[0, 0], "new_others": means[0, 1:3].max()}
measured["given_others"] = means[1, 1:].min()
