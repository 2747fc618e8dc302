"""
Message passing: neighbors of the same topic, and of other topics
=================================================================

Figure for :doc:`/graphs/message_passing`: accuracy on toy citation graphs, over the
share of citations within a topic, of networks that use citations in three ways or not.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.gcn import GCN
from snippets.graphs.own_features import Apart, Mixed
from snippets.graphs.semi_supervised import trained_scores
from snippets.graphs.toy_citations import TOPICS, citations

LABELED, SEEDS = torch.arange(200), (0, 1, 2)
HOMOPHILY = [0.0, 0.25, 0.5, 0.75, 1.0]
SIZES = {"features": 80, "hidden": 16, "classes": TOPICS}


def accuracy(kind: type, homophily: float, seed: int, keep: bool = True) -> float:
    x, edge_index, topic = citations(seed, homophily)
    edges = edge_index if keep else edge_index[:, :0]
    torch.manual_seed(seed)
    scores = trained_scores(kind(**SIZES), x, edges, topic, LABELED, steps=100)
    return (scores.argmax(dim=1) == topic)[len(LABELED) :].double().mean().item()


# %%
# Five shares of citations within the topic
# -----------------------------------------

kinds = {"GCN": GCN, "own features mixed in": Mixed, "own features apart": Apart}
runs = np.array(
    [[[accuracy(k, h, s) for s in SEEDS] for h in HOMOPHILY] for k in kinds.values()]
)
words = np.mean([accuracy(GCN, 1.0, seed, keep=False) for seed in SEEDS])
gcn, mixed, apart = runs.mean(axis=2)
assert max(gcn[0], mixed[0]) < words - 0.2
assert apart.min() > words - 0.08
assert gcn[-1] > 0.98 > apart[-1] > 0.9

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for number, name in enumerate(kinds):
    ax.plot(HOMOPHILY, runs[number], "o", ms=4, color=f"C{number}")
    ax.plot(HOMOPHILY, runs[number].mean(axis=1), color=f"C{number}", label=name)
ax.axhline(words, color="0.5", ls="--", label="no citations")
ax.set(xlabel="share of citations within the topic", ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="lower right")
fig.set_label(
    "Accuracy over the share of citations within the topic, from none to all. A GCN "
    f"rises from {gcn[0]:.0%} to {gcn[-1]:.0%}; a layer with own features mixed in, "
    f"from {mixed[0]:.0%} to {mixed[-1]:.0%}; with own features apart, from "
    f"{apart[0]:.0%} to {apart[-1]:.0%}. A line marks no citations at {words:.0%}."
)

measured = {"gcn_0": gcn[0], "mixed_0": mixed[0], "apart_0": apart[0], "words": words}
measured |= {"mixed_1": mixed[-1], "apart_1": apart[-1]}
