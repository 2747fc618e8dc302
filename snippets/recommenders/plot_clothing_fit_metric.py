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

from snippets.recommenders.fit_classifiers import CLASSIFIERS, PER_CLASS, compare
from snippets.recommenders.fit_factors import FitFactors, standardized_features
from snippets.recommenders.fit_shops import DENSE, draw_shops
from snippets.recommenders.fit_training import train
from snippets.recommenders.fit_world import SIZES
from snippets.recommenders.nearest_metric import balanced_sample, fit_lmnn

SHOPS, FACTORS, PENALTY = 3, 4, 0.01
torch.manual_seed(0)
drawn = draw_shops(DENSE, SHOPS)
models = [FitFactors(DENSE.customers, DENSE.products, SIZES, FACTORS) for _ in drawn]
trains, generator = [one.split.train for one in drawn], torch.Generator().manual_seed(0)
train(models, trains, [PENALTY] * SHOPS, generator, passes=40, rate=0.1)
features = [
    standardized_features(model, one.split)
    for model, one in zip(models, drawn, strict=True)
]
labels = [[part.labels for part in one.split] for one in drawn]
rng = np.random.default_rng(0)
found = np.array([compare(*both, rng) for both in zip(features, labels, strict=True)])

fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8), sharey=True, layout="constrained")
for part, ax in enumerate(axes):  # AUC, balanced accuracy
    for place, color in enumerate(("C0", "C0", "C1", "C1", "C2", "C2")):
        ax.plot(found[:, place, part], [place] * SHOPS, "|", color=color, markersize=11)
        ax.plot(found[:, place, part].mean(), place, "o", color=color)
    ax.set_xlabel(("AUC", "balanced accuracy")[part])
    ax.grid(axis="x")
axes[0].set_yticks(range(len(CLASSIFIERS)), CLASSIFIERS)
axes[0].invert_yaxis()
mean = found.mean(axis=0)
listed = "; ".join(
    f"{name}, {row[0]:.3f} and {row[1]:.3f}"
    for name, row in zip(CLASSIFIERS, mean, strict=True)
)
fig.set_label(f"Mean AUC and balanced accuracy of three shops. {listed}.")

rows = balanced_sample(labels[0][0].numpy(), PER_CLASS, rng)
points, classes = features[0][0][rows], labels[0][0][rows]
start = torch.tensor(PCA(2).fit(points).components_)
maps = {
    "before: principal components": start,
    "after LMNN": fit_lmnn(torch.tensor(points), classes, start),
}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
for ax, (title, transform) in zip(axes, maps.items(), strict=True):
    flat = points @ transform.numpy().T
    for label, name in enumerate(("small", "fit", "large")):
        at, color = flat[classes == label], ("C0", "C2", "C1")[label]
        ax.plot(*at.T, "v.^"[label], color=color, label=name, markersize=4)
    ax.set(title=title, xlabel="first coordinate", ylabel="second coordinate")
axes[0].legend(fontsize=8)
fig.set_label(
    "Purchases as points in two dimensions, marked as small, fit, or large. Along "
    "principal components (left), they overlap. Along the rows of the map of LMNN "
    "(right), small is on the left, large on the right, and fit between."
)
names = ("plain", "weighted", "all", "sample", "lmnn", "chosen")
rows = dict(zip(names, mean, strict=True))
measured = {"logistic_auc": rows["plain"][0], "metric_auc": rows["chosen"][0]}
measured |= {f"{name}_balanced": row[1] for name, row in rows.items() if name != "all"}
assert rows["lmnn"][1] > rows["sample"][1] + 0.02
assert rows["lmnn"][1] < rows["weighted"][1]
