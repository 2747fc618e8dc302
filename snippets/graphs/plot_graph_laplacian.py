"""
Graph Laplacians: waves on a club, and heat that runs through it
================================================================

Figures for :doc:`/graphs/graph_laplacian`: the slowest and the fastest waves, where the
slowest one cuts, and how long a rumor stays on one side of the cut.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.graphs.adjacency_matrix import adjacency_matrix
from snippets.graphs.graph_laplacian import (
    diffuse,
    fiedler_vector,
    laplacian,
    normalized_laplacian,
)
from snippets.graphs.karate_club import karate_club, seats

edge_index, faction = karate_club()
club = adjacency_matrix(edge_index, 34).double()
place = np.array([seats()[member] for member in range(34)])


def draw_edges(ax) -> None:
    for ends in edge_index.T.tolist():
        ax.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
    ax.set_axis_off()


# %%
# Waves
# -----
# Color is the sign of a wave at each member, size how far it swings there. The faster
# the wave, the more friends are on different sides of it.

frequencies, waves = torch.linalg.eigh(laplacian(club))
waves = waves * waves[33].sign()  # the president is on the positive side
source, target = edge_index
changes = [int((waves[source, k] * waves[target, k] < 0).sum()) // 2 for k in range(34)]
assert changes[1] < changes[2] < changes[33]

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.7))
for ax, k in zip(axes, (1, 2, 33), strict=True):
    draw_edges(ax)
    colors = [f"C{int(swing > 0)}" for swing in waves[:, k]]
    ax.scatter(*place.T, s=20 + 250 * waves[:, k].abs(), c=colors, zorder=2)
    ax.set_title(
        f"frequency {frequencies[k]:.2f}\n{changes[k]} edges cross", fontsize=10
    )
fig.set_label(
    "The club three times, colored by the sign of a wave. The slowest divides it into "
    "an upper and a lower half with 10 edges between them, the next one sets some "
    "members apart from the rest, and the fastest swings at the president and against "
    "all around, across 52 edges."
)

# %%
# The cut
# -------
# Members in the order of the slowest wave, colored by the club that they joined later.

slowest = fiedler_vector(club)
slowest = slowest * slowest[33].sign()
wrong = ((slowest > 0) != (faction == 1)).nonzero()[:, 0].tolist()
order = slowest.argsort()
assert wrong == [2, 8]

fig, ax = plt.subplots(figsize=(6.4, 3))
for side, name in enumerate(("followed the instructor", "followed the president")):
    ranks = (faction[order] == side).nonzero()[:, 0]
    ax.plot(ranks, slowest[order][ranks], "o", color=f"C{side}", label=name)
ax.axhline(0, color="0.5", ls=":")
for member, right, up in zip(wrong, (1.5, -1.5), (-0.1, 0.08), strict=True):
    rank = int((order == member).nonzero())
    ax.annotate(
        f"member {member}",
        (rank, slowest[member]),
        (rank + right, slowest[member] + up),
        ha="left" if right > 0 else "right",
        arrowprops={"arrowstyle": "-", "color": "0.5"},
    )
ax.set(xlabel="rank", ylabel="slowest wave")
ax.legend(loc="lower right")
fig.set_label(
    "34 points in rising order from -0.45 to 0.2. Fifteen lie below zero, all of them "
    "blue; nineteen lie above, orange but for members 2 and 8 shortly after the change."
)

# %%
# Heat
# ----
# A rumor starts with the instructor. Left who has heard how much of it, right the mean
# of the two later clubs. Dashed: what the slowest wave alone would do.

start = torch.zeros(34).double()
start[0] = 1
times = np.linspace(0, 2.6, 18) ** 2
heat = torch.stack([diffuse(start, club, time) for time in times])
means = torch.stack([heat[:, faction == side].mean(1) for side in (0, 1)], dim=1)
gap = means[:, 0] - means[:, 1]
part = waves[0, 1] * (waves[faction == 0, 1].mean() - waves[faction == 1, 1].mean())
alone = torch.exp(-frequencies[1] * torch.from_numpy(times)) * part
late = gap[-1] / alone[-1]

assert abs(late - 1) < 0.05
assert np.allclose(heat.sum(1), 1)

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
draw_edges(left)
dots = left.scatter(*place.T, c=heat[0], s=60, cmap="viridis", norm="log", zorder=2)
dots.set_clim(0.003, 0.3)
fig.colorbar(dots, ax=left, label="share of the rumor", shrink=0.8, location="bottom")
lines = [right.plot([], [], "o-", ms=3, color=f"C{side}")[0] for side in (0, 1)]
for side, sign in enumerate((1, -1)):
    right.plot(times, 1 / 34 + sign * alone / 2, "--", color=f"C{side}", lw=1)
right.axhline(1 / 34, color="0.5", ls=":")
right.set(xlim=(-0.2, 7), ylim=(0, 0.065), xlabel="time", ylabel="mean share")


def draw(frame: int) -> None:
    frame = min(frame, len(times) - 1)
    dots.set_array(heat[frame].clamp(min=1e-3).numpy())
    left.set_title(f"time {times[frame]:.1f}", fontsize=10)
    for side, line in enumerate(lines):
        line.set_data(times[: frame + 1], means[: frame + 1, side])


animation = FuncAnimation(fig, draw, frames=len(times) + 2, interval=400)
fig.set_label(
    "Left the club, at first bright at the instructor alone, then in the upper half, "
    "at last evenly everywhere. Right the mean share of the two later clubs: 0.059 and "
    "0 at first, quickly approaching, then along the dashed lines toward 0.029."
)

# %%
# Numbers of the page
# -------------------
# Zachary's prediction: the cheapest cut between the instructor and the president, where
# each friendship costs its strength. Then our wave with these strengths.

graph = nx.karate_club_graph()
_, (one_side, _) = nx.minimum_cut(graph, 0, 33, capacity="weight")
flow_wrong = sum((member in one_side) == bool(faction[member]) for member in graph)
strength = torch.from_numpy(nx.to_numpy_array(graph))
weighted = fiedler_vector(strength)
weighted_wrong = int(((weighted * weighted[33] > 0) != (faction == 1)).sum())
normalized = torch.linalg.eigvalsh(normalized_laplacian(club))
assert flow_wrong == 1
assert weighted_wrong == 1

measured = {
    "slowest": frequencies[1].item(),
    "next": frequencies[2].item(),
    "fastest": frequencies[33].item(),
    "crossing": float(changes[1]),
    "crossing_fastest": float(changes[33]),
    "accuracy": 1 - len(wrong) / 34,
    "flow_wrong": float(flow_wrong),
    "weighted_wrong": float(weighted_wrong),
    "half_life": np.log(2) / frequencies[1].item(),
    "late": late.item(),
    "normalized_slowest": normalized[1].item(),
    "normalized_fastest": normalized[33].item(),
}
