"""
A Gaussian kernel that is too wide underfits, and one that is too narrow overfits
=================================================================================

A figure of :doc:`/classical/kernel_methods`: the decision boundary of an SVM with C =
10 on 200 points of two moons, and its errors on them and on 4000 new points, for 16
widths.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from snippets.classical.kernel_methods import gaussian, kernel_svm


def moons(samples, seed, noise=0.3):
    points, kinds = make_moons(samples, noise=noise, random_state=seed)
    return points - [0.5, 0.25], 2 * kinds - 1


def values(asked, gamma):
    """Decision function of the SVM at the points asked for."""
    multipliers, bias = kernel_svm(gaussian(points, points, gamma), labels, C=10.0)
    return gaussian(asked, points, gamma) @ (labels * multipliers) + bias


points, labels = moons(200, seed=0)
new, new_labels = moons(4000, seed=1)
gammas = np.geomspace(0.01, 1000, 16)
seen = np.array([np.mean(values(points, g) * labels <= 0) for g in gammas])
unseen = np.array([np.mean(values(new, g) * new_labels <= 0) for g in gammas])
best = unseen.argmin()
arcs, arc_labels = moons(2000, seed=0, noise=0)
near = gaussian(new, arcs, 1 / (2 * 0.3**2))  # of each arc point, its normal density
bayes_error = np.mean((near @ arc_labels > 0) != (new_labels > 0))
assert 0 < best < 15
assert unseen[0] > unseen[best] + 0.04
assert unseen[-1] > 0.25 > 0.001 > seen[-1]

fig, axes = plt.subplots(2, 2, figsize=(6.4, 5), layout="constrained")
fig.set_label(
    "Three maps of the moons with the decision boundary: almost straight at gamma "
    "0.01, along the moons at 1, islands around points at 100. Fourth, the error by "
    f"gamma: on training points it falls to {seen[-1]:.0%}; on new ones it is lowest, "
    f"{unseen[best]:.1%}, at gamma {gammas[best]:.1f} and rises to {unseen[-1]:.0%}."
)
grid = np.stack(np.meshgrid(np.linspace(-2.3, 2.3, 70), np.linspace(-1.9, 1.9, 60)), -1)
for ax, gamma in zip(axes.flat, (0.01, 1, 100), strict=False):
    heights = values(grid.reshape(-1, 2), gamma).reshape(grid.shape[:2])
    for label, color, marker in [(1, "C0", "o"), (-1, "C1", "s")]:
        ax.plot(*points[labels == label].T, marker, color=color, ms=3, alpha=0.8)
    ax.contourf(*grid.transpose(2, 0, 1), heights, [-1, 1], colors=["C2"], alpha=0.2)
    ax.contour(*grid.transpose(2, 0, 1), heights, [0], colors=["C2"], linewidths=2)
    ax.set(title=rf"$\gamma$ = {gamma:g}", xticks=[-2, 0, 2], yticks=[-1, 0, 1])
axes[1, 1].semilogx(gammas, 100 * seen, "o-", ms=3, label="training points")
axes[1, 1].semilogx(gammas, 100 * unseen, "s-", ms=3, label="new points")
axes[1, 1].set(xlabel=r"$\gamma$", ylabel="error (%)", ylim=(0, None))
axes[1, 1].legend()

measured = {
    "bayes_error": bayes_error,
    "unseen_wide": unseen[0],
    "unseen_best": unseen[best],
    "seen_narrow": seen[-1],
    "unseen_narrow": unseen[-1],
}
