"""
The start decides which maximum EM reaches
==========================================

A figure of :doc:`/classical/expectation_maximization`. A hundred mixtures of the irises
from each of three kinds of means: random flowers, k-means++, and where k-means ends.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans

from snippets.classical.expectation_maximization import kmeans_plusplus
from snippets.classical.iris_mixtures import (
    agreeing,
    fit_from,
    flowers,
    log_likelihood,
)


def random_flowers(seed):
    return flowers[np.random.default_rng(seed).choice(150, 3, replace=False)]


def by_distance(seed):
    return kmeans_plusplus(flowers, 3, np.random.default_rng(seed))


def k_means(seed):
    return KMeans(3, init=by_distance(seed), n_init=1).fit(flowers).cluster_centers_


def ends_of(paths):
    """Log-likelihood, and flowers with their species, after the last iteration."""
    return np.array([[log_likelihood(path[-1]), agreeing(path[-1])] for path in paths])


kinds = {"random": random_flowers, "k-means++": by_distance, "k-means": k_means}
paths = {name: [fit_from(k(n)) for n in range(100)] for name, k in kinds.items()}
ends = {name: ends_of(part) for name, part in paths.items()}
good = {name: np.mean(end[:, 1] == 145) for name, end in ends.items()}
best = max(ends["random"], key=tuple)
assert sum(np.sum(end[:, 0] < -214) for end in ends.values()) == 1  # not shown
assert all(max(end, key=tuple)[1] == 145 for end in ends.values())
assert good["random"] + 0.1 < good["k-means++"] < good["k-means"]

heights = [[log_likelihood(mixture) for mixture in path] for path in paths["random"]]
falls = -np.diff(heights).min(axis=1)

tiny = max(ends_of([fit_from(random_flowers(n), 1e-6) for n in range(100)]), key=tuple)
assert tiny[0] > best[0] + 50
assert tiny[1] < 100

fig, ax = plt.subplots(figsize=(6.2, 2.8), layout="constrained")
fig.set_label(
    "Final log-likelihood of 300 runs. Dots at the highest, "
    f"{best[0]:.1f}, are {good['random']:.0%} of random, {good['k-means++']:.0%} of "
    f"k-means++ and {good['k-means']:.0%} of k-means starts. Crosses are lower."
)
rng = np.random.default_rng(0)
for row, end in enumerate(ends.values()):
    right = end[:, 1] == 145
    jitter = row + rng.uniform(-0.3, 0.3, 100)
    ax.plot(end[right, 0], jitter[right], "o", ms=4, alpha=0.5, color="C0")
    ax.plot(end[~right, 0], jitter[~right], "x", ms=5, alpha=0.7, color="C3")
ax.set(yticks=range(3), yticklabels=kinds, ylim=(2.5, -0.5), xlim=(-214, -178))
ax.set(xlabel="log-likelihood after 100 iterations", ylabel="start")

measured = {
    "good_random": good["random"],
    "good_plusplus": good["k-means++"],
    "good_kmeans": good["k-means"],
    "highest": best[0],
    "lowest": ends["random"][:, 0].min(),
    "tiny_highest": tiny[0],
    "tiny_agreeing": tiny[1],
    "falls": np.count_nonzero(falls > 1e-6),
    "worst_fall": falls.max(),
}
