"""
The likelihood of a normal mixture has no upper bound
=====================================================

A figure of :doc:`/classical/maximum_likelihood`: a mixture of two normal densities
for the temperatures of 23 flights. One is centered on the coldest flight and becomes
narrow; the other is that of all flights. As a control, both have the same width.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.maximum_likelihood import fit_normal, hidden_log_likelihood
from snippets.classical.shuttle_flights import shuttle_flights

temperatures, _ = shuttle_flights()
mean, deviation = fit_normal(temperatures)


def log_density(center, width):
    scaled = (temperatures - center) / width
    return -(scaled**2) / 2 - np.log(width * np.sqrt(2 * np.pi))


def height(width, other):
    both = [log_density(53, width), log_density(mean, other)]
    return hidden_log_likelihood(np.array(both) - np.log(2))


widths = np.geomspace(10, 1e-12, 261)
spike = np.array([height(width, deviation) for width in widths])
common = np.array([height(width, width) for width in widths])
alone = log_density(mean, deviation).sum()
slope = height(1e-12, deviation) - height(1e-6, deviation)
best = common.argmax()
assert spike.argmin() > 0
assert 0 < best < 30
assert np.all(np.diff(common[best:]) < 0)
assert spike[-1] > alone + 10
assert abs(slope - np.log(1e6)) < 1e-3

fig, ax = plt.subplots(figsize=(6.2, 3), layout="constrained")
fig.set_label(
    "Log-likelihood against the width of the narrow density, from 10 down to one part "
    f"in a million million. It dips to {spike.min():.0f}, then rises along a straight "
    "line without end, past that of one normal density. With one width for both it "
    f"rises to {common.max():.1f} at a width of {widths[best]:.0f}, then falls."
)
ax.semilogx(widths, spike, color="C0", label="one narrow, one wide")
ax.semilogx(widths, common, color="C1", label="one width for both")
ax.axhline(alone, color="0.5", ls="--", label="one normal density")
ax.invert_xaxis()
ax.set(xlabel="width of the narrow density (°F)", ylabel="log-likelihood")
ax.set(ylim=(-100, -55))
ax.legend(fontsize="small")

measured = {
    "common_top": common.max(),
    "common_width": widths[best],
    "one_normal": alone,
}
