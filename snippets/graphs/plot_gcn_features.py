"""
Graph convolutional network: words and citations together
=========================================================

Figure for :doc:`/graphs/gcn`: accuracy on toy citation graphs of a network that has
words and citations, and of three controls that lack one of them.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import one_hot

from snippets.graphs.gcn import GCN
from snippets.graphs.label_spreading import label_spreading
from snippets.graphs.semi_supervised import trained_scores
from snippets.graphs.toy_citations import TOPICS, citations

NODES, LABELED, GRAPHS = 400, torch.arange(20), 5

# %%
# One graph
# ---------
# Five documents of each topic are labeled; the accuracy counts the other 380.


def accuracies(seed: int) -> list[float]:
    x, edge_index, topic = citations(seed)

    def accuracy(scores: torch.Tensor) -> float:
        right = scores.argmax(dim=1) == topic
        return right[len(LABELED) :].double().mean().item()

    def gcn(x: torch.Tensor, edges: torch.Tensor) -> float:
        torch.manual_seed(seed)
        model = GCN(features=x.shape[1], hidden=16, classes=TOPICS)
        settings = {"weight_decay": 5e-4}
        return accuracy(trained_scores(model, x, edges, topic, LABELED, **settings))

    Y = one_hot(topic, TOPICS).float()
    Y[len(LABELED) :] = 0
    return [
        gcn(x, edge_index),
        gcn(x, edge_index[:, :0]),
        gcn(torch.eye(NODES), edge_index),
        accuracy(label_spreading(edge_index, Y)),
    ]


# %%
# Five graphs
# -----------

values = np.array([accuracies(seed) for seed in range(GRAPHS)])
full, words, names, spread = mean = values.mean(axis=0)
assert (values[:, 0] > values[:, 1:].max(axis=1) + 0.05).all()
assert words < 0.6
assert 0.5 < names < 0.75
assert 0.5 < spread < 0.8

labels = ["GCN", "no citations", "no words", "label spreading\n(no words)"]
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot(range(4), values.T, "o", color="C0", alpha=0.5)
ax.plot(range(4), mean, "_", color="C1", ms=30, mew=2)
ax.axhline(1 / TOPICS, color="0.5", ls="--")
ax.text(2.5, 1 / TOPICS + 0.02, "guessing")
ax.set(xticks=range(4), xticklabels=labels, ylim=(0, 1), ylabel="accuracy")
fig.set_label(
    f"Accuracy of four methods on {GRAPHS} graphs each. Means: GCN {full:.0%}, the "
    f"same network without citations {words:.0%}, without words {names:.0%}, label "
    f"spreading {spread:.0%}. A dashed line marks guessing at {1 / TOPICS:.0%}."
)

measured = {
    "features": full,
    "features_words": words,
    "features_names": names,
    "features_spread": spread,
}
