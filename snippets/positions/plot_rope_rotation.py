"""
A query and a key rotate, and the angle between them stays
==========================================================

Three pairs of features of a query and a key, three positions apart, move through a
text. See :doc:`/positions/rope`.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Wedge

from snippets.positions.rope import angles, frequencies, rotate

DISTANCE, FRAMES = 3, 20
query = torch.tensor([[0.9, 0.3, 0.2, 0.9, -0.7, 0.6]], dtype=torch.float64)
key = torch.tensor([[0.5, -0.8, 0.9, 0.2, -0.9, -0.3]], dtype=torch.float64)
thetas = frequencies(6, base=100.0)


def rotated(x, position: int) -> np.ndarray:
    x = rotate(x, angles(torch.tensor([position]), thetas))
    return x.unflatten(-1, (3, 2))[0].numpy()


scores = [
    rotated(query, p + DISTANCE).ravel() @ rotated(key, p).ravel()
    for p in range(FRAMES)
]
assert np.ptp(scores) < 1e-12

fig = plt.figure(figsize=(6.2, 3))
panels = fig.subplot_mosaic("ttt;012", height_ratios=[1, 4])
text = panels.pop("t")


def draw(p: int) -> None:
    text.clear()
    text.plot(range(FRAMES + DISTANCE), [0] * (FRAMES + DISTANCE), ".", color="0.5")
    for name, at, color, side, gap in [
        ("key", p, "C1", "right", -0.6),
        ("query", p + DISTANCE, "C0", "left", 0.6),
    ]:
        text.plot(at, 0, "o", ms=11, color=color)
        text.text(at + gap, 0.5, f"{name} at {at}", color=color, ha=side)
    text.set(ylim=(-1, 2), xlim=(-4, FRAMES + DISTANCE + 4))
    text.axis("off")
    for pair, ax in enumerate(panels.values()):
        ax.clear()
        ax.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.5", lw=0.8))
        degrees = []
        for x, start, color in [(key, 0, "C1"), (query, DISTANCE, "C0")]:
            for at, alpha in [(start, 0.3), (start + p, 1)]:
                vector = rotated(x, at)[pair]
                x1, x2 = vector
                ax.plot([0, x1], [0, x2], color=color, alpha=alpha, lw=2.5)
            degrees.append(math.degrees(math.atan2(x2, x1)))
        between = (degrees[1] - degrees[0]) % 360
        ends = degrees if between <= 180 else degrees[::-1]
        ax.add_patch(Wedge((0, 0), 0.35, *ends, color="C2", alpha=0.5, lw=0))
        ax.set_title(f"pair {pair}: {min(between, 360 - between):.0f}° between")
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
        ax.axis("off")


animation = FuncAnimation(fig, draw, frames=FRAMES, interval=250)
fig.set_label(
    "A query three positions after a key; both move from position 0 on through a text. "
    "Below, a panel for each of three pairs: in pair 0 both vectors rotate once in six "
    "positions, in pair 2 hardly, and the angle between them stays as it was."
)
