"""
Maximum likelihood: one hill, and what hidden coins make of it
==============================================================

The figures of :doc:`/classical/maximum_likelihood`: two ways up a hill, how sure one
may be at the top, and the landscape of data of which a part is hidden.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from snippets.classical.maximum_likelihood import (
    chance,
    coin_derivatives,
    coin_log_joint,
    gradient_ascent,
    hidden_log_likelihood,
    information,
    log_likelihood,
    newton,
    normal,
    standard_errors,
)

# fmt: off
degrees = np.array([66, 70, 69, 68, 67, 72, 73, 70, 57, 63, 70, 78,
                    67, 53, 67, 75, 70, 81, 76, 79, 75, 76, 58])
damaged = np.array([0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0,
                    0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1])
# fmt: on


def with_bias(column):
    return np.column_stack([np.ones(len(column)), column])


def chances(design, weights):
    return np.array([chance(weight, design) for weight in weights])


# %%
# Two ways up one hill
# --------------------
# Left in degrees Fahrenheit, right after the same temperatures were centered and
# scaled. The rings are Newton's steps, the line is gradient ascent with the largest
# rate that is safe in each.

degrees_design = with_bias(degrees)
scaled_design = with_bias((degrees - degrees.mean()) / degrees.std())
windows = [((-2, 18), (-0.28, 0.03)), ((-2.2, 0.8), (-2.8, 0.4))]
budget, paths, climbs = 20_000, [], []

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3.2))
fig.set_label(
    "Contours of the log-likelihood over bias and slope. In degrees the hill is a thin "
    "ridge: Newton's rings follow it to the top, gradient ascent stops near its foot. "
    "Rescaled, the hill is round, and both paths reach the top."
)
for ax, design, window in zip(
    axes, [degrees_design, scaled_design], windows, strict=True
):
    rings = np.array(list(newton(design, damaged)))
    rate = 4 / np.linalg.eigvalsh(design.T @ design)[-1]
    climb = np.array(list(gradient_ascent(design, damaged, rate, budget)))
    paths.append(rings)
    climbs.append(climb)
    x, y = (np.linspace(*ends, 90) for ends in window)
    height = [[log_likelihood(np.array([a, b]), design, damaged) for a in x] for b in y]
    top = log_likelihood(rings[-1], design, damaged)
    steps = [-256, -64, -16, -8, -4, -2, -1, -0.3, -0.05]
    ax.contour(
        x,
        y,
        np.array(height) - top,
        steps,
        colors="0.5",
        linewidths=0.8,
        linestyles="-",
    )
    ax.plot(*climb.T, color="C1", lw=2)
    ax.plot(*climb[-1], "s", color="C1", label="gradient ascent")
    ax.plot(*rings.T, "o--", color="C0", mfc="none", ms=8, lw=1, label="Newton")
    ax.set(xlabel="bias", xlim=window[0], ylim=window[1])
axes[0].set(ylabel="slope (per degree)", title="degrees Fahrenheit")
axes[1].set(ylabel="slope (per deviation)", title="centered, scaled")
axes[1].legend(fontsize="small", loc="lower right", borderaxespad=0)

top = log_likelihood(paths[0][-1], degrees_design, damaged)
below = [log_likelihood(w, scaled_design, damaged) < top - 1e-6 for w in climbs[1][:99]]
gap = top - log_likelihood(climbs[0][-1], degrees_design, damaged)
assert len(paths[0]) == len(paths[1]) == 7
assert gap > 1
assert 10 < sum(below) < 30

# %%
# How sure is the top?
# --------------------
# Flights with the fitted chances are drawn again, and fitted again, 2000 times. Left,
# the first hundred curves. Right, the slopes, in standard errors from the true one.

fitted = paths[0][-1]
rng = np.random.default_rng(0)


def separated(temperatures, labels):
    """No damaged flight warmer than an undamaged one, or none colder, or one class."""
    hurt, whole = temperatures[labels == 1], temperatures[labels == 0]
    if not len(hurt) or not len(whole):
        return True
    return hurt.max() <= whole.min() or whole.max() <= hurt.min()


def redrawn(copies):
    """Weights of 2000 drawn sets, which of them have none, and which are separated."""
    design = np.tile(degrees_design, (copies, 1))
    true, weights, refused, apart = chance(fitted, design), [], [], []
    for _ in range(2000):
        labels = (rng.random(len(true)) < true).astype(int)
        apart.append(separated(design[:, 1], labels))
        try:
            *_, weight = newton(design, labels)
            weights.append(weight)
            refused.append(False)
        except ValueError:
            refused.append(True)
    return np.array(weights), np.array(refused), np.array(apart)


few, refused, apart = redrawn(1)
many, *_ = redrawn(64)
error = standard_errors(fitted, degrees_design)[1]
few_slopes = (few[:, 1] - fitted[1]) / error
many_slopes = (many[:, 1] - fitted[1]) / error * 8
assert np.all(refused == apart)
assert 0.01 < refused.mean() < 0.04
assert len(many) == 2000
assert few_slopes.var() > 2
assert 0.9 < many_slopes.var() < 1.1

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.2))
fig.set_label(
    "Left: damaged flights are mostly cold ones, and a falling curve fits them; a "
    "hundred curves from redrawn flights spread widely, most of all below 53 degrees. "
    "Right: redrawn slopes; with 23 flights skewed with a long tail to the left, with "
    "1472 flights on the normal curve."
)
line = np.linspace(30, 85, 100)
ax.plot(line, chances(with_bias(line), few[:100]).T, color="0.5", lw=0.5, alpha=0.4)
ax.plot(line, chance(fitted, with_bias(line)), color="C0", lw=2.5)
ax.plot(degrees, damaged, "o", color="C1", alpha=0.6, ms=6)
ax.axvline(31, color="C3", ls=":")
ax.set(xlabel="temperature (°F)", ylabel="chance of damage")
bins = np.linspace(-5, 4, 28)
for slopes, color, label in [(few_slopes, "C1", "23"), (many_slopes, "C0", "1472")]:
    style = {"histtype": "step", "lw": 1.8, "color": color, "label": label}
    right.hist(slopes.clip(-5, 4), bins, density=True, **style)
right.plot(bins, np.exp(-(bins**2) / 2) / np.sqrt(2 * np.pi), color="0.5", ls="--")
right.set(xlabel="slope, in errors from true", ylabel="density")
right.legend(fontsize="small", loc="upper left", title="flights")

# %%
# Two hidden coins
# ----------------
# Left, the log-likelihood of five rounds by coins that nobody saw. Right, where
# Newton's method ends, by the point where it starts.

heads, throws = np.array([5, 9, 8, 4, 7]), 10
names = ["a maximum", "the saddle", "an edge", "outside"]


def fate(point):
    """Which of ``names`` Newton's method reaches from here."""
    for _ in range(60):
        slope, bend = coin_derivatives(point, heads, throws)
        if np.abs(slope).max() < 1e-8:
            break
        point = point - np.linalg.solve(bend, slope)
        if np.any((point <= 0) | (point >= 1)):
            return 3
    if point.min() < 1e-3 or point.max() > 1 - 1e-3:
        return 2
    return int(np.linalg.eigvalsh(bend)[-1] > 0)


