"""
A mixture of three normal densities finds the three species of iris
===================================================================

A figure of :doc:`/classical/expectation_maximization`. EM on the four measurements of
150 irises, of which the figure shows two. Markers tell the species, which EM never
sees; colors tell the component with the largest responsibility, faint if that is small.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.classical.expectation_maximization import (
    kmeans_plusplus,
    mixture_log_joint,
)
from snippets.classical.iris_mixtures import (
    agreeing,
    fit_from,
    flowers,
    log_likelihood,
    species,
)
from snippets.classical.maximum_likelihood import responsibilities

path = fit_from(kmeans_plusplus(flowers, 3, np.random.default_rng(8)))
heights = [log_likelihood(mixture) for mixture in path]
counts = [agreeing(mixture) for mixture in path]
assert heights[-1] > heights[0] + 10
assert counts[-1] == 145

fig, (ax, right) = plt.subplots(
    1, 2, figsize=(6.2, 3.8), width_ratios=[1.5, 1], layout="constrained"
)
fig.set_label(
    f"Irises in three markers and three ellipses, which move in each iteration. At "
    f"first {counts[0]} flowers are with their species, at the end {counts[-1]}. "
    f"Beside them the log-likelihood rises from {heights[0]:.0f} to {heights[-1]:.0f}."
)
circle = 2 * np.exp(1j * np.linspace(0, 2 * np.pi, 60))
groups = [flowers[species == kind][:, [0, 2]].T for kind in range(3)]
clouds = [ax.scatter(*g, s=22, marker=m) for g, m in zip(groups, "os^", strict=True)]
ellipses = [ax.plot([], [], color=f"C{k}", lw=2)[0] for k in range(3)]
ax.set(xlabel="sepal length (cm)", ylabel="petal length (cm)")
ax.set(xlim=(3.8, 8.2), ylim=(0.3, 7.6))
right.plot(heights[:31], color="0.5")
(now,) = right.plot([], [], "o", color="C3", ms=8)
right.set(xlabel="iteration", ylabel="log-likelihood")


def draw(number):
    joint = mixture_log_joint(path[number], flowers)
    mixture, resp = path[number], responsibilities(joint)
    for kind, cloud in enumerate(clouds):
        mine = resp[:, species == kind]
        cloud.set_facecolor([f"C{k}" for k in mine.argmax(axis=0)])
        cloud.set_alpha(0.15 + 0.85 * (1.5 * mine.max(axis=0) - 0.5))
    for k, ellipse in enumerate(ellipses):
        root = np.linalg.cholesky(mixture.covariances[k][np.ix_([0, 2], [0, 2])])
        turned = root @ [circle.real, circle.imag]
        ellipse.set_data(*(mixture.means[k][[0, 2], None] + turned))
    now.set_data([number], [heights[number]])
    fig.suptitle(f"iteration {number}: {counts[number]} of 150 with their species")


frames = [*range(7), 8, 9, 11, 13, 17, 20, 30, 30, 30]
animation = FuncAnimation(fig, draw, frames, interval=450)
draw(30)
