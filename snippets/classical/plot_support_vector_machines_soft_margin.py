"""
As C grows, the margin shrinks and fewer points are support vectors
===================================================================

A figure of :doc:`/classical/support_vector_machines`: 60 points of two overlapping
moons, which no line separates, and the soft-margin line for 13 values of C.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from sklearn.datasets import make_moons

from snippets.classical.support_vector_machines import linear_svm

points, kinds = make_moons(200, noise=0.3, random_state=0)
points, labels = points[:60] - [0.5, 0.25], 2 * kinds[:60] - 1
costs = np.geomspace(0.01, 100, 13)
planes = [linear_svm(points, labels, C) for C in costs]
margins = np.array([1 / np.linalg.norm(plane.weight) for plane in planes])
support = np.array([np.count_nonzero(plane.multipliers) for plane in planes])
assert np.all(np.diff(margins) < 1e-3)
assert support[0] > 2 * support[-1]
assert margins[9] < 1.02 * margins[-1]

fig, panels = plt.subplot_mosaic("AAB;AAC", figsize=(6.4, 4.2), layout="constrained")
plane_ax = panels["A"]
fig.set_label(
    "Left: two overlapping moons, a line between them and the band of its margin, with "
    f"the support vectors ringed. Right: as C grows from 0.01 to 100 the margin falls "
    f"from {margins[0]:.1f} to {margins[-1]:.2f} and the number of support vectors "
    f"from {support[0]} to {support[-1]}; the margin is level beyond C = 10."
)
(band,) = plane_ax.fill([0] * 4, [0] * 4, color="C2", alpha=0.2, lw=0)
(border,) = plane_ax.plot([], [], color="C2", lw=2)
(rings,) = plane_ax.plot([], [], "o", ms=10, mfc="none", mec="0.5")
for label, color, marker in [(1, "C0", "o"), (-1, "C1", "s")]:
    plane_ax.plot(*points[labels == label].T, marker, color=color, ms=5, alpha=0.8)
plane_ax.set(xlim=(-2.3, 2.3), ylim=(-1.9, 1.9), xlabel="$x_1$", ylabel="$x_2$")
dots = []
for side, values, name in [("B", margins, "margin"), ("C", support, "support vectors")]:
    panels[side].semilogx(costs, values, color="C2")
    panels[side].set(ylabel=name, ylim=(0, None), xticks=[0.01, 1, 100])
    dots += panels[side].plot([], [], "o", color="C3")
panels["B"].tick_params(labelbottom=False)
panels["C"].set(xlabel="C")


def update(frame):
    weight, bias, multipliers = planes[frame]
    along = 5 * weight @ [[0, 1], [-1, 0]] / np.linalg.norm(weight)
    upper, middle, lower = [(y - bias) * weight / (weight @ weight) for y in (1, 0, -1)]
    band.set_xy([upper - along, upper + along, lower + along, lower - along])
    border.set_data(*np.transpose([middle - along, middle + along]))
    rings.set_data(*points[multipliers > 0].T)
    dots[0].set_data(costs[[frame]], margins[[frame]])
    dots[1].set_data(costs[[frame]], support[[frame]])
    plane_ax.set_title(f"C = {costs[frame]:.4g}, margin {margins[frame]:.2f}")


animation = FuncAnimation(fig, update, range(len(costs)), interval=400)
update(len(costs) - 1)
