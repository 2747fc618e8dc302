"""
Graph convolutional network: two labels separate a club
=======================================================

Figure for :doc:`/graphs/gcn`: the class scores of all members while a GCN learns from
two labels.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.graphs.gcn import GCN
from snippets.graphs.karate_club import karate_club
from snippets.graphs.semi_supervised import training

edge_index, faction = karate_club()
x = torch.eye(34)  # one-hot: the only feature of a member is its number
labeled = torch.tensor([0, 33])

# %%
# One run
# -------
# The scores after every tenth of 200 steps. The loss sees the two ringed members only.

torch.manual_seed(0)
model = GCN(features=34, hidden=16, classes=2)
history = list(training(model, x, edge_index, faction, labeled))[::10]
reach = torch.stack(history).abs().max().item() * 1.1
wrong = (history[-1].argmax(dim=1) != faction).nonzero()[:, 0].tolist()
assert wrong == [2, 8]

fig, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
colors = [f"C{side}" for side in faction.tolist()]


def draw(frame: int) -> None:
    step = min(frame, 20)
    ax.clear()
    ax.plot([-reach, reach], [-reach, reach], color="0.5", lw=0.8)
    ax.scatter(*history[step].T, c=colors, s=28)
    ax.plot(*history[step][labeled].T, "o", color="0.5", ms=13, mfc="none")
    for member in wrong if step == 20 else ():
        ax.text(*history[-1][member] + 0.15, f"member {member}")
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel="score of the instructor", ylabel="score of the president")
    ax.set_title(f"after {10 * step} steps", fontsize=10)


animation = FuncAnimation(fig, draw, frames=24, interval=300)
fig.set_label(
    "A plane of two scores with a diagonal. Points in two colors start near the origin "
    "and move apart, one color to each side of the diagonal. The two ringed members "
    f"are labeled. Members {wrong[0]} and {wrong[1]} end on the wrong side."
)