axis = np.linspace(0.0125, 0.9875, 40)
pairs = np.array([[(a, b) for a in axis] for b in axis])
fates = np.array([[fate(pair) for pair in row] for row in pairs])
shares = np.bincount(fates.ravel(), minlength=4) / fates.size
height = np.array(
    [
        [hidden_log_likelihood(coin_log_joint(p, heads, throws)) for p in row]
        for row in pairs
    ]
)
assert 0.3 < shares[0] < 0.6
assert shares[1] > 0.08

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.9), sharey=True)
fig.set_label(
    "Left: contours over the chances of two coins, symmetric about the diagonal, with "
    "two equal peaks at 0.80, 0.52 and its mirror image and a saddle between them at "
    "0.66. Right: the square colored by where Newton's method ends; less than half "
    "of it, in ragged regions, leads to a peak."
)
levels = height.max() + np.array([-32, -16, -8, -4, -2, -1, -0.48, -0.2, -0.05])
ax.contour(axis, axis, height, levels, colors="0.5", linewidths=0.8, linestyles="-")
ax.plot([0.797, 0.520], [0.520, 0.797], "^", color="C2", ms=8, label=names[0])
ax.plot(0.66, 0.66, "X", color="C3", ms=8, label=names[1])
ax.legend(fontsize="small", loc="lower left")
colors = ["C2", "C3", "C4", "0.5"]
right.pcolormesh(axis, axis, fates, cmap=ListedColormap(colors), edgecolors="face")
for color, name in zip(colors, names, strict=True):
    right.plot([], [], "s", color=color, label=name)
