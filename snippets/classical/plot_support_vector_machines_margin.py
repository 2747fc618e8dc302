"""
Of three lines that separate six points, one has the largest margin
===================================================================

A figure of :doc:`/classical/support_vector_machines`. Each line on the left separates
the six points. The dot of its color on the right shows the margin of a line in that
direction, halfway between the classes; the curve shows it for all directions.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.support_vector_machines import linear_svm, margin

points = np.array([[1, 1], [2, 2], [2, 0], [0, 0], [1, 0], [0, 1]])
labels = np.array([1, 1, 1, -1, -1, -1])
weight, bias, _ = linear_svm(points, labels)
largest = margin(weight, bias, points, labels)


def halfway(degrees):
    """Normal, offset and margin of the line halfway between the classes."""
    normal = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    along = points @ normal
    low, high = along[labels < 0].max(), along[labels > 0].min()
    return normal, (low + high) / 2, (high - low) / 2


sweep = np.linspace(-5, 70, 301)
margins = np.array([halfway(degrees)[2] for degrees in sweep])
assert abs(margins.max() - largest) < 1e-3
assert abs(sweep[margins.argmax()] - 45) < 0.5

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3), layout="constrained")
fig.set_label(
    "Left: six points and three separating lines. The line at 45 degrees lies in the "
    "middle of the widest empty band, and four ringed points touch the edges of the "
    "band. Right: the margin against the direction of the normal; it rises to "
    f"{largest:.2f} at 45 degrees and falls on both sides."
)
right.plot(sweep, np.maximum(margins, 0), color="0.5")
for degrees, color in [(8, "C3"), (45, "C2"), (58, "C4")]:
    normal, offset, gap = halfway(degrees)
    ax.axline(offset * normal, offset * normal + [-normal[1], normal[0]], color=color)
    right.plot(degrees, gap, "o", color=color, ms=8)
ax.fill([-1, -1, 3, 3], [2, 3, -1, -2], color="C2", alpha=0.2, lw=0)
for label, color, marker in [(1, "C0", "o"), (-1, "C1", "s")]:
    ax.plot(*points[labels == label].T, marker, color=color, ms=6)
ax.plot(*points[[0, 2, 4, 5]].T, "o", ms=13, mfc="none", mec="C2")
ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
ax.set(xlim=(-0.5, 2.5), ylim=(-0.5, 2.5))
right.set(xlabel="angle of the normal (degrees)", ylabel="margin")
right.set(ylim=(0, 0.4), xticks=[0, 15, 30, 45, 60])
