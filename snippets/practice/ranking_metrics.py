"""Metrics of one ranked list, each in a few lines.

Relevance is 0 for what nobody wants. The list is sorted by falling scores.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Real
from numpy import ndarray

from snippets.practice.classification_metrics import average_precision
from snippets.practice.metric_inputs import check, check_first

Relevance = Real[ndarray, " items"]
Scores = Real[ndarray, " items"]


def dcg(relevance: Relevance, scores: Scores, k: int | None = None) -> float:
    """Discounted cumulative gain of the first k: sum of relevance / log2(1 + rank).

    Items of equal score share the mean of their discounts.
    """
    check_first(relevance, scores, k)
    ranks = np.arange(1, len(scores) + 1)
    discounts = np.where(ranks <= (k or len(scores)), 1 / np.log2(1 + ranks), 0.0)
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    shared = np.bincount(np.sort(group), discounts[::-1]) / sizes  # lowest score first
    return float(relevance @ shared[group])


def ndcg(relevance: Relevance, scores: Scores, k: int | None = None) -> float:
    """The gain divided by that of the best order; 0 if nothing is relevant.

    Raises
    ------
    ValueError
        If a relevance is negative.
    """
    if (relevance < 0).any():
        raise ValueError(f"relevance {relevance.min()} is negative")
    best = dcg(relevance, relevance, k)
    return dcg(relevance, scores, k) / best if best else 0.0


def reciprocal_rank(relevance: Relevance, scores: Scores) -> float:
    """1 / rank of the first relevant item; items of equal score stand before it."""
    check(relevance, scores)
    relevant = scores[relevance > 0]
    return float(1 / (scores >= relevant.max()).sum()) if len(relevant) else 0.0


def hit_rate(wanted: int, scores: Scores, k: int) -> float:
    """1 if the wanted item is one of the k with the largest scores, else 0.

    Of items with equal scores, the last stands first, as in scikit-learn.
    """
    check_first(scores, scores, k)
    return float(wanted in np.argsort(scores, kind="stable")[::-1][:k])


def mean_average_precision(
    relevance: Sequence[Real[ndarray, " _"]], scores: Sequence[Real[ndarray, " _"]]
) -> float:
    """Average precision, averaged over queries; an item is relevant or not.

    Raises
    ------
    ValueError
        If there is no query, or not one list of scores for each.
    """
    pairs = list(zip(relevance, scores, strict=True))
    if not pairs:
        raise ValueError("no query")
    return float(np.mean([average_precision(r > 0, s) for r, s in pairs]))
