"""
One threshold for each metric
=============================

The scores of two classes, and four metrics for each threshold between them.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.practice.classification_metrics import (
    accuracy,
    f_score,
    precision,
    recall,
)

# %%
# What to look for
# ----------------
# Recall only falls. Accuracy and F1 have their peaks at different thresholds.

rng = np.random.default_rng(0)
labels = np.repeat([0, 1], [2000, 500])
scores = rng.normal(2.0 * labels)
thresholds = np.linspace(-1, 4, 101)
metrics = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "F1": f_score,
}
curves = {
    name: [metric(labels, (scores > cut).astype(int)) for cut in thresholds]
    for name, metric in metrics.items()
}
assert (np.diff(curves["recall"]) <= 0).all()
best = {name: thresholds[np.argmax(curve)] for name, curve in curves.items()}
assert best["F1"] < best["accuracy"]

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4), layout="constrained")
for label, name in enumerate(("negative", "positive")):
    own = scores[labels == label]
    shares = np.full(len(own), 1 / len(own))
    left.hist(own, np.arange(-3.5, 6, 0.25), weights=shares, alpha=0.6, label=name)
left.set(xlabel="score", ylabel="share of the class", ylim=(0, 0.15))
left.legend(loc="upper center", ncols=2)
for name, curve in curves.items():
    right.plot(thresholds, curve, label=name)
right.set(xlabel="threshold", ylabel="metric", ylim=(0, 1.35))
right.legend(loc="upper center", ncols=2)
fig.set_label(
    "Left: two histograms of scores that overlap, with peaks near 0 and near 2. Right: "
    "recall falls from 1 to almost 0, precision rises, and accuracy and F1 have a peak "
    f"at the thresholds {best['accuracy']:.2f} and {best['F1']:.2f}."
)

measured = {"accuracy_at": best["accuracy"], "f1_at": best["F1"]}
