"""Trials of rating predictions: learn from 80 %, choose settings on 10 %, test on 10 %.

Axes::

    ratings    known cells of a part
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from snippets.recommenders.matrix_factorization import Factors, predict
from snippets.recommenders.movielens import Ratings
from snippets.recommenders.rating_biases import (
    Biases,
    bias_ratings,
    fit_biases,
    rating_table,
)
from snippets.recommenders.rating_splits import at_random


class Trial(NamedTuple):
    """Parts of the ratings, drawn at random."""

    table: csr_array
    """What to learn from."""
    validation: Ratings
    """What to choose settings by."""
    test: Ratings


def draw_trial(ratings: Ratings, seed: int) -> Trial:
    """A tenth of the ratings for the test, a ninth of the rest for validation."""
    rest, test = at_random(ratings, 0.1, seed)
    train, validation = at_random(rest, 1 / 9, seed + 1000)
    shape = int(ratings.users.max()) + 1, int(ratings.items.max()) + 1
    table = rating_table(train.users, train.items, train.values, shape)
    return Trial(table, validation, test)


def rmse(part: Ratings, biases: Biases, factors: Factors | None = None) -> float:
    """Root of the mean squared error of a part, in stars."""
    cells = part.users, part.items
    if factors is None:
        predicted = bias_ratings(*cells, biases)
    else:
        predicted = predict(*cells, biases, factors)
    return float(np.sqrt(np.mean((part.values - predicted) ** 2)))


def best_biases(trial: Trial, dampings: Sequence[float] = (2.0, 5.0, 10.0)) -> Biases:
    """Biases with the dampings that have the lowest error on the validation part."""
    fitted = [fit_biases(trial.table, u, i) for u in dampings for i in dampings]
    return min(fitted, key=lambda biases: rmse(trial.validation, biases))
