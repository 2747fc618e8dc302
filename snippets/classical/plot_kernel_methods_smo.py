"""
SMO changes two multipliers at a time, until one bias suits all points
======================================================================

A figure of :doc:`/classical/kernel_methods`: the steps of sequential minimal
optimization on 18 points of two moons, with a Gaussian kernel (gamma = 1) and C = 2.
Pairs are chosen by the largest violation of the optimality conditions.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from sklearn.datasets import make_moons

from snippets.classical.kernel_methods import gaussian
from snippets.classical.sequential_minimal_optimization import first_order, smo

points, kinds = make_moons(200, noise=0.3, random_state=0)
points, labels = points[:18] - [0.5, 0.25], 2 * kinds[:18] - 1
path = list(smo(gaussian(points, points, 1), labels, 2.0, first_order))
until = next(n for n, step in enumerate(path) if step.lower - step.upper < 0.01)
assert 20 < until < 60
grid = np.stack(np.meshgrid(np.linspace(-2.3, 2.3, 35), np.linspace(-1.9, 1.9, 30)), -1)
K_grid = gaussian(grid.reshape(-1, 2), points, 1)

fig, (ax, plane) = plt.subplots(1, 2, figsize=(6.4, 3.4), layout="constrained")
fig.set_label(
    "Left: the multipliers of eighteen points against F. Step by step the band between "
    "the upper and the lower bound of the bias shrinks to a line. Right: meanwhile the "
    f"decision boundary bends into place. After {until} steps the bounds are "
    f"{path[until].lower - path[until].upper:.3f} apart."
)
colors = {1: ("C0", "o"), -1: ("C1", "s")}
for label, (color, marker) in colors.items():
    plane.plot(*points[labels == label].T, marker, color=color, ms=6, alpha=0.8)
crowd = {k: ax.plot([], [], m, color=c, ms=6)[0] for k, (c, m) in colors.items()}
pair = [side.plot([], [], "o", ms=13, mfc="none", mec="C3")[0] for side in (ax, plane)]
band = ax.axvspan(-1, 1, color="C3", alpha=0.15, lw=0)
ax.set(xlim=(-2, 2), ylim=(-0.1, 2.1), xlabel="$F_i$", ylabel=r"multiplier $\alpha_i$")
plane.set(xlim=(-2.3, 2.3), ylim=(-1.9, 1.9), xlabel="$x_1$", ylabel="$x_2$")
lines = []


def advance(number):
    multipliers, F, lower, upper = path[number]
    moved = (path[number + 1].multipliers != multipliers) & (number < until)
    for label, dots in crowd.items():
        dots.set_data(F[labels == label], multipliers[labels == label])
    pair[0].set_data(F[moved], multipliers[moved])
    pair[1].set_data(*points[moved].T)
    band.set(x=upper, width=lower - upper)
    while lines:
        lines.pop().remove()
    heights = K_grid @ (labels * multipliers) + (lower + upper) / 2
    heights = heights.reshape(grid.shape[:2])
    lines.append(plane.contour(*grid.transpose(2, 0, 1), heights, [0], colors=["C2"]))
    ax.set_title(f"after {number} steps: {lower - upper:.2f} apart")


animation = FuncAnimation(fig, advance, [*range(16), until, until], interval=700)
advance(until)
