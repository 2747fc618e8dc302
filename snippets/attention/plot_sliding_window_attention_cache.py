"""
A rolling cache overwrites the position that leaves the window
==============================================================

Above, the positions of a text, the window of the newest one colored; below, the four
slots of the cache (:doc:`/attention/sliding_window_attention`).
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.attention.sliding_window_attention import RollingCache

WINDOW, LENGTH = 4, 11
cache, held = RollingCache(window=WINDOW), []
for position in range(LENGTH):
    cache.write(torch.tensor([[float(position)]]), torch.zeros(1, 1))
    held.append(cache.key[: position + 1].flatten().int().tolist())
assert held[-1] == [8, 9, 10, 7]

fig, ax = plt.subplots(figsize=(6.2, 2.2))


def cell(x: float, y: float, text: str, color: str, newest: bool = False):
    edge = dict(fc="none", ec=color, lw=3 if newest else 1.2)
    ax.add_patch(plt.Rectangle((x, y), 0.9, 0.8, **edge))
    ax.text(x + 0.45, y + 0.4, text, ha="center", va="center")


def draw(newest: int):
    ax.clear()
    ax.set(xlim=(-0.2, LENGTH + 0.2), ylim=(-0.8, 2.9))
    ax.axis("off")
    for position in range(newest + 1):
        seen = position > newest - WINDOW
        color = f"C{position % WINDOW}" if seen else "0.5"
        cell(position, 1.5, str(position), color, position == newest)
    for slot, position in enumerate(held[newest]):
        cell(3.5 + slot, 0, str(position), f"C{slot}", position == newest)
    for slot in range(WINDOW):
        ax.text(3.95 + slot, -0.5, f"slot {slot}", ha="center", fontsize=9)
    ax.text(3.3, 0.4, "cache", ha="right", va="center")
    ax.text(0, 2.5, "text")


animation = FuncAnimation(fig, draw, LENGTH, interval=700)
fig.set_label(
    "Positions 0 to 10 of a text in a row, the last four colored, and below it the "
    f"four slots of a cache. At the end they hold {', '.join(map(str, held[-1]))}: "
    "each new position has overwritten the one that left the window."
)

one, text = torch.ones(1, 8, 1, 16), 8 * 16
rolling = RollingCache(window=16)
for _ in range(text):
    rolling.write(one, one)
full_bytes = 2 * text * one.nbytes
cache_ratio = full_bytes / (rolling.key.nbytes + rolling.value.nbytes)
measured = {"cache_ratio": cache_ratio}
