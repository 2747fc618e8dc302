"""
Four ways to a point on the moons
=================================

An animation for :doc:`/generative/generative_ai`. Each panel draws 300 points. The
mixture first draws a component, then a point near its mean. The histogram first draws
x1, then x2. The two networks move noise to the moons in 40 steps.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from scipy.spatial.distance import cdist

from snippets.generative import generative_ai as classical
from snippets.generative.histogram_model import draw_histogram
from snippets.generative.moon_generators import (
    CALLS,
    drawn_by,
    fit_bins,
    fit_mixture,
    train_networks,
)
from snippets.generative.moons import two_moons

COUNT, EVERY = 300, 2
train, _, _ = two_moons(4000, 2000, seed=1)
rng = np.random.default_rng(0)
mixture = fit_mixture(train, rng)
points = classical.draw_mixture(mixture, COUNT, rng)
joint = classical.mixture_log_joint(mixture, points)
moving = np.linspace(0, 1, CALLS + 1)[:, None, None]  # (steps and 1, 1, 1)
paths = {"mixture": mixture.means[joint.argmax(axis=0)] * (1 - moving)}
paths["mixture"] = paths["mixture"] + points * moving
points = draw_histogram(fit_bins(train), COUNT, rng)
paths["histogram"] = points * np.concatenate([np.ones_like(moving), moving], axis=2)
paths["histogram"][..., 1] -= 2.5 * (1 - moving[..., 0])  # from the lower edge

networks = train_networks(train, runs=1, seed=0)
for name, path in drawn_by(networks, 1, COUNT, CALLS, seed=2).items():
    paths[name] = path[:, 0]

fig, axes = plt.subplots(
    1, 4, figsize=(7.2, 2.2), sharex=True, sharey=True, layout="constrained"
)
dots = []
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    ax.plot(*train[::8].T, ".", color="0.6", markersize=1, alpha=0.5)
    dots += ax.plot(*path[-1].T, ".", color="C0", markersize=3)
    ax.set(title=name, xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal")
    ax.set(xticks=[-2, 0, 2], yticks=[-2, 0, 2], xlabel="x1")
axes[0].set(ylabel="x2")


def draw(step: int) -> None:
    """All points of all panels after ``step`` of the steps."""
    for points, path in zip(dots, paths.values(), strict=True):
        points.set_data(*path[min(step, CALLS)].T)


frames = range(0, CALLS + 10 * EVERY, EVERY)
animation = FuncAnimation(fig, draw, frames, interval=150)
draw(CALLS)
near = {
    name: np.mean(cdist(path[-1], train).min(axis=1) < 0.15)
    for name, path in paths.items()
}
fig.set_label(
    "Four panels with training points in gray and 300 drawn points in blue. Mixture: "
    "points spread from twelve places along the moons. Histogram: they rise from the "
    "lower edge. Diffusion: a round cloud jitters into two moons. Flow: the same cloud "
    "glides into two moons. At the end, "
    + ", ".join(f"{near[name]:.0%} ({name})" for name in near)
    + " of the points are within 0.15 of a training point."
)
assert min(near.values()) > 0.9
