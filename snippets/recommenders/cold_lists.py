"""Lists of warm items, which users have rated, and cold items, which nobody has.

Scores of both kinds are mixed as they are, or turned into chances of a like; or cold
items get places of their own.

Axes::

    users, items    the whole catalog
    features        known of an item before its first rating
    places          of a list
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.optimize import isotonic_regression

from snippets.recommenders.feature_factors import (
    fit_feature_map,
    map_features,
)
from snippets.recommenders.matrix_factorization import svd_factors

Table = Bool[ndarray, "users items"]
Scores = Float[ndarray, "users items"]
Marks = Bool[ndarray, " items"]
Features = Float[ndarray, "items features"]
RANK, PENALTY = 64, 100.0


def cosines(
    columns: Float[ndarray, "rows columns"],
) -> Float[ndarray, "columns columns"]:
    """Cosine of each column with each other one; 0 if a column is empty.

    Examples
    --------
    >>> cosines(np.array([[3.0, 1.0, 0.0], [4.0, 0.0, 0.0]]))[0]
    array([1. , 0.6, 0. ])
    """
    lengths = np.linalg.norm(columns, axis=0)
    unit = columns / np.where(lengths > 0, lengths, 1)
    return unit.T @ unit


def neighbor_scores(train: Table, features: Features, content: float) -> Scores:
    """How similar an item is to those that the user likes, in tastes and features."""
    likes = train.astype(float)
    return likes @ (cosines(likes) + content * cosines(features.T) ** 3)


def mixed_scores(train: Table, cold: Marks, features: Features) -> Scores:
    """Warm items by their own factors, cold items by factors from their features."""
    factors = svd_factors(train[:, ~cold], RANK)
    fitted = fit_feature_map(features[~cold], factors.items, PENALTY)
    items = np.empty((len(cold), RANK))
    items[~cold], items[cold] = factors.items, map_features(fitted, features[cold])
    return factors.users @ items.T


def with_slots(
    warm: Int[ndarray, "users places"], cold: Int[ndarray, "users places"], slots: int
) -> Int[ndarray, "users places"]:
    """Lists of the best warm items whose last places go to the best cold items.

    Examples
    --------
    >>> with_slots(np.array([[1, 2, 3]]), np.array([[7, 8, 9]]), slots=1)
    array([[1, 2, 7]])
    """
    places = warm.shape[1]
    if not 0 <= slots <= places:
        raise ValueError(f"slots must be from 0 to {places} places, got {slots}")
    return np.concatenate([warm[:, : places - slots], cold[:, :slots]], axis=1)


class Rehearsal(NamedTuple):
    """A world in which more items are cold, and it is known who likes them."""

    scores: Scores
    cold: Marks
    unseen: Table
    """Neither in the training of the rehearsal nor before it."""
    liked: Table


def rehearse(
    train: Table, features: Features, rng: np.random.Generator,
    cold: float = 0.15, likes: float = 0.2,
) -> Rehearsal:  # fmt: skip
    """Hide a share of the warm items, and of the other likes, and score them all."""
    is_cold = rng.random(train.shape[1]) < cold
    kept = train & ~is_cold & (rng.random(train.shape) >= likes)
    return Rehearsal(mixed_scores(kept, is_cold, features), is_cold, ~kept, train)


def like_chances(
    scores: Scores, cold: Marks, rehearsal: Rehearsal, rng: np.random.Generator
) -> Scores:
    """Chance of a like, by a rising curve for warm items and one for cold items.

    Each curve is an isotonic regression on at most 50,000 pairs of user and item.
    """
    chances = np.empty(scores.shape)
    for ours, theirs in ((~cold, ~rehearsal.cold), (cold, rehearsal.cold)):
        pairs = rehearsal.unseen[:, theirs]
        x, y = rehearsal.scores[:, theirs][pairs], rehearsal.liked[:, theirs][pairs]
        some = rng.permutation(len(x))[:50_000]
        some = some[np.argsort(x[some])]
        curve = isotonic_regression(y[some].astype(float)).x
        chances[:, ours] = np.interp(scores[:, ours], x[some], curve)
    return chances + 1e-9 * scores  # of equal chances, the higher score wins
