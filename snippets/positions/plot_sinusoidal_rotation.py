"""
Moving by three positions rotates each pair of features by a fixed angle
========================================================================

Six pairs of a sinusoidal encoding at two positions. See :doc:`/positions/sinusoidal`.
"""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.positions.sinusoidal import frequencies, sinusoidal

PAIRS, FRAMES, OFFSET = 6, 12, 3
encoding = sinusoidal(torch.arange(FRAMES + OFFSET), d_model=2 * PAIRS)
points = encoding.unflatten(1, (-1, 2))  # (positions, pairs, 2)
wavelengths = 2 * math.pi / frequencies(2 * PAIRS)
circle = torch.linspace(0, 2 * math.pi, 100)

fig, axes = plt.subplots(2, 3, figsize=(6.2, 4.4))
pointers = []
for pair, ax in enumerate(axes.flat):
    ax.plot(circle.sin(), circle.cos(), color="0.5", lw=1)
    ax.set_title(f"pair {pair}: {wavelengths[pair]:,.0f} positions", fontsize=10)
    ax.set(aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    ax.axis("off")
    pointers.append([ax.plot([], [], f"C{i}", lw=2 + 2 * i)[0] for i in (1, 0)])
title = fig.suptitle("", fontsize=11)


def draw(position):
    for pair, (later, now) in enumerate(pointers):
        for line, place in ((now, position), (later, position + OFFSET)):
            line.set_data(*[[0, x] for x in points[place, pair].tolist()])
    title.set_text(f"positions {position} (thin) and {position + OFFSET} (thick)")


animation = FuncAnimation(fig, draw, frames=FRAMES, interval=400)
fig.set_label(
    "Six circles, one for each pair of features, each with a thin and a thick pointer "
    "for positions that are three apart. Pair 0 completes a turn in "
    f"{wavelengths[0]:.1f} positions, pair 5 in {wavelengths[5]:,.0f}. On each circle "
    "the angle between the pointers stays the same while both turn."
)
