"""
Graph convolutional network: which members of a club are hard to place
======================================================================

Figure for :doc:`/graphs/gcn`: how often ten GCNs misplace each member of the karate
club; and the controls, without friendships and without learning.
"""

import matplotlib.pyplot as plt
import torch

from snippets.graphs.gcn import GCN
from snippets.graphs.karate_club import karate_club, seats
from snippets.graphs.label_spreading import label_spreading
from snippets.graphs.semi_supervised import trained_scores

edge_index, faction = karate_club()
labeled = torch.tensor([0, 33])

# %%
# Ten runs, with friendships and without
# --------------------------------------
# Members 0 and 33 are labeled, so they do not count.


def right(scores: torch.Tensor) -> torch.Tensor:
    """Whether each unlabeled member is placed on its side."""
    return (scores.argmax(dim=1) == faction)[1:33].double()


def train(edges: torch.Tensor, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    model = GCN(features=34, hidden=16, classes=2)
    return right(trained_scores(model, torch.eye(34), edges, faction, labeled))


trained = torch.stack([train(edge_index, seed) for seed in range(10)])
blind = torch.stack([train(edge_index[:, :0], seed) for seed in range(10)])
Y = torch.zeros(34, 2).index_put((labeled, faction[labeled]), torch.ones(2))
near, far = (right(label_spreading(edge_index, Y, a)).mean() for a in (0.9, 0.99))
assert trained.mean() > 0.93 > 0.7 > blind.mean()
assert near > 0.96

# %%
# Who is misplaced
# ----------------

wrong = 1 - trained.mean(dim=0)
hard = (wrong.nonzero()[:, 0] + 1).tolist()
assert hard == [2, 8]
assert wrong[7] == 1  # member 8: misplaced in every run

place = torch.tensor([seats()[member] for member in range(34)])
fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for ends in edge_index.T.tolist():
    ax.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
for side, marker in enumerate("os"):
    ours = (faction == side).nonzero()[:, 0]
    ax.scatter(*place[ours].T, marker=marker, s=60, color=f"C{side}", zorder=2)
ax.scatter(*place[labeled].T, s=200, facecolor="none", edgecolor="0.5")
for member, spot in zip(hard, ((0.84, 0.46), (0, 0.42)), strict=True):
    text = f"member {member}:\nwrong in {wrong[member - 1]:.0%}"
    arrow = {"arrowstyle": "->", "color": "0.5"}
    where = {"xytext": spot, "textcoords": "axes fraction", "arrowprops": arrow}
    ax.annotate(text, place[member].tolist(), **where)
ax.set_axis_off()
fig.set_label(
    "The club as a graph, circles for members who followed the instructor and squares "
    f"for the president's. Member {hard[0]} is misplaced in {wrong[1]:.0%} of runs, "
    f"member {hard[1]} in {wrong[7]:.0%}, all others in none."
)

measured = {
    "right": 32 * trained.mean(),
    "accuracy": trained.mean(),
    "blind": blind.mean(),
    "spread": near,
    "spread_far": far,
    "member_2": wrong[1],
}
