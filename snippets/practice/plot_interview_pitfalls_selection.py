"""
Features chosen before cross-validation make noise look predictable
===================================================================

A figure of :doc:`/practice/interview_pitfalls`: 50 rows with random labels, 5000 random
features, of which 100 are chosen. Left: the error that five-fold cross-validation finds
for the nearest neighbor. Right: correlations of the chosen features with the labels.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.practice.feature_screening import (
    error_selected_before,
    error_selected_inside,
    strongest_features,
)

rng = np.random.default_rng(0)
y = np.repeat([0, 1], 25)
RUNS = 50


def held_out_correlations(X, train, test):
    """With the labels of the test rows; the sign is that on the training rows."""
    chosen = X[:, strongest_features(X[train], y[train], 100)]
    sign = np.sign((y[train] - y[train].mean()) @ chosen[train])
    centered = chosen[test] - chosen[test].mean(axis=0)
    target = y[test] - y[test].mean()
    scale = np.linalg.norm(centered, axis=0) * np.linalg.norm(target)
    return sign * (target @ centered) / scale


errors, correlations = [], []
for _ in range(RUNS):
    X = rng.normal(size=(50, 5000))
    fold = np.concatenate([rng.permutation(25) % 5 for _ in range(2)])
    along = (y - 0.5) @ (X - X.mean(axis=0)) / X.std(axis=0)
    signed = X[:, np.argsort(along)[-100:]]
    tables = (error_selected_before, X), (error_selected_before, signed)
    tables += ((error_selected_inside, X),)
    errors.append([error(table, y, fold, 100) for error, table in tables])
    test = fold == 0
    correlations.append(
        [held_out_correlations(X, train, test) for train in (fold >= 0, ~test)]
    )
before, signed, inside = np.transpose(errors)
seen, unseen = np.moveaxis(correlations, 1, 0)
assert before.max() < inside.min()
assert abs(inside.mean() - 0.5) < 4 * inside.std() / np.sqrt(RUNS)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
names = ["on all rows", "in each fold"]
for place, values in enumerate([before, inside]):
    spread = rng.uniform(-0.2, 0.2, RUNS)
    ax.plot(place + spread, 100 * values, "o", ms=4, alpha=0.6, color=f"C{place}")
ax.axhline(50, color="0.5", ls=":")
ax.set_xticks([0, 1], names)
ax.set(xlabel="features chosen", ylabel="error (%)", ylim=(-3, 80), xlim=(-0.5, 1.5))
for place, values in enumerate([seen, unseen]):
    bins = np.linspace(-1, 1, 41)
    right.hist(values.ravel(), bins, alpha=0.6, color=f"C{place}", label=names[place])
right.set(xlabel="correlation on 10 test rows", ylabel="chosen features", ylim=(0, 500))
right.legend(title="features chosen", fontsize="small", loc="upper left")
low, high = 100 * np.array([[f(e) for e in (before, inside)] for f in (min, max)])
fig.set_label(
    f"Left: errors of {RUNS} data sets. Chosen on all rows: {low[0]:.0f} to "
    f"{high[0]:.0f} %; chosen in each fold: {low[1]:.0f} to {high[1]:.0f} %, around "
    "the dotted line at 50 %. Right: histograms of correlations with the means "
    f"{seen.mean():.2f} (chosen on all rows) and {unseen.mean():.2f}."
)
measured = {"before": before.mean(), "inside": inside.mean()}
measured |= {
    "signed": signed.mean(),
    "seen": seen.mean(),
    "unseen": unseen.mean(),
    "accuracy": 1 - before.mean(),
}
