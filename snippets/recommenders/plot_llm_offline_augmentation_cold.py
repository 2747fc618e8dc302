"""
How much labels help with movies that nobody has rated, by their error rate
============================================================================

A figure of :doc:`/recommenders/llm_offline_augmentation`: recall among movies that
were hidden from training, from their decade alone and with labels that have errors.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.cold_movies import cold_recall, hide, load_world
from snippets.recommenders.feature_factors import fit_feature_map, map_features
from snippets.recommenders.matrix_factorization import svd_factors
from snippets.recommenders.simulated_annotator import draw_labels

SEEDS, RANK, PENALTY, OTHERS = range(5), 64, 100.0, (3.0, 1000.0)
ERRORS = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)


def trial(seed):
    """Recall of the methods and errors; of two of them with other penalties."""
    hidden, rng = hide(load_world(), seed), np.random.default_rng(seed)
    cold, likes = hidden.cold, hidden.train[:, ~hidden.cold].astype(float)
    users, items = svd_factors(likes, RANK)

    def mapped(features, targets=items, penalty=PENALTY):
        fitted = fit_feature_map(features[~cold], targets, penalty)
        return map_features(fitted, features[cold])

    decades = hidden.world.decades.astype(float)
    labels = [draw_labels(hidden.world.genres, error, rng) for error in ERRORS]
    labeled = [np.hstack([decades, each]) for each in labels]
    scores = [
        rng.random((len(likes), cold.sum())),
        users @ mapped(decades).T,
        mapped(labeled[0], likes.T).T,  # a ridge regression for each user
        *(users @ mapped(each).T for each in labeled),
    ]
    full, spread = labeled[0][~cold], items - items.mean(axis=0)
    rest = items - map_features(fit_feature_map(full, items, 1e-6), full)
    explained.append(1 - (rest**2).sum() / (spread**2).sum())
    pairs = [(each, p) for each in (decades, labeled[0]) for p in OTHERS]
    scores += [users @ mapped(each, penalty=p).T for each, p in pairs]
    return [cold_recall(each, hidden) for each in scores]


explained: list[float] = []
found, others = np.split(np.array([trial(seed) for seed in SEEDS]), [-4], axis=1)
means = found.mean(axis=0)
decade, label = others.mean(axis=0).reshape(2, 2)  # each for two penalties
gain = found[:, 3:] - found[:, [1]]  # in the same world

fig, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
axes.plot(ERRORS, means[3:], "o-C0", label="labels and decade")
axes.plot(np.tile(ERRORS, len(SEEDS)), found[:, 3:].ravel(), ".C0", markersize=3)
axes.axhline(means[2], color="C1", linestyle="--", label="no factors, no errors")
axes.axhline(means[1], color="C3", linestyle="-.", label="decade alone")
axes.axhline(means[0], color="C5", linestyle=":", label="random scores")
axes.set(xlabel="error rate of the annotator", ylabel="recall at 20, cold movies")
axes.set(ylim=(0, 0.32))
fig.legend(loc="outside right center", fontsize=9)
measured = {
    "chance": means[0], "decade": means[1], "direct": means[2], "label": means[3],
    "gain": gain[:, 0].mean(), "explained": np.mean(explained),
    "gain_50": gain[:, 3].mean(), "gain_50_min": gain[:, 3].min(),
}  # fmt: skip
fig.set_label(
    f"Recall at 20 among cold movies against the annotator's error rate: "
    f"{means[3]:.2f} without errors, {means[6]:.2f} at 50 %, {means[-1]:.2f} at 100 %. "
    f"Level lines: no factors {means[2]:.2f}, decade alone {means[1]:.2f}, random "
    f"scores {means[0]:.2f}."
)
assert (np.diff(means[3:]) < 0).all()
assert gain[:, 0].min() > 0.05
assert max(explained) < 0.1
assert gain[:, 3].min() > 0
assert abs(label - decade - gain[:, 0].mean()).max() < 0.02
assert abs(gain[:, -1].mean()) < 0.03
