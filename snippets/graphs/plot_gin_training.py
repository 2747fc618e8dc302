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
from torch.optim.lr_scheduler import CosineAnnealingLR

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


def learn(layer, give_degrees: bool, steps: int, seed: int) -> list[float]:
    """Accuracy on both halves, of three layers and the mean over the nodes."""
    torch.manual_seed(seed)
    features = 3 if give_degrees else 2
    layers, answer = stack(layer, features, 3, nn.ReLU), nn.Linear(features + 48, 2)

    def scores(edge_index, graph, kind):
        if give_degrees:
            degree = propagate(torch.ones(800, 1), edge_index)
            kind = torch.cat([kind, degree], dim=1)
        return answer(readout(layers, kind, edge_index, graph, 80, scatter_mean))

    weights = nn.ModuleList([layers, answer]).parameters()
    optimizer = torch.optim.Adam(weights, 0.01, fused=True)
    schedule = CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        loss = cross_entropy(scores(*known[:3]), known[3])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    pairs = [(scores(*half[:3]).argmax(dim=1), half[3]) for half in both]
    return [(answer == degree).double().mean().item() for answer, degree in pairs]


# %%
# Three runs of each network
# --------------------------
# The sum fits the training graphs within 240 steps, and with degrees all networks do.
# Without degrees, the others get 1000 steps.

steps = [{name: 1000 for name in VARIANTS} | {"sum": 240}, dict.fromkeys(VARIANTS, 150)]
accuracy = np.array(
    [
        [[learn(VARIANTS[n], g, steps[g][n], s) for s in range(3)] for n in VARIANTS]
        for g in (0, 1)
    ]
)
fit, means = accuracy[0, :, :, 0], accuracy.mean(axis=2)[..., 1]
assert accuracy[0, 0].min() > 0.95 < accuracy[1].min()
assert fit[2].max() < 0.99
assert means[0, 2] + 0.1 < means[0, 1] < 0.99
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
measured = {"fit_sum": fit[0].mean(), "fit_max": fit[2].mean()}
measured |= {"fit_mean_least": fit[1].min(), "fit_mean_most": fit[1].max()}
measured |= {"fit_gcn_least": fit[3].min(), "fit_gcn_most": fit[3].max()}
measured |= {"new_sum": means[0, 0], "new_others": means[0, 1:3].max()}
measured |= {"new_mean": means[0, 1], "new_max": means[0, 2]}
measured["given_others"] = means[1, 1:].min()
