"""
Graph convolutional network: words and citations together
=========================================================

Figure for :doc:`/graphs/gcn`: accuracy on toy citation graphs of a GCN, of a linear map
of smoothed words, and of controls that lack words or citations.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import one_hot

from snippets.graphs.gcn import GCN, SGC
from snippets.graphs.label_spreading import label_spreading
from snippets.graphs.semi_supervised import trained_scores
from snippets.graphs.toy_citations import TOPICS, citations

WORDS, NODES, LABELED, GRAPHS = 80, 400, torch.arange(20), 5

# %%
# One graph
# ---------
# Five documents of each topic are labeled; the accuracy counts the other 380.


def accuracies(seed: int) -> list[float]:
    x, edges, topic = citations(seed)
    Y = one_hot(topic, TOPICS).float()
    Y[len(LABELED) :] = 0
    names, none = torch.eye(NODES), edges[:, :0]
    torch.manual_seed(seed)

    def trained(model: nn.Module, x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        return trained_scores(model, x, edges, topic, LABELED, weight_decay=5e-4)

    scores = [
        trained(GCN(features=WORDS, hidden=16, classes=TOPICS), x, edges),
        trained(SGC(WORDS, TOPICS), x, edges),
        trained(GCN(features=WORDS, hidden=16, classes=TOPICS), x, none),
        trained(GCN(features=NODES, hidden=16, classes=TOPICS), names, edges),
        *(label_spreading(edges, Y, alpha) for alpha in (0.9, 0.99)),
    ]
    right = torch.stack(scores).argmax(dim=2) == topic
    return right[:, len(LABELED) :].double().mean(dim=1).tolist()


# %%
# Five graphs
# -----------

values = np.array([accuracies(seed) for seed in range(GRAPHS)])
full, linear, words, names, near, far = mean = values.mean(axis=0)
assert (values[:, :2].min(axis=1) > values[:, 2:].max(axis=1) + 0.05).all()
assert abs(full - linear) < 0.03
assert words < 0.6 < max(names, near, far) < 0.78

labels = ["GCN", "SGC", "no citations", "no words"]
labels += [f"spreading, {alpha}" for alpha in (0.9, 0.99)]
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot(range(6), values.T, "o", color="C0", alpha=0.5)
ax.plot(range(6), mean, "_", color="C1", ms=26, mew=2)
ax.axhline(1 / TOPICS, color="0.5", ls="--")
ax.text(4.3, 1 / TOPICS + 0.02, "guessing")
ax.set(xticks=range(6), ylim=(0, 1), ylabel="accuracy")
ax.set_xticklabels([label.replace(" ", "\n", 1) for label in labels])
fig.set_label(
    f"Accuracy on {GRAPHS} graphs each. Means: GCN {full:.0%}, SGC {linear:.0%}, GCN "
    f"without citations {words:.0%}, GCN without words {names:.0%}, label spreading "
    f"{near:.0%} and {far:.0%}. A dashed line marks guessing at {1 / TOPICS:.0%}."
)
measured = {"features": full, "features_linear": linear, "features_words": words}
measured |= {"features_names": names, "features_near": near, "features_far": far}
