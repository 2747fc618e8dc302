"""
Expectation-maximization: bounds, ellipses, and how fast they settle
====================================================================

The figures of :doc:`/classical/expectation_maximization`: bounds that climb a curve, a
mixture that finds three kinds of iris, what its start decides, and how many rounds it
takes.
"""

from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from sklearn.datasets import load_iris

from snippets.classical.expectation_maximization import (
    coins,
    convergence_rate,
    free_energy,
    gaussian_mixture,
    incremental_mixture,
    mixture_log_joint,
    spread_around,
)
from snippets.classical.maximum_likelihood import (
    coin_log_joint,
    hidden_log_likelihood,
    responsibilities,
)

heads, throws = np.array([5, 9, 8, 4, 7]), 10
flowers, species = load_iris(return_X_y=True)


# %%
# A bound that touches
# --------------------
# The log-likelihood over the chance of the first coin, the second at 0.52. Each bound
# touches it at a dot, and its own top is the next dot's place.


def log_joint(first):
    return coin_log_joint(np.array([first, 0.52]), heads, throws)


axis = np.linspace(0.05, 0.97, 150)
curve = np.array([hidden_log_likelihood(log_joint(p)) for p in axis])
place = 0.33

fig, ax = plt.subplots()
fig.set_label(
    "The log-likelihood of five rounds rises from left to right, up to a peak at 0.80. "
    "Three hills lie below it, each touching it at one point; the top of each is right "
    "of that point, where the next one touches."
)
ax.plot(axis, curve, color="C0", lw=2.5, label="log-likelihood")
for color in ["C1", "C2", "C3"]:
    shares = responsibilities(log_joint(place))
    bound = np.array([free_energy(log_joint(p), shares) for p in axis])
    assert np.all(bound <= curve + 1e-9)
    ax.plot(axis, bound, color=color)
    ax.plot(place, hidden_log_likelihood(log_joint(place)), "o", color=color, ms=8)
    place = (shares @ heads / (throws * shares.sum(axis=1)))[0]
    ax.plot([place] * 2, [-60, free_energy(log_joint(place), shares)], ":", color=color)
ax.set(xlabel="chance of the first coin", ylabel="log-likelihood and its bounds")
ax.set(ylim=(-44, -31))

# %%
# Three kinds of iris
# -------------------
# Two of four measures of 150 irises. Markers tell the species, which the algorithm
# never sees; colors are its own, faint where it doubts.


def height(mixture):
    return hidden_log_likelihood(mixture_log_joint(mixture, flowers))


def sorted_rightly(mixture):
    """Flowers in the component of their species, under the best naming of the three."""
    found = responsibilities(mixture_log_joint(mixture, flowers)).argmax(axis=0)
    namings = np.array(list(permutations(range(3))))
    return int((namings[:, found] == species).sum(axis=1).max())


start = spread_around(flowers, flowers[[44, 57, 116]])
path = list(gaussian_mixture(flowers, start, rounds=60))
heights = np.array([height(mixture) for mixture in path])
assert np.all(np.diff(heights) > -1e-9)
assert sorted_rightly(path[-1]) == 145

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.6), width_ratios=[1.5, 1])
fig.set_label(
    "Irises in three markers. Three wide ellipses shrink round by round; one closes "
    "around the separate cloud, then the other two slide along the second cloud until "
    "each holds one species. Beside it the log-likelihood rises, to -180."
)
angles = np.linspace(0, 2 * np.pi, 60)
circle = 2 * np.stack([np.cos(angles), np.sin(angles)])
groups = [flowers[species == kind][:, [0, 2]].T for kind in range(3)]
clouds = [ax.scatter(*g, s=22, marker=m) for g, m in zip(groups, "os^", strict=True)]
ellipses = [ax.plot([], [], color=f"C{k}", lw=2)[0] for k in range(3)]
ax.set(xlabel="sepal length (cm)", ylabel="petal length (cm)")
ax.set(xlim=(3.8, 8.2), ylim=(0.3, 7.6))
right.plot(heights[:31], color="0.5")
(now,) = right.plot([], [], "o", color="C3", ms=8)
right.set(xlabel="round", ylabel="log-likelihood")


def draw(number):
    mixture = path[number]
    shares = responsibilities(mixture_log_joint(mixture, flowers))
    for kind, cloud in enumerate(clouds):
        mine = shares[:, species == kind]
        cloud.set_facecolor([f"C{k}" for k in mine.argmax(axis=0)])
        cloud.set_alpha(0.15 + 0.85 * (1.5 * mine.max(axis=0) - 0.5))
    for k, ellipse in enumerate(ellipses):
        root = np.linalg.cholesky(mixture.covariances[k][np.ix_([0, 2], [0, 2])])
        ellipse.set_data(*(mixture.means[k][[0, 2], None] + root @ circle))
    now.set_data([number], [heights[number]])
    fig.suptitle(f"round {number}: {sorted_rightly(mixture)} of 150 with their species")


frames = [*range(7), 8, 9, 11, 13, 17, 20, 30, 30, 30]
animation = FuncAnimation(fig, draw, frames, interval=450)
draw(30)

# %%
# The start decides
# -----------------
# A hundred starts, each at three flowers. Left without a floor, right with one of the
# width that a ruler with tenths of a centimeter blurs.


def from_flowers(seed):
    drawn = np.random.default_rng(seed).choice(150, 3, replace=False)
    return spread_around(flowers, flowers[drawn])


