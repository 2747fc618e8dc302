"""
Balancing the classes changes the probabilities, not the ranking
================================================================

A figure of :doc:`/practice/interview_pitfalls`: logistic regression on two Gaussian
clouds, 2 % of the rows positive. It is trained on balanced classes, with and without
the correction of its probabilities, and on all rows. Ten draws of the data.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from snippets.practice.interview_pitfalls import undo_undersampling

rng = np.random.default_rng(0)
ROWS, RUNS = 20_000, 10


def draw():
    y = (rng.random(ROWS) < 0.02).astype(int)
    return rng.normal(size=(ROWS, 5)) + 0.7 * y[:, None], y


names = ["balanced", "balanced, corrected", "all rows"]
pooled, truth, brier, area, mean = [], [], [], [], []
for _ in range(RUNS):
    (X, y), (new, label) = draw(), draw()
    negative = rng.permutation(np.flatnonzero(y == 0))
    few = np.concatenate([np.flatnonzero(y), negative[: y.sum()]])
    small = LogisticRegression().fit(X[few], y[few]).predict_proba(new)[:, 1]
    full = LogisticRegression().fit(X, y).predict_proba(new)[:, 1]
    found = [small, undo_undersampling(small, y.sum() / len(negative)), full]
    pooled.append(found)
    truth.append(label)
    brier.append([brier_score_loss(label, p) for p in found])
    area.append([roc_auc_score(label, p) for p in found])
    mean.append([p.mean() for p in found])
pooled, truth = np.concatenate(pooled, axis=1), np.concatenate(truth)
brier, area, mean = np.array(brier), np.array(area), np.array(mean)
assert np.array_equal(area[:, 0], area[:, 1])
assert np.all(brier[:, 1] < brier[:, 0] / 4)
assert brier[:, 1].mean() < truth.mean() * (1 - truth.mean()) < brier[:, 0].mean()

fig, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
for number, (name, p) in enumerate(zip(names, pooled, strict=True)):
    share, said = calibration_curve(truth, p, n_bins=20, strategy="quantile")
    ax.loglog(100 * said, 100 * share, "osv"[number] + "-", ms=4, label=name)
ax.plot([0.01, 100], [0.01, 100], color="0.5", ls=":")
percent = [0.01, 0.1, 1, 10, 100]
ax.set_xticks(percent, percent)
ax.set_yticks(percent, percent)
ax.minorticks_off()
ax.set(xlabel="predicted probability (%)", ylabel="positive rows (%)")
ax.legend(fontsize="small", title="trained on")
fig.set_label(
    "Share of positive rows against the predicted probability, on logarithmic axes. "
    "The curve of the balanced model lies far below the dotted diagonal: its mean is "
    f"{100 * mean[:, 0].mean():.0f} %, and {100 * truth.mean():.1f} % are positive. "
    "The corrected curve and that of all rows follow the diagonal."
)
measured = {
    "raw_mean": mean[:, 0].mean(),
    "corrected_mean": mean[:, 1].mean(),
    "raw_brier": brier[:, 0].mean(),
    "corrected_brier": brier[:, 1].mean(),
    "constant_brier": truth.mean() * (1 - truth.mean()),
    "area_balanced": area[:, 0].mean(),
    "area_all": area[:, 2].mean(),
}
