"""
Classifiers of fit factors
==========================

Two figures of :doc:`/recommenders/clothing_fit`: AUC and balanced accuracy of logistic
regression and of nearest neighbors, and the space that LMNN learns.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from snippets.recommenders.fit_factors import FitFactors, standardized_features
from snippets.recommenders.fit_quality import quality
from snippets.recommenders.fit_training import train
from snippets.recommenders.fit_world import DENSE, SIZES, draw_shops
from snippets.recommenders.nearest_metric import balanced_sample, fit_lmnn, prototypes

SEEDS, FACTORS, PENALTY, PER_CLASS, GAP = 3, 4, 0.01, 150, 0.6
NEIGHBORS = (5, 15, 45)
NAMES = (
    "logistic regression",
    "logistic, weighted classes",
    "kNN, all purchases",
    "kNN, balanced sample",
    "LMNN, balanced sample",
    "LMNN, prototypes",
)
torch.manual_seed(0)
drawn = draw_shops(DENSE, SEEDS)
models = [FitFactors(DENSE.customers, DENSE.products, SIZES, FACTORS) for _ in drawn]
trains, penalties = [one.split.train for one in drawn], [PENALTY] * SEEDS
generator = torch.Generator().manual_seed(0)
train(models, trains, penalties, generator, passes=40, rate=0.1)


def neighbors(features, labels, rows, transform):
    """kNN that knows some rows, with the k of best balanced accuracy on validation."""
    known, classes = features[0][rows] @ transform, labels[0].numpy()[rows]
    fitted = [KNeighborsClassifier(k).fit(known, classes) for k in NEIGHBORS]
    found = [
        [
            quality(one.predict_proba(features[part] @ transform), labels[part])
            for part in (1, 2)
        ]
        for one in fitted
    ]
    return max(found, key=lambda pair: pair[0].balanced)[1]


def compare(model, split, rng):
    """Quality of the six classifiers; the sample, and its map to two dimensions."""
    features, labels = standardized_features(model, split), [p.labels for p in split]
    x, y = features[0], labels[0].numpy()
    plain, weighted = (
        LogisticRegression(max_iter=1000, class_weight=weight).fit(x, y)
        for weight in (None, "balanced")
    )
    found = [
        quality(one.predict_proba(features[2]), labels[2]) for one in (plain, weighted)
    ]
    sample = balanced_sample(y, PER_CLASS, rng)
    same = np.eye(x.shape[1], dtype=np.float32)
    found += [neighbors(features, labels, rows, same) for rows in (slice(None), sample)]
    for rows in (sample, prototypes(x, y, PER_CLASS, GAP, rng)):
        points = torch.tensor(x[rows]), torch.tensor(y[rows])
        found.append(
            neighbors(
                features, labels, rows, fit_lmnn(*points, torch.tensor(same)).numpy().T
            )
        )
    return found, (x[sample], y[sample])


runs = [
    compare(model, one.split, np.random.default_rng(seed))
    for seed, (model, one) in enumerate(zip(models, drawn, strict=True))
]
found = np.array([run[0] for run in runs])  # seeds, classifiers, three qualities

fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8), sharey=True, layout="constrained")
for part, (ax, label) in enumerate(
    zip(axes, ("AUC", "balanced accuracy"), strict=True)
):
    for place, color in enumerate(("C0", "C0", "C1", "C1", "C2", "C2")):
        ax.plot(found[:, place, part], [place] * SEEDS, "|", color=color, markersize=11)
        ax.plot(found[:, place, part].mean(), place, "o", color=color)
    ax.set_xlabel(label)
    ax.grid(axis="x")
axes[0].set_yticks(range(len(NAMES)), NAMES)
axes[0].invert_yaxis()
mean = found.mean(axis=0)
listed = "; ".join(
    f"{name}, {row[0]:.3f} and {row[1]:.3f}"
    for name, row in zip(NAMES, mean, strict=True)
)
fig.set_label(f"Mean AUC and balanced accuracy of three shops. {listed}.")

points, classes = runs[0][1]
start = torch.tensor(PCA(2).fit(points).components_)
learned = fit_lmnn(torch.tensor(points), torch.tensor(classes), start)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
for ax, transform, title in zip(
    axes, (start, learned), ("before: principal components", "after LMNN"), strict=True
):
    flat = points @ transform.numpy().T
    for label, name, look in zip(
        range(3), ("small", "fit", "large"), "v.^", strict=True
    ):
        at = flat[classes == label]
        ax.plot(*at.T, look, color=("C0", "C2", "C1")[label], label=name, markersize=4)
    ax.set(title=title, xlabel="first coordinate", ylabel="second coordinate")
axes[0].legend(fontsize=8)
fig.set_label(
    "Purchases as points in two dimensions, in colors of the labels small, fit, and "
    "large. Left: along principal components, the three overlap. Right: along the rows "
    "of the map of LMNN, small and large are on opposite sides, with fit between."
)
rows = dict(
    zip(("plain", "weighted", "all", "sample", "lmnn", "chosen"), mean, strict=True)
)
measured = {f"{name}_auc": row[0] for name, row in rows.items()}
measured |= {f"{name}_balanced": row[1] for name, row in rows.items()}
