"""Trials of fit models and of classifiers of their features, in several made-up shops.

Axes::

    shops        random shops of one kind
    penalties    that are compared
    batch        purchases
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from snippets.recommenders.clothing_fit import FitModel
from snippets.recommenders.fit_quality import (
    Quality,
    advised,
    bought_scores,
    fitted_logit,
    quality,
)
from snippets.recommenders.fit_training import train
from snippets.recommenders.fit_world import Drawn
from snippets.recommenders.nearest_metric import balanced_sample, fit_lmnn, prototypes
from snippets.recommenders.ordinal_logit import fit_ordinal_logit

PER_CLASS, GAP, NEIGHBORS = 120, 0.6, (5, 25)
CLASSIFIERS = (
    "logistic regression",
    "logistic, weighted classes",
    "kNN, all purchases",
    "kNN, balanced sample",
    "LMNN, balanced sample",
    "LMNN, prototypes",
)


def penalty_trial(
    drawn: Sequence[Drawn],
    make: Callable[[], FitModel],
    penalties: Sequence[float],
    generator: torch.Generator,
) -> Float[ndarray, "shops penalties 3"]:
    """AUC on the validation and the test part, and the share of advised sizes that fit."""
    every = [one.split for one in drawn for _ in penalties]
    models = [make() for _ in every]
    weights = [*penalties] * len(drawn)
    train(models, [split.train for split in every], weights, generator)
    found = []
    for model, split in zip(models, every, strict=True):
        logit, parts = fitted_logit(model, split.validation), split[1:]
        chances = [logit.probabilities(bought_scores(model, part)) for part in parts]
        aucs = [
            quality(chance, part.labels).auc
            for chance, part in zip(chances, parts, strict=True)
        ]
        found.append([*aucs, advised(model, logit, split.test)[1]])
    return np.array(found).reshape(len(drawn), len(penalties), 3)


def auc_of_true_sizes(one: Drawn) -> float:
    """AUC of the true size of the customer minus that of the child product."""
    world, scores = one.world._replace(taste=0.0), []
    for part in one.split[1:]:
        columns = [column.numpy() for column in part[:3]]
        every = world.scores(*columns[:2])
        scores.append(every[np.arange(len(every)), columns[2]])
    logit = fit_ordinal_logit(scores[0], one.split.validation.labels.numpy())
    return quality(logit.probabilities(scores[1]), one.split.test.labels).auc


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
