"""Metrics of classifiers, each in a few lines.

Labels are 1 for the positive class and anything else, such as 0 or -1, for the negative
one, unless a function says otherwise.

Symbols::

    y          labels               TP, FP, FN, TN   counts of hits and errors
    y-hat      predicted            n                examples
    p, s       probabilities, scores
"""

import numpy as np
from jaxtyping import Real, Shaped
from numpy import ndarray

from snippets.practice.metric_inputs import check, check_probabilities

Labels = Shaped[ndarray, " n"]
Scores = Real[ndarray, " n"]
Predicted = Shaped[ndarray, " m"]


def counts(labels: Labels, predicted: Predicted) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives, true negatives.

    Examples
    --------
    >>> counts(np.array([1, 1, 1, 0]), np.array([1, 1, 0, 1]))
    (2, 1, 1, 0)
    """
    check(labels, predicted)
    y, z = labels == 1, predicted == 1
    table = (y & z, ~y & z, y & ~z, ~y & ~z)
    return tuple(int(cell.sum()) for cell in table)


def accuracy(labels: Labels, predicted: Labels) -> float:
    """The share of predictions that are right; labels of any number of classes."""
    check(labels, predicted)
    return float((labels == predicted).mean())


def precision(labels: Labels, predicted: Labels) -> float:
    """The share of predicted positives that are positive; 0 if none is predicted."""
    hits, false_alarms, _, _ = counts(labels, predicted)
    return hits / max(hits + false_alarms, 1)


def recall(labels: Labels, predicted: Labels) -> float:
    """The share of positives that are predicted; 0 if there is no positive."""
    hits, _, misses, _ = counts(labels, predicted)
    return hits / max(hits + misses, 1)


def f_score(labels: Labels, predicted: Labels, beta: float = 1.0) -> float:
    """Weighted harmonic mean of precision and recall; a large beta favors recall.

    Raises
    ------
    ValueError
        If ``beta`` is negative or infinite.
    """
    if not 0 <= beta < np.inf:
        raise ValueError(f"beta {beta} is negative or infinite")
    hits, false_alarms, misses, _ = counts(labels, predicted)
    total = (1 + beta**2) * hits + beta**2 * misses + false_alarms
    return (1 + beta**2) * hits / total if total else 0.0


def matthews(labels: Labels, predicted: Labels) -> float:
    """Matthews correlation coefficient; 0 if a row or column of the table is empty."""
    tp, fp, fn, tn = counts(labels, predicted)
    scale = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / scale**0.5 if scale else 0.0


def cohen_kappa(first: Labels, second: Labels) -> float:
    """Agreement of two raters above what their shares of labels give by chance.

    Labels of any number of classes. NaN if both always give the same single label.
    """
    check(first, second)
    classes = np.union1d(first, second)
    shares = [(rater == classes[:, None]).mean(axis=1) for rater in (first, second)]
    chance = shares[0] @ shares[1]
    observed = (first == second).mean()
    return float((observed - chance) / (1 - chance)) if chance < 1 else np.nan


def log_loss(labels: Labels, probabilities: Scores) -> float:
    """Mean negative log-probability of the labels, in nats.

    Probabilities are moved away from 0 and 1 by the machine epsilon of their type.
    """
    check_probabilities(labels, probabilities)
    p = 1.0 * np.where(labels == 1, probabilities, 1 - probabilities)
    epsilon = np.finfo(p.dtype).eps
    return float(-np.log(p.clip(epsilon, 1 - epsilon)).mean())


def brier_score(labels: Labels, probabilities: Scores) -> float:
    """Mean squared difference of probability and label: 0 is best, 1 is worst."""
    check_probabilities(labels, probabilities)
    return float((np.subtract(probabilities, labels == 1, dtype=float) ** 2).mean())


def roc_auc(labels: Labels, scores: Scores) -> float:
    """The chance that a positive scores above a negative; a tie counts half.

    Raises
    ------
    ValueError
        If a class has no example.
    """
    check(labels, scores)
    positive, negative = scores[labels == 1], scores[labels != 1]
    if not len(positive) or not len(negative):
        raise ValueError(f"{len(positive)} positives and {len(negative)} negatives")
    above, equal = positive[:, None] > negative, positive[:, None] == negative
    return float((above + 0.5 * equal).mean())


def average_precision(labels: Labels, scores: Scores) -> float:
    """Precision at each threshold, weighted by the recall that the threshold adds.

    Equal scores are one threshold. 0 if there is no positive.
    """
    check(labels, scores)
    order = np.argsort(scores)[::-1]
    hits, falling = (labels[order] == 1).cumsum(), scores[order]
    last = np.append(falling[1:] != falling[:-1], True)  # of each run of equal scores
    precisions = hits[last] / (1 + np.flatnonzero(last))
    added = np.diff(hits[last], prepend=0)
    return float(precisions @ added / max(hits[-1], 1))
