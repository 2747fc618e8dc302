"""
Random folds separate neither patients nor past and future
==========================================================

Two figures of :doc:`/practice/interview_pitfalls`. First: which rows three splitters of
scikit-learn hold out. Second: patients with random labels, and random walks; how well
the nearest rows predict, by random folds and by folds that fit the question.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

rng = np.random.default_rng(0)
shuffled = KFold(5, shuffle=True, random_state=0)

patient = np.repeat(np.arange(6), 4)
splits = {
    "KFold (shuffled)": KFold(3, shuffle=True, random_state=1).split(patient),
    "GroupKFold": GroupKFold(3).split(patient, groups=patient),
    "TimeSeriesSplit": TimeSeriesSplit(3).split(patient),
}
fig, axes = plt.subplots(3, 1, figsize=(6.4, 3.8), layout="constrained", sharex=True)
for ax, (name, folds) in zip(axes, splits.items(), strict=True):
    for number, (train, test) in enumerate(folds):
        ax.scatter(train, np.full(len(train), number), marker="s", s=45, color="C0")
        ax.scatter(test, np.full(len(test), number), marker="s", s=45, color="C1")
    for edge in np.arange(3.5, 23, 4):
        ax.axvline(edge, color="0.6", lw=0.8)
    ax.set(ylim=(2.6, -0.6), yticks=[0, 1, 2], yticklabels=[1, 2, 3], ylabel="round")
    ax.set_title(name, fontsize="medium", loc="left")
axes[2].set(xlabel="row, in order of time; lines separate six patients", xticks=[])
fig.set_label(
    "Three panels of 24 rows, three rounds each, training rows blue and test rows orange. "
    "Shuffled folds scatter test rows over all patients. Grouped folds hold out two whole "
    "patients. The time split tests rows that follow all of its training rows."
)

SETS = 20
nearest = KNeighborsClassifier(1)
accuracy = []
for _ in range(SETS):
    patient = np.repeat(np.arange(60), 10)
    X = rng.normal(size=(60, 20))[patient] + 0.3 * rng.normal(size=(600, 20))
    y = rng.integers(0, 2, 60)[patient]
    by_patient = cross_val_score(nearest, X, y, groups=patient, cv=GroupKFold(5))
    accuracy.append(
        [cross_val_score(nearest, X, y, cv=shuffled).mean(), by_patient.mean()]
    )

day, score = np.arange(1000)[:, None], []
for _ in range(SETS):
    walk = rng.normal(size=1000).cumsum()
    model = KNeighborsRegressor(5)
    score.append(
        [
            cross_val_score(model, day, walk, cv=cv).mean()
            for cv in (shuffled, TimeSeriesSplit(5))
        ]
    )
accuracy, score = np.array(accuracy), np.array(score)
spread = accuracy[:, 1].std(ddof=1)
assert accuracy[:, 0].min() > 0.98
assert abs(accuracy[:, 1].mean() - 0.5) < 4 * spread / np.sqrt(SETS)
assert score[:, 0].min() > 0.9
assert score[:, 1].max() < 0

fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.9), layout="constrained")
labels = ["GroupKFold", "TimeSeriesSplit"]
for ax, values, name in zip(axes, (accuracy, score), labels, strict=True):
    ax.plot([0, 1], values.T, "o-", color="C0", alpha=0.4, ms=4)
    ax.set_xticks([0, 1], ["KFold", name])
    ax.set(xlim=(-0.4, 1.4))
axes[0].axhline(0.5, color="0.5", ls=":")
axes[0].set(ylabel="accuracy, patients", ylim=(0, 1.05))
axes[1].axhline(0, color="0.5", ls=":")
axes[1].set_yscale("symlog", linthresh=1)
axes[1].set(ylabel="R², random walks", ylim=(-1000, 1.5), yticks=[1, 0, -1, -10, -100])
fig.set_label(
    f"Left: {SETS} data sets of patients, accuracy {accuracy[:, 0].min():.2f} or more "
    f"with random folds, {accuracy[:, 1].min():.2f} to {accuracy[:, 1].max():.2f} with "
    f"grouped folds. Right: {SETS} random walks, R² of {score[:, 0].min():.2f} or more "
    f"with random folds, {score[:, 1].max():.1f} or less with the time split."
)
measured = {
    "random_patients": accuracy[:, 0].mean(),
    "grouped_patients": accuracy[:, 1].mean(),
    "grouped_spread": spread,
    "random_walks": score[:, 0].mean(),
    "forward_walks": np.median(score[:, 1]),
    "forward_best": score[:, 1].max(),
}
