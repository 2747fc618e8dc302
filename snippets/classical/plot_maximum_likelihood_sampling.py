"""
The estimated slope is normal in large samples, and not with 23 flights
=======================================================================

A figure of :doc:`/classical/maximum_likelihood`. Labels are drawn again from the
fitted model and fitted again, 2000 times: for the 23 flights, and for 64 of each.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.maximum_likelihood import newton, probability, standard_errors
from snippets.classical.shuttle_flights import shuttle_flights

rng = np.random.default_rng(0)
temperatures, rings = shuttle_flights()
design, damaged = np.column_stack([np.ones(23), temperatures]), (rings > 0).astype(int)
*_, fitted = newton(design, damaged)


def separated(x, labels):
    """Whether one temperature separates the classes, or one class is missing."""
    if labels.min() == labels.max():
        return True
    low, high = x[labels == 1], x[labels == 0]
    return low.max() <= high.min() or high.max() <= low.min()


def draw_and_fit(copies):
    """Weights of 2000 fits; how many were refused, and how many draws separated."""
    rows = np.tile(design, (copies, 1))
    weights, refused, apart = [], 0, 0
    for _ in range(2000):
        labels = (rng.random(len(rows)) < probability(fitted, rows)).astype(int)
        apart += separated(rows[:, 1], labels)
        try:
            weights.append(list(newton(rows, labels))[-1])
        except ValueError:
            refused += 1
    return np.array(weights), refused, apart


few, refused, apart = draw_and_fit(1)
many, *_ = draw_and_fit(64)
error = standard_errors(fitted, design)[1]
few_slopes = (few[:, 1] - fitted[1]) / error
many_slopes = (many[:, 1] - fitted[1]) / (error / 8)
assert refused == apart
assert len(many) == 2000
assert few_slopes.var() > 2
assert 0.9 < many_slopes.var() < 1.1

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.2), layout="constrained")
fig.set_label(
    "Left: a falling curve fitted to the flights, and a hundred curves fitted to "
    "redrawn labels, which spread widely below 53 degrees. Right: the redrawn slopes. "
    f"With 23 flights they have a long tail to the left and variance "
    f"{few_slopes.var():.1f}; with 1472 they follow the normal curve."
)
line = np.linspace(30, 85, 100)
x = np.column_stack([np.ones(100), line])
curves = [probability(weight, x) for weight in few[:100]]
ax.plot(line, np.transpose(curves), color="0.5", lw=0.5, alpha=0.4)
ax.plot(line, probability(fitted, x), color="C0", lw=2.5)
ax.plot(temperatures, damaged, "o", color="C1", alpha=0.6, ms=6)
ax.axvline(31, color="C3", ls=":")
ax.set(xlabel="temperature (°F)", ylabel="probability of damage")
bins = np.linspace(-5, 4, 28)
for slopes, color, label in [(few_slopes, "C1", "23"), (many_slopes, "C0", "1472")]:
    style = {"histtype": "step", "lw": 1.8, "color": color, "label": label}
    right.hist(slopes.clip(-5, 4), bins, density=True, **style)
right.plot(bins, np.exp(-(bins**2) / 2) / np.sqrt(2 * np.pi), color="0.5", ls="--")
right.set(xlabel="(slope - true) / standard error", ylabel="density")
right.legend(fontsize="small", loc="upper left", title="flights")

measured = {
    "no_top": refused / 2000,
    "variance_few": few_slopes.var(),
    "variance_many": many_slopes.var(),
}
