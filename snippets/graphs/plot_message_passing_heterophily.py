"""
Message passing: neighbors of the same topic, and of other topics
=================================================================

Figure for :doc:`/graphs/message_passing`: accuracy on toy citation graphs, over the
share of citations within a topic, of networks that use citations in two ways or not.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from snippets.graphs.gcn import GCN
from snippets.graphs.message_passing import MessagePassing, scatter_mean
from snippets.graphs.semi_supervised import trained_scores
from snippets.graphs.toy_citations import TOPICS, citations

WORDS, LABELED, SEEDS = 80, torch.arange(200), (0, 1, 2)
HOMOPHILY = [0.0, 0.25, 0.5, 0.75, 1.0]

# %%
# Own features apart
# ------------------
# The update of a layer has weights of its own for the node and for its messages.


class Apart(nn.Module):
    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.read, self.out = nn.Linear(features, hidden), nn.Linear(hidden, classes)
        self.step = MessagePassing(
            features=hidden, edge_features=0, aggregate=scatter_mean
        )

    def forward(self, x, edge_index):
        no_features = x.new_zeros(edge_index.shape[1], 0)
        return self.out(self.step(self.read(x), edge_index, no_features))


def accuracy(kind: type, homophily: float, seed: int, keep: bool = True) -> float:
    x, edge_index, topic = citations(seed, homophily)
    edges = edge_index if keep else edge_index[:, :0]
    torch.manual_seed(seed)
    sizes = {"features": WORDS, "hidden": 16, "classes": TOPICS}
    scores = trained_scores(kind(**sizes), x, edges, topic, LABELED, steps=100)
    return (scores.argmax(dim=1) == topic)[len(LABELED) :].double().mean().item()


# %%
# Five shares of citations within the topic
# -----------------------------------------

gcn, apart = (
    np.array([[accuracy(kind, share, seed) for seed in SEEDS] for share in HOMOPHILY])
    for kind in (GCN, Apart)
)
words = np.mean([accuracy(GCN, 1.0, seed, keep=False) for seed in SEEDS])
(low, *_, high), (apart_low, *_, apart_high) = gcn.mean(axis=1), apart.mean(axis=1)
assert low < words - 0.2
assert (apart.mean(axis=1) > words - 0.08).all()
assert high > 0.98 > apart_high > 0.9

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for color, runs, name in (("C0", gcn, "GCN"), ("C1", apart, "own features apart")):
    ax.plot(HOMOPHILY, runs, "o", ms=4, color=color)
    ax.plot(HOMOPHILY, runs.mean(axis=1), color=color, label=name)
ax.axhline(words, color="0.5", ls="--", label="no citations")
ax.set(xlabel="share of citations within the topic", ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="lower right")
fig.set_label(
    "Accuracy over the share of citations within the topic. A GCN rises from "
    f"{low:.0%} to {high:.0%}; layers that keep own features apart, from "
    f"{apart_low:.0%} to {apart_high:.0%}. A line marks no citations at {words:.0%}."
)

measured = {"mixed_0": low, "apart_0": apart_low, "apart_1": apart_high, "words": words}