def ends(floor):
    """Height, flowers sorted rightly, and the deepest fall, for each start."""
    found, singular = [], 0
    for seed in range(100):
        try:
            way = list(gaussian_mixture(flowers, from_flowers(seed), 100, floor))
            heights = [height(mixture) for mixture in way[1:]]
            fall = -np.diff(heights).min()
            found.append([heights[-1], sorted_rightly(way[-1]), fall])
        except ValueError:
            singular += 1
    return np.array(found), singular


blur = 0.1**2 / 12
(free, collapsed), (held, none) = ends(0.0), ends(blur)
assert collapsed > 0
assert none == 0
assert free[free[:, 0].argmax(), 1] < 120
assert held[held[:, 0].argmax(), 1] == 145
assert free[:, 2].max() < 1e-6
falls = held[held[:, 2] > 1e-6, 2]
assert len(falls) > 10

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3.2), sharey=True)
fig.set_label(
    "Flowers sorted rightly against log-likelihood, a dot per start. With no floor the "
    "rightmost dot sorts 98 flowers only; with a floor the rightmost ones sort 145. In "
    "both most starts end further left, at several heights."
)
for ax, found, title in zip(axes, [free, held], ["no floor", "floor"], strict=True):
    ax.plot(*found.T[:2], "o", color="C0", alpha=0.3)
    ax.plot(*found[found[:, 0].argmax(), :2], "o", ms=14, mfc="none", mec="C3", mew=2)
    ax.set(title=title, xlabel="log-likelihood", xlim=(-210, -176), xticks=[-200, -180])
axes[0].set(ylabel="flowers sorted rightly")

# %%
# How many rounds?
# ----------------
# Left, forty bags of two coins: the factor by which a round shrinks the distance to
# the maximum, predicted and observed. Right, eight starts on the irises, all flowers at
# once and one by one.

rng = np.random.default_rng(0)
rates, gaps = [], np.linspace(0.25, 0.7, 40)
for gap in gaps:
    drawn = np.concatenate([rng.binomial(10, 0.5 + s * gap / 2, 20) for s in (-1, 1)])
    way = np.array(list(coins(np.array([0.45, 0.6]), drawn, throws, 300)))
    distance = np.linalg.norm(way - way[-1], axis=1)
    last = np.flatnonzero(distance > 1e-9)[-1]
    rates.append(
        [convergence_rate(way[-1], drawn, 10), distance[last] / distance[last - 1]]
    )
predicted, observed = np.array(rates).T
assert np.abs(predicted - observed).max() < 0.05

passes = []
for seed in range(8):
    first = from_flowers(seed)
    batch = np.array([height(m) for m in gaussian_mixture(flowers, first, 80)])
    single = np.array([height(m) for m in incremental_mixture(flowers, first, 21)])
    passes.append([np.argmax(way > batch[-1] - 1) for way in (batch, single)])
    assert single[-1] > batch[-1] - 1
batch_passes, single_passes = np.array(passes).T
assert np.all(single_passes < batch_passes)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.2))
fig.set_label(
    "Left: forty dots on the diagonal, the observed factor per round against the "
    "predicted one, from 0 to 0.7. Right: pairs of bars for eight starts; one by one "
    "takes about half as many passes as all at once, in every pair."
)
ax.plot([0, 1], [0, 1], color="0.5", ls="--")
ax.plot(predicted, observed, "o", alpha=0.6)
ax.set(xlabel="missing share of information", ylabel="distance kept per round")
ax.set(aspect="equal")
places = np.arange(8)
right.bar(places - 0.2, batch_passes, 0.38, label="all at once")
right.bar(places + 0.2, single_passes, 0.38, label="one by one")
right.set(xlabel="start", ylabel="passes over the data", xticks=places, ylim=(0, 46))
right.legend(fontsize="small")

tries = [
    (a, b) for a in np.linspace(0.025, 0.975, 20) for b in np.linspace(0.05, 0.95, 19)
]
peak = np.array([0.79678907, 0.51958312])
arrived = []
for pair in tries:
    for end in coins(np.array(pair), heads, throws, 120):
        far = min(np.abs(end - peak).max(), np.abs(end[::-1] - peak).max())
        if far < 1e-3:
            break
    arrived.append(far < 1e-3)
assert np.mean(arrived) > 0.99

*_, stuck = coins(np.array([0.6, 0.6]), heads, throws, 100)
nudged = np.array(list(coins(np.array([0.66, 0.660001]), heads, throws, 100)))
leaves = int(np.argmax(np.abs(nudged[:, 0] - nudged[:, 1]) > 0.1))
assert np.allclose(stuck, 0.66)
assert 10 < leaves < 60

way = list(coins(np.array([0.6, 0.5]), heads, throws, 10))
measured = {
    "first_a": float(way[1][0]),
    "first_b": float(way[1][1]),
    "tenth_a": float(way[10][0]),
    "tenth_b": float(way[10][1]),
    "to_maximum": float(np.mean(arrived)),
    "rate_error": float(np.abs(predicted - observed).max()),
    "rate_low": float(predicted.min()),
    "rate_high": float(predicted.max()),
    "leaves": leaves,
    "stuck": float(stuck[0]),
    "good_starts": float(np.mean(free[:, 1] == 145)),
    "collapsed": collapsed,
    "falls": len(falls),
    "worst_fall": float(falls.max()),
    "best_free": float(free[free[:, 0].argmax(), 1]),
    "best_free_height": float(free[:, 0].max()),
    "best_held": float(held[held[:, 0].argmax(), 1]),
    "passes": float(np.median(single_passes / batch_passes)),
    "passes_most": float((single_passes / batch_passes).max()),
}
