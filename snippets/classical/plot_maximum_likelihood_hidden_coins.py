"""
With hidden coins the log-likelihood has two maxima and a saddle point
======================================================================

A figure of :doc:`/classical/maximum_likelihood`. Left, the log-likelihood of five
sets of ten throws by two coins, if nobody knows which coin was thrown. Right, where
Newton's method without safeguards ends, for each of 1600 starts on a grid.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from snippets.classical import maximum_likelihood as coins

heads, throws = np.array([5, 9, 8, 4, 7]), 10
names = ["a maximum", "the saddle", "an edge", "outside"]


def height(point):
    if np.any(abs(point - 0.5) >= 0.5):
        return -np.inf  # not probabilities
    return coins.hidden_log_likelihood(coins.coin_log_joint(point, heads, throws))


def end_of(point, safeguards):
    """Which of ``names`` Newton's method reaches from here."""
    for _ in range(60):
        slope, bend = coins.coin_derivatives(point, heads, throws)
        if np.abs(slope).max() < 1e-8:
            break
        values, vectors = np.linalg.eigh(bend)
        values = -np.abs(values) if safeguards else values
        step = -vectors @ (vectors.T @ slope / values)
        while safeguards and height(point + step) < height(point) - 1e-12:
            step = step / 2
        point = point + step
        if height(point) == -np.inf:
            return 3
    if point.min() < 1e-3 or point.max() > 1 - 1e-3:
        return 2
    return int(np.linalg.eigvalsh(bend)[-1] > 0)


axis = np.linspace(0.0125, 0.9875, 40)
starts = np.stack(np.meshgrid(axis, axis), -1)
ends = np.apply_along_axis(end_of, -1, starts, False)
heights = np.apply_along_axis(height, -1, starts)
shares = np.bincount(ends.ravel(), minlength=4) / ends.size
apart = starts[~np.eye(40, dtype=bool)]
safe = np.mean([end_of(point, True) == 0 for point in apart])
assert safe == 1
assert 0.3 < shares[0] < 0.6
assert shares[1] > 0.08

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.9), sharey=True)
fig.set_label(
    "Left: contours over the probabilities of two coins, symmetric about the diagonal, "
    "with two equal maxima at 0.80, 0.52 and its mirror image and a saddle point "
    "between them at 0.66. Right: the square colored by where Newton's method ends; "
    f"{shares[0]:.0%} of it, in ragged regions, leads to a maximum, {shares[1]:.0%} to "
    f"the saddle point, {shares[2]:.0%} to an edge, and {shares[3]:.0%} outside."
)
levels = heights.max() + np.array([-32, -16, -8, -4, -2, -1, -0.48, -0.2, -0.05])
ax.contour(axis, axis, heights, levels, colors="0.5", linewidths=0.8, linestyles="-")
ax.plot([0.797, 0.520], [0.520, 0.797], "^", color="C2", ms=8, label=names[0])
ax.plot(0.66, 0.66, "X", color="C3", ms=8, label=names[1])
ax.legend(fontsize="small", loc="lower left")
colors = ["C2", "C3", "C4", "0.5"]
right.pcolormesh(axis, axis, ends, cmap=ListedColormap(colors), edgecolors="face")
for color, name in zip(colors, names, strict=True):
    right.plot([], [], "s", color=color, label=name)
right.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
for side in (ax, right):
    side.set(xlabel="heads, first coin", aspect="equal", xlim=(0, 1), ylim=(0, 1))
ax.set_ylabel("heads, second coin")

measured = {"newton_to_maximum": shares[0], "newton_to_saddle": shares[1]}
measured["safe_to_maximum"] = safe
