"""
Adjacency matrices: a club in any order, and its walks
======================================================

Figures for :doc:`/graphs/adjacency_matrix`: the same club while its members are put
into another order, and how many walks join each two of them.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.graphs.adjacency_matrix import (
    adjacency_matrix,
    compressed_rows,
    relabel,
    triangles,
    walks,
)
from snippets.graphs.karate_club import karate_club, seats

edge_index, faction = karate_club()
nodes = len(faction)
club = adjacency_matrix(edge_index, nodes).double()
place = np.array([seats()[member] for member in range(nodes)])

# %%
# One club, many matrices
# -----------------------
# Left the club, which stays as it is. Right its matrix, in a random order at first.
# Members change places, two at a time, until the later two clubs are each together.

order = np.random.default_rng(0).permutation(nodes)
orders, first = [order.copy()], (faction == 0).sum()
while faction[order[:first]].any():
    here = faction[order[:first]].argmax()
    there = first + faction[order[first:]].argmin()
    order[[here, there]] = order[[there, here]]
    orders.append(order.copy())
orders = [torch.from_numpy(order) for order in orders]
totals = [triangles(relabel(club, order)).sum().item() for order in orders]

assert totals == [135] * len(orders)
within = faction[edge_index[0]] == faction[edge_index[1]]

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
for source, target in edge_index.T.tolist():
    left.plot(*place[[source, target]].T, color="0.5", lw=0.6, zorder=1)
colors = [f"C{side}" for side in faction.tolist()]
left.scatter(*place.T, c=colors, s=50, zorder=2)
left.set_axis_off()
left.set_title("34 members, 45 triangles", fontsize=10)


def draw(frame: int) -> None:
    order = orders[min(frame, len(orders) - 1)]
    source, target = relabel(club, order).nonzero().T
    right.clear()
    right.scatter(target, source, s=9, marker="s", c=np.array(colors)[order[source]])
    right.set(xlim=(-1, nodes), ylim=(nodes, -1), aspect="equal")
    right.set(xlabel="column", ylabel="row")
    right.set_title(f"after {min(frame, len(orders) - 1)} exchanges", fontsize=10)


animation = FuncAnimation(fig, draw, frames=len(orders) + 3, interval=600)
fig.set_label(
    "Left the karate club as a drawing of dots and lines, in two colors for the two "
    "later clubs. Right its matrix with a dot for each friendship: scattered in a "
    "random order, and at the end in two blocks on the diagonal with few dots outside."
)

# %%
# Powers of the matrix
# --------------------
# How many walks of 1, 2, 3 and 5 steps join each two members. Where the field is empty
# there is none.

filled = {
    length: (walks(club, length) > 0).double().mean().item() for length in range(1, 6)
}
assert filled[1] < 0.14
assert filled[4] < 1
assert filled[5] == 1

order = orders[-1]
fig, axes = plt.subplots(1, 4, figsize=(6.4, 2.3), sharey=True)
for ax, length in zip(axes, (1, 2, 3, 5), strict=True):
    counts = walks(relabel(club, order), length).numpy()
    counts = np.ma.masked_equal(counts, 0)
    image = ax.imshow(counts, norm="log", cmap="viridis", clim=(0.2, 2000))
    ax.set_title(f"{length} step{'s' * (length > 1)}", fontsize=10)
    ax.set(xlabel="member", xticks=[0, 20], yticks=[0, 20])
axes[0].set_ylabel("member")
fig.colorbar(image, ax=axes, label="walks", shrink=0.75)
fig.set_label(
    "Four heat maps of 34 by 34 members. One step fills an eighth of the map, two "
    "steps three fifths, three most of it, and with five every two members are joined, "
    "some by more than a thousand walks."
)

# %%
# Numbers of the page
# -------------------
# How much compressed rows keep, and how fast the number of walks grows.

begin, neighbors = compressed_rows(edge_index, nodes)
compressed = len(begin) + len(neighbors)
largest = torch.linalg.eigvalsh(club)[-1].item()
growth = (walks(club, 12).sum() / walks(club, 10).sum()).sqrt().item()
degree = club.sum(dim=1)

assert compressed == 191
assert degree.mean() < largest < degree.max()
assert abs(growth - largest) < 0.02

measured = {
    "triangles": totals[0] / 3,
    "within": within.double().mean().item(),
    "exchanges": len(orders) - 1.0,
    **{f"filled_{length}": share for length, share in filled.items()},
    "largest": largest,
    "growth": growth,
}
