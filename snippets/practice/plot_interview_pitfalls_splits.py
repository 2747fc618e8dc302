"""
Random folds separate neither patients nor past and future
==========================================================

Two figures of :doc:`/practice/interview_pitfalls`. First: which rows three splitters of
scikit-learn hold out. Second: patients with random labels, and random walks, predicted
from the nearest rows, with random folds and with folds that fit the question.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

rng = np.random.default_rng(0)
SETS = 20

patient = np.repeat(np.arange(6), 4)
splitters = [KFold(3, shuffle=True, random_state=1), GroupKFold(3), TimeSeriesSplit(3)]
fig, axes = plt.subplots(3, 1, figsize=(6.4, 3.8), layout="constrained", sharex=True)
for ax, splitter in zip(axes, splitters, strict=True):
    groups = patient if isinstance(splitter, GroupKFold) else None
    for number, sides in enumerate(splitter.split(patient, groups=groups)):
        for rows, color, marker in zip(sides, ("C0", "C1"), "os", strict=True):
            ax.plot(rows, np.full(len(rows), number), marker, ms=6, color=color)
    for edge in np.arange(3.5, 23, 4):
        ax.axvline(edge, color="0.6", lw=0.8)
    ax.set(ylim=(2.6, -0.6), yticks=[0, 1, 2], yticklabels=[1, 2, 3], ylabel="fold")
    name = type(splitter).__name__ + " (shuffled)" * isinstance(splitter, KFold)
    ax.set_title(name, fontsize="medium", loc="left")
axes[2].set(xlabel="row, in order of time; lines separate six patients", xticks=[])
fig.set_label(
    "Three panels of 24 rows, with three folds each: training rows are dots, test rows "
    "squares. Shuffled folds have test rows of nearly all patients. Grouped folds test "
    "two whole patients. The time split tests rows after all of its training rows."
)

accuracy, score, shuffled = [], [], KFold(5, shuffle=True, random_state=0)
day = np.arange(1000)[:, None]
for _ in range(SETS):
    patient = np.repeat(np.arange(60), 10)
    X = rng.normal(size=(60, 20))[patient] + 0.3 * rng.normal(size=(600, 20))
    y = rng.integers(0, 2, 60)[patient]
    model, by_patient = KNeighborsClassifier(1), GroupKFold(5).split(X, groups=patient)
    both = [cross_val_score(model, X, y, cv=cv) for cv in (shuffled, by_patient)]
    accuracy.append(np.mean(both, axis=1))
    walk = rng.normal(size=1000).cumsum()
    model, in_time = KNeighborsRegressor(5), TimeSeriesSplit(5)
    both = [cross_val_score(model, day, walk, cv=cv) for cv in (shuffled, in_time)]
    score.append(np.mean(both, axis=1))
(random, grouped), (near, forward) = np.transpose(accuracy), np.transpose(score)
spread = grouped.std(ddof=1)
assert random.min() > 0.98
assert abs(grouped.mean() - 0.5) < 4 * spread / np.sqrt(SETS)
assert near.min() > 0.9
assert forward.max() < 0

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 2.9), layout="constrained")
ax.plot([0, 1], [random, grouped], "o-", color="C0", alpha=0.4, ms=4)
ax.set_xticks([0, 1], ["KFold\n(shuffled)", "GroupKFold"])
ax.axhline(0.5, color="0.5", ls=":")
ax.set(ylabel="accuracy, patients", xlim=(-0.4, 1.4), ylim=(0, 1.05))
right.plot([0, 1], [near, forward], "o-", color="C0", alpha=0.4, ms=4)
right.set_xticks([0, 1], ["KFold\n(shuffled)", "TimeSeriesSplit"])
right.axhline(0, color="0.5", ls=":")
right.set_yscale("symlog", linthresh=1)
right.set(ylabel="$R^2$, random walks", xlim=(-0.4, 1.4), ylim=(-10, 1.5))
right.set_yticks([1, 0, -1, -10], ["1", "0", "$-1$", "$-10$"])
fig.set_label(
    f"Left: {SETS} sets of patients. Lowest accuracy with random folds: "
    f"{random.min():.2f}. With grouped folds: {grouped.min():.2f} to "
    f"{grouped.max():.2f}. Right: "
    f"{SETS} random walks, R² of {near.min():.2f} or more with random folds, and of "
    f"{forward.max():.2f} or less with the time split."
)
measured = {"random": random.mean(), "grouped": grouped.mean()}
measured |= {"grouped_spread": spread, "near": near.mean(), "forward": forward.max()}
