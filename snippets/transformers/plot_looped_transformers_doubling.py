"""
Pointer doubling: each round doubles the hops
=============================================

Animation for :doc:`/transformers/looped_transformers`. Every node of a cycle looks up
the pointer of the node that it points to, and takes it over.
"""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.transformers.looped_transformers import double

NODES, ROUNDS = 16, 3

angle = 2 * math.pi * torch.arange(NODES) / NODES
x, y = angle.sin(), angle.cos()
pointers = [(torch.arange(NODES) + 1) % NODES]
for _ in range(ROUNDS):
    pointers.append(double(pointers[-1]))
assert pointers[-1][0] == 2**ROUNDS

fig, ax = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
ax.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.35), aspect="equal")
ax.axis("off")
style = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.006}
zero = torch.zeros(NODES)
every = ax.quiver(x, y, zero, zero, color="0.5", alpha=0.5, **style)
own = ax.quiver(x[:1], y[:1], [0], [0], color="C0", zorder=3, **style)
looked_up = ax.quiver(x[:1], y[:1], [0], [0], color="C1", zorder=3, **style)
ax.plot(x, y, "o", color="0.5", markersize=5)
for node in range(NODES):
    ax.text(1.14 * x[node], 1.14 * y[node], node, ha="center", va="center")
title = ax.text(0, 1.32, "", ha="center", va="center")


def draw(frame: int) -> None:
    """Even frames: the pointers of a round; odd frames: what node 0 looks up."""
    rounds, lookup = divmod(frame, 2)
    images = pointers[rounds]
    every.set_UVC(x[images] - x, y[images] - y)
    middle = images[0]
    own.set_UVC(x[middle] - x[0], y[middle] - y[0])
    end = images[middle] if lookup else middle
    looked_up.set_offsets([[x[middle], y[middle]]])
    looked_up.set_UVC(x[end] - x[middle], y[end] - y[middle])
    looked_up.set_visible(bool(lookup))
    text = (
        f"node 0 looks up node {middle}" if lookup else f"hops per arrow: {2**rounds}"
    )
    title.set_text(f"round {rounds + lookup}: {text}" if rounds + lookup else text)


animation = FuncAnimation(fig, draw, frames=2 * ROUNDS + 1, interval=1000)
fig.set_label(
    f"A cycle of {NODES} nodes. At first each node points to the next. In each round, "
    "every node takes over the pointer of the node that it points to. After "
    f"{ROUNDS} rounds, every arrow crosses the circle: it makes {2**ROUNDS} hops."
)
