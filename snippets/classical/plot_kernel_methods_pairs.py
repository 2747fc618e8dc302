"""
Choosing pairs by second-order information saves steps
======================================================

A figure of :doc:`/classical/kernel_methods`: steps of SMO to a tolerance of 0.001 on
200 points of two moons, for five widths of the Gaussian kernel and four values of C.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from snippets.classical.kernel_methods import gaussian
from snippets.classical.sequential_minimal_optimization import (
    first_order,
    second_order,
    smo,
)

points, kinds = make_moons(200, noise=0.3, random_state=0)
labels, costs = 2 * kinds - 1, [0.1, 1, 10, 100]


def steps(K, C, select):
    path = enumerate(smo(K, labels, C, select))
    return next(n for n, step in path if step.lower - step.upper <= 1e-3)


counts = np.array(
    [
        [
            [steps(gaussian(points, points, gamma), C, select) for C in costs]
            for gamma in (0.01, 0.1, 1, 10, 100)
        ]
        for select in (first_order, second_order)
    ]
)
ratios = counts[1] / counts[0]
assert ratios.max() < 1.2
assert np.median(ratios) < 0.75
assert np.median(ratios[:, 0]) > np.median(ratios[:, 3])

fig, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
fig.set_label(
    "Twenty dots on logarithmic axes: steps with second-order choice against steps "
    "with first-order choice. Most lie below the diagonal; the ratio is between "
    f"{ratios.min():.2f} and {ratios.max():.2f}."
)
for C, before, after in zip(costs, counts[0].T, counts[1].T, strict=True):
    ax.loglog(before, after, "o", label=f"C = {C:g}")
ends = np.array([counts.min(), counts.max()])
ax.loglog(ends, ends, "--", color="0.5")
ax.set(xlabel="steps, first order", ylabel="steps, second order")
ax.legend(fontsize="small")

measured = {
    "steps_median": np.median(ratios),
    "steps_fewest": ratios.min(),
    "steps_most": ratios.max(),
}
