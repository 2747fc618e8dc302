"""A click model that sees an item only through its rows: ridge logistic regression.

Axes::

    items    of the catalog
    rows     of the table, each with a weight
    cells    an item, how often it was shown, and how often clicked
    groups   of items, or of ratings; for example, those of a user
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real
from numpy import ndarray
from scipy.sparse import csr_matrix, diags, eye
from scipy.sparse.linalg import spsolve
from scipy.special import expit

from snippets.recommenders.user_auc import grouped_auc


class Cells(NamedTuple):
    items: Int[ndarray, " cells"]
    clicked: Real[ndarray, " cells"]
    shown: Real[ndarray, " cells"]
    offset: Float[ndarray, " cells"]
    """Log-odds that do not depend on the item."""


def loss(scores: Float[ndarray, " items"], cells: Cells) -> float:
    """Negative log-likelihood of the clicks, if scores are log-odds."""
    log_odds = scores[cells.items] + cells.offset
    return float(
        (cells.shown * np.logaddexp(0, log_odds) - cells.clicked * log_odds).sum()
    )


def fit_rows(
    features: csr_matrix,
    cells: Cells,
    ridge: float,
    start: Float[ndarray, " rows"] | None = None,
) -> Float[ndarray, " rows"]:
    """Weights that minimize the loss plus half the ridge times their squares.

    An item's score is the sum of its weights. Newton's method; a row whose items were
    never shown gets the weight 0.

    Raises
    ------
    ValueError
        If the ridge is not positive, or a cell has more clicks than impressions.
    """
    if not 0 < ridge < np.inf:
        raise ValueError(f"the ridge must be positive and finite, got {ridge}")
    wrong = (cells.clicked < 0) | (cells.clicked > cells.shown)
    if wrong.any():
        raise ValueError(f"{wrong.sum()} cells have more clicks than impressions")
    items, rows = features.shape
    weights = np.zeros(rows) if start is None else start
    for _ in range(100):
        chance = expit((features @ weights)[cells.items] + cells.offset)
        excess = np.bincount(cells.items, cells.shown * chance - cells.clicked, items)
        spread = np.bincount(cells.items, cells.shown * chance * (1 - chance), items)
        hessian = features.T @ diags(spread) @ features + ridge * eye(rows)
        gradient = features.T @ excess + ridge * weights
        step = spsolve(hessian.tocsc(), gradient, permc_spec="MMD_AT_PLUS_A")
        weights = weights - step
        if np.abs(step).max() < 1e-4:  # the next one would be about its square
            return weights
    raise ValueError(f"no convergence in 100 steps with a ridge of {ridge}")


def fit_tuned(
    features: csr_matrix, training: Cells, validation: Cells, ridges: Sequence[float]
) -> Float[ndarray, " items"]:
    """Scores of the ridge that has the lowest loss on the validation cells."""
    weights, found = None, []
    for ridge in ridges:
        weights = fit_rows(features, training, ridge, start=weights)
        found.append(features @ weights)
    return min(found, key=lambda scores: loss(scores, validation))


def auc(
    scores: Float[ndarray, " items"],
    positive: Real[ndarray, " items"],
    negative: Real[ndarray, " items"],
) -> float:
    """The area under the ROC curve of all items together.

    Raises
    ------
    ValueError
        If there are no positives or no negatives.
    """
    if not (positive.sum() > 0 and negative.sum() > 0):
        raise ValueError(f"{positive.sum()} positives and {negative.sum()} negatives")
    (found,) = grouped_auc(np.zeros(len(scores), int), scores, positive, negative)
    return float(found)
