"""
A trained stack recalls as far back as its receptive field, and no farther
==========================================================================

At every position a model must name the symbols one to seven positions back. Its layers
have a window of three, so each reaches two positions farther
(:doc:`/attention/sliding_window_attention`). Three models for each number of layers.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.distances_task import BACK, SYMBOLS, WINDOW, accuracy

fig, ax = plt.subplots()
inside, outside = [], []
for color, (layers, mark) in enumerate(((1, "o"), (2, "s"), (3, "^"))):
    lines = np.array([accuracy(layers, seed) for seed in range(3)])
    reach = layers * (WINDOW - 1)
    inside.extend(lines[:, :reach].flat)
    outside.extend(lines[:, reach:].flat)
    ax.plot(BACK, lines.T, color=f"C{color}", alpha=0.4, lw=1)
    ax.plot(BACK, lines.mean(0), f"{mark}-", color=f"C{color}", label=f"{layers}")
assert min(inside) > 0.95
assert max(outside) < 0.35
ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
ax.text(1, 1 / SYMBOLS - 0.02, "guessing", va="top")
ax.legend(title="layers", loc="lower left", bbox_to_anchor=(0.1, 0.3))
ax.set(xlabel="positions back", ylabel="right answers", ylim=(0, 1.05))
fig.set_label(
    "Right answers over the distance, for one, two and three layers with a window of "
    "three, three models each. Each line stays near one, at the lowest "
    f"{min(inside):.3f}, up to two positions per layer, then drops to at most "
    f"{max(outside):.2f}, near guessing."
)
measured = {"inside": min(inside), "outside": max(outside)}
