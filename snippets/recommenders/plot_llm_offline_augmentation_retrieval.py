"""
Search in titles and in labels, by the error rate of the labels
===============================================================

A figure of :doc:`/recommenders/llm_offline_augmentation`: precision at 20 of queries
for a genre, with labels from one answer of an annotator and from three.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.label_search import (
    add_labels,
    genre_precision,
    load_catalog,
)
from snippets.recommenders.simulated_annotator import draw_labels, majority

SEEDS, ERRORS = range(3), (0.0, 0.1, 0.3, 0.5)


def trial(error, seed):
    """Mean precision of one answer; three votes; three, equal for half the movies."""
    rng, catalog = np.random.default_rng(seed), load_catalog(seed)
    runs = np.stack([draw_labels(catalog.truth, error, rng) for _ in range(3)])
    same = rng.random((len(catalog.truth), 1)) < 0.5
    kinds = runs[0], majority(runs), majority(np.where(same, runs[:1], runs))
    texts = [add_labels(catalog, marks) for marks in kinds]
    return [genre_precision(catalog, each).mean() for each in texts]


found = np.array([[trial(error, seed) for seed in SEEDS] for error in ERRORS])
catalogs = [load_catalog(seed) for seed in SEEDS]
plain = np.mean([genre_precision(each, each.titles) for each in catalogs])
chance = catalogs[0].truth.mean()
means = found.mean(axis=1)

fig, axes = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
kinds = {"one answer": "o-", "three votes": "s--", "three votes, half shared": "^:"}
for number, (kind, style) in enumerate(kinds.items()):
    axes.plot(ERRORS, means[:, number], style, color=f"C{number}", label=kind)
    axes.plot(ERRORS, found[:, :, number], ".", color=f"C{number}", markersize=3)
axes.axhline(plain, color="C3", linestyle="-.", label="titles alone")
axes.axhline(chance, color="C5", linestyle=":", label="random movies")
axes.set(xlabel="error rate of the annotator", ylabel="precision at 20", ylim=(0, 1.05))
fig.legend(loc="outside right center", fontsize=9)
measured = {
    "titles": plain,
    "prevalence": chance,
    "one_0": means[0, 0],
    "one_10": means[1, 0],
    "one_50": means[-1, 0],
    "votes_10": means[1, 1],
    "shared_10": means[1, 2],
}
fig.set_label(
    f"Precision at 20 against error rate. One answer falls from {means[0, 0]:.2f} to "
    f"{means[-1, 0]:.2f} at an error rate of {ERRORS[-1]:.0%}, three votes to "
    f"{means[-1, 1]:.2f}, three votes with shared errors to {means[-1, 2]:.2f}. Level "
    f"lines: titles alone {plain:.2f}, random movies {chance:.2f}."
)
assert (np.diff(means[:, 0]) < -0.05).all()
assert (found[1:, :, 1] > found[1:, :, 2] + 0.03).all()
assert (found[1:, :, 2] > found[1:, :, 0] + 0.01).all()
assert found[-1, :, 0].min() > plain + 0.3
