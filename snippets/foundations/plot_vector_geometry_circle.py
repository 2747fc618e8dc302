"""
A matrix rotates, stretches and rotates
=======================================

A figure of :doc:`/foundations/vector_geometry`. The three factors of the singular value
decomposition of a matrix act on a circle, one after the other.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

matrix = torch.tensor([[1.4, -0.3], [0.6, 0.6]])
left, stretch, right = torch.linalg.svd(matrix)
flip = torch.diag(torch.stack([left[0, 0].sign(), left[1, 1].sign()]))
left, right = left @ flip, flip @ right  # rotations, without a reflection
assert torch.linalg.det(right) > 0


def part(rotation, share):
    """A rotation by a share of the angle of another."""
    angle = share * math.atan2(rotation[1, 0], rotation[0, 0])
    rows = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return torch.tensor(rows)


around = torch.linspace(0, 2 * math.pi, 101)
circle = torch.stack([around.cos(), around.sin()])
singular = right.T  # the two directions that end up on the axes
fig, ax = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
ax.plot(*circle, color="0.5", ls=":")
(line,) = ax.plot(*circle, color="C0")
arrows = [ax.plot([], [], "o-", color=f"C{k}", ms=5)[0] for k in (1, 2)]
ax.set(xlim=(-2.1, 2.1), ylim=(-1.4, 1.4), aspect="equal")
ax.set(xlabel="first feature", ylabel="second feature")


def frame(at):
    first, second, third = (min(max(at / 6 - k, 0), 1) for k in range(3))
    lengths = torch.diag(1 + second * (stretch - 1))
    done = part(left, third) @ lengths @ part(right, first)
    line.set_data(*(done @ circle))
    for arrow, end in zip(arrows, (done @ singular).T, strict=True):
        arrow.set_data([0, end[0]], [0, end[1]])
    names = ["a circle", "rotated", "stretched along the axes", "rotated again"]
    ax.set_title(names[math.ceil(at / 6)])


frame(18)
final = torch.tensor(np.array(line.get_data()))
assert torch.allclose(final, matrix @ circle, atol=1e-5)
animation = FuncAnimation(fig, frame, frames=19, interval=200)
fig.set_label(
    "A circle rotates, becomes an ellipse along the axes, and rotates again. Two "
    "orthogonal radii stay orthogonal: they become the half-axes of the ellipse, "
    f"{stretch[0]:.2f} and {stretch[1]:.2f} long."
)