right.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
for side in (ax, right):
    side.set(
        xlabel="chance of the first coin", aspect="equal", xlim=(0, 1), ylim=(0, 1)
    )
ax.set_ylabel("chance of the second coin")

# %%
# A hidden origin of normal points
# --------------------------------
# Half of the density on the coldest flight, ever narrower; the other half is the
# normal density of all flights, or one as narrow.

middle, spread = normal(degrees)


def log_density(center, width):
    scaled = (degrees - center) / width
    return -(scaled**2) / 2 - np.log(width * np.sqrt(2 * np.pi))


def height_of(width, other):
    both = [log_density(53, width), log_density(middle, other)]
    return hidden_log_likelihood(np.array(both) - np.log(2))


widths = np.geomspace(10, 1e-12, 261)
spike = np.array([height_of(width, spread) for width in widths])
common = np.array([height_of(width, width) for width in widths])
alone = log_density(middle, spread).sum()
slope = height_of(1e-12, spread) - height_of(1e-6, spread)
assert spike.argmin() > 0
assert 0 < common.argmax() < 30
assert (np.diff(common[common.argmax() :]) < 0).all()
assert spike[-1] > alone + 10
assert abs(slope - np.log(1e6)) < 1e-3

fig, ax = plt.subplots(figsize=(6.2, 3))
fig.set_label(
    "Log-likelihood against the width of a spike on one point, from 10 down to one "
    "part in a million million. It dips, then rises in a straight line without end, "
    "past that of one normal density. With one width for both it rises to "
    f"{common.max():.1f} at a width of {widths[common.argmax()]:.0f}, then falls."
)
ax.semilogx(widths, spike, color="C0", label="a spike and a wide density")
ax.semilogx(widths, common, color="C1", label="both as narrow")
ax.axhline(alone, color="0.5", ls="--", label="one normal density")
ax.invert_xaxis()
ax.set(xlabel="width of the spike (°F)", ylabel="log-likelihood", ylim=(-100, -55))
ax.legend(fontsize="small")

rings = np.where(np.isin(degrees, 53) | ((degrees == 75) & (damaged == 1)), 2, damaged)
ring_labels = np.concatenate([[1] * k + [0] * (6 - k) for k in rings])
ring_design = np.repeat(degrees_design, 6, axis=0)
*_, ring_weight = newton(ring_design, ring_labels)
ring_errors = standard_errors(ring_weight, ring_design)
cold = np.array([1.0, 31.0])
bend = np.linalg.inv(information(fitted, degrees_design))
ends = cold @ fitted + np.array([-1.96, 1.96]) * np.sqrt(cold @ bend @ cold)

measured = {
    "gradient_gap": float(gap),
    "gradient_scaled": float(sum(below)),
    "no_top": float(refused.mean()),
    "refused_rightly": float(np.mean(refused == apart)),
    "variance_few": float(few_slopes.var()),
    "variance_many": float(many_slopes.var()),
    "newton_to_maximum": float(shares[0]),
    "newton_to_saddle": float(shares[1]),
    "spike_slope": float(slope),
    "common_top": float(common.max()),
    "common_width": float(widths[common.argmax()]),
    "ring_bias": float(ring_weight[0]),
    "ring_slope": float(ring_weight[1]),
    "ring_error": float(ring_errors[1]),
    "low_at_31": float(1 / (1 + np.exp(-ends[0]))),
}
