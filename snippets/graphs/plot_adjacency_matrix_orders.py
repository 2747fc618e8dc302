"""
Adjacency matrix: one club in many orders
=========================================

Animation for :doc:`/graphs/adjacency_matrix`: the karate club, and its matrix while its
members are put into another order.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.graphs.adjacency_matrix import adjacency_matrix, relabel, triangles
from snippets.graphs.karate_club import karate_club, seats

edge_index, faction = karate_club()
club = adjacency_matrix(edge_index, 34).double()
place = np.array([seats()[member] for member in range(34)])

# %%
# The orders
# ----------
# Members change places, two at a time, until each of the later clubs stands together.

order = np.random.default_rng(0).permutation(34)
orders, first = [order.copy()], (faction == 0).sum()
while faction[order[:first]].any():
    here = faction[order[:first]].argmax()
    there = first + faction[order[first:]].argmin()
    order[[here, there]] = order[[there, here]]
    orders.append(order.copy())
orders = [torch.from_numpy(order) for order in orders]
totals = {triangles(relabel(club, order)).sum().item() / 3 for order in orders}
assert totals == {45}

# %%
# The figure
# ----------

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
for ends in edge_index.T.tolist():
    left.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
colors = [f"C{side}" for side in faction.tolist()]
left.scatter(*place.T, c=colors, s=50, zorder=2)
left.set_axis_off()
left.set_title("34 members, 45 triangles", fontsize=10)


def draw(frame: int) -> None:
    order = orders[min(frame, len(orders) - 1)]
    source, target = relabel(club, order).nonzero().T
    right.clear()
    right.scatter(target, source, s=9, marker="s", c=np.array(colors)[order[source]])
    right.set(xlim=(-1, 34), ylim=(34, -1), aspect="equal")
    right.set(xlabel="column", ylabel="row")
    right.set_title(f"after {min(frame, len(orders) - 1)} exchanges", fontsize=10)


animation = FuncAnimation(fig, draw, frames=len(orders) + 3, interval=600)
within = (faction[edge_index[0]] == faction[edge_index[1]]).double().mean()
fig.set_label(
    "Left the karate club as a drawing of dots and lines, in two colors for the two "
    "later clubs. Right its matrix with a dot for each friendship: scattered in a "
    f"random order, and after {len(orders) - 1} exchanges in two blocks on the "
    f"diagonal, which hold {within:.0%} of the dots."
)
measured = {"exchanges": len(orders) - 1, "within": within}
