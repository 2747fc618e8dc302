"""
Newton's method does not depend on the units, and gradient ascent does
======================================================================

A figure of :doc:`/classical/maximum_likelihood`: logistic regression of O-ring damage
on temperature, for 23 shuttle flights. Steps of Newton's method and 20,000 steps of
gradient ascent, in degrees Fahrenheit and with standardized temperatures.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.maximum_likelihood import (
    gradient_ascent,
    log_likelihood,
    newton,
    standard_errors,
)
from snippets.classical.shuttle_flights import each_ring, shuttle_flights

temperatures, rings = shuttle_flights()
damaged = (rings > 0).astype(int)
scaled = (temperatures - temperatures.mean()) / temperatures.std()
designs = [np.column_stack([np.ones(23), x]) for x in (temperatures, scaled)]
windows = [((-2, 18), (-0.28, 0.03)), ((-2.2, 0.8), (-2.8, 0.4))]
levels = [-256, -64, -16, -8, -4, -2, -1, -0.3, -0.05]
below = []

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3.2), layout="constrained")
for ax, design, window in zip(axes, designs, windows, strict=True):
    steps = np.array(list(newton(design, damaged)))
    rate = 4 / np.linalg.eigvalsh(design.T @ design)[-1]
    climb = np.array(list(gradient_ascent(design, damaged, rate, 20_000)))
    top = log_likelihood(steps[-1], design, damaged)
    below.append(np.array([top - log_likelihood(w, design, damaged) for w in climb]))
    assert len(steps) == 7
    x, y = (np.linspace(*ends, 90) for ends in window)
    height = [[log_likelihood(np.array([a, b]), design, damaged) for a in x] for b in y]
    style = {"colors": "0.5", "linewidths": 0.8, "linestyles": "-"}
    ax.contour(x, y, np.array(height) - top, levels, **style)
    ax.plot(*climb.T, color="C1", lw=2)
    ax.plot(*climb[-1], "s", color="C1", label="gradient ascent")
    ax.plot(*steps.T, "o--", color="C0", mfc="none", ms=8, lw=1, label="Newton")
    ax.set(xlabel="intercept", xlim=window[0], ylim=window[1])
axes[0].set(ylabel="slope", title="degrees Fahrenheit")
axes[1].set(title="standardized")
axes[1].legend(fontsize="small", loc="lower right", borderaxespad=0)
needed = int(np.argmax(below[1] < 1e-6))
assert below[0][-1] > 1
assert 10 < needed < 30
fig.set_label(
    "Contours of the log-likelihood over intercept and slope. In degrees it is a thin "
    "ridge: Newton's method follows it to the maximum in 6 steps; gradient ascent "
    f"stays near the start, {below[0][-1]:.1f} below the maximum. With standardized "
    "temperatures the contours are round, and both paths reach the maximum."
)

ring_temperatures, distress = each_ring()
ring_design = np.column_stack([np.ones(138), ring_temperatures])
*_, ring_weight = newton(ring_design, distress)

measured = {
    "gradient_gap": below[0][-1],
    "gradient_times": np.exp(below[0][-1]),
    "gradient_scaled": needed,
    "ring_intercept": ring_weight[0],
    "ring_slope": ring_weight[1],
    "ring_error": standard_errors(ring_weight, ring_design)[1],
}
