"""Classifiers of the features of purchases: logistic regression, kNN, and LMNN.

Axes::

    batch      purchases
    features   that describe a purchase
"""

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from snippets.recommenders.fit_quality import Quality, quality
from snippets.recommenders.nearest_metric import balanced_sample, fit_lmnn, prototypes

PER_CLASS, GAP, NEIGHBORS = 120, 0.6, (5, 25)
CLASSIFIERS = (
    "logistic regression",
    "logistic, weighted classes",
    "kNN, all purchases",
    "kNN, balanced sample",
    "LMNN, balanced sample",
    "LMNN, prototypes",
)
Features = list[Float[ndarray, "batch features"]]


def nearest(
    features: Features,
    labels: list[Tensor],
    rows: ndarray | slice,
    transform: Float[ndarray, "features kept"],
) -> Quality:
    """kNN that knows some rows, with the k of best balanced accuracy on validation."""
    known, classes = features[0][rows] @ transform, labels[0].numpy()[rows]
    found = []
    for k in NEIGHBORS:
        fitted = KNeighborsClassifier(k).fit(known, classes)
        chances = [fitted.predict_proba(part @ transform) for part in features[1:]]
        found.append([quality(*both) for both in zip(chances, labels[1:], strict=True)])
    return max(found, key=lambda pair: pair[0].balanced)[1]


def compare(
    features: Features, labels: list[Tensor], rng: np.random.Generator
) -> list[Quality]:
    """Quality of the classifiers, in the order of their names."""
    x, y, found = features[0], labels[0].numpy(), []
    for weight in (None, "balanced"):
        fitted = LogisticRegression(max_iter=1000, class_weight=weight).fit(x, y)
        found.append(quality(fitted.predict_proba(features[2]), labels[2]))
    sample, same = balanced_sample(y, PER_CLASS, rng), np.eye(x.shape[1], dtype=x.dtype)
    found += [nearest(features, labels, rows, same) for rows in (slice(None), sample)]
    for rows in (sample, prototypes(x, y, PER_CLASS, GAP, rng)):
        points = torch.tensor(x[rows]), torch.tensor(y[rows])
        learned = fit_lmnn(*points, torch.tensor(same)).numpy()
        found.append(nearest(features, labels, rows, learned.T))
    return found
