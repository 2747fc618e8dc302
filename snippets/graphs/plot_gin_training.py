"""
GIN: accuracy after training, with and without degrees as features
==================================================================

Figure for :doc:`/graphs/gin`: accuracy of four aggregators on new regular graphs.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.gin_abreast import train_abreast
from snippets.graphs.gin_variants import VARIANTS
from snippets.graphs.regular_graphs import (
    Classifier,
    Graphs,
    regular_graphs,
    with_degrees,
)

# %%
# The task
# --------
# 80 graphs of ten nodes to learn from, 80 new ones. All nodes have three neighbors, or
# all have four. Each node is of one of two random kinds.

kinds_only = regular_graphs(0), regular_graphs(100)
degree_given = [with_degrees(graphs) for graphs in kinds_only]


def learn(name: str, known: Graphs, new: Graphs, steps: int) -> np.ndarray:
    """Accuracy of three runs on both halves."""
    networks = []
    for seed in range(3):
        torch.manual_seed(seed)
        networks.append(Classifier(VARIANTS[name], features=known.x.shape[1]))
    return train_abreast(networks, known, new, steps=steps).numpy()


# %%
# Three runs of each network
# --------------------------
# The sum fits the training graphs within 240 steps, and with degrees all networks do.
# Without degrees, the others get 1000 steps.

steps = dict.fromkeys(VARIANTS, 1000) | {"sum": 240}
accuracy = np.array(
    [
        [learn(name, *kinds_only, steps[name]) for name in VARIANTS],
        [learn(name, *degree_given, 150) for name in VARIANTS],
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
