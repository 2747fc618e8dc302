"""From features of an item to its factors.

Gantner et al., 2010, https://doi.org/10.1109/ICDM.2010.129, map attributes of items
to the factors of a matrix factorization. Here the map is a ridge regression.

Glossary::

    F         features    of items, one row each
    V         factors     of the same items, learned from ratings
    alpha     penalty

Axes::

    users, items    rows and columns of the ratings
    features        known of an item before its first rating
    rank            factors of a user or an item
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray


class FeatureMap(NamedTuple):
    """A linear map from features to factors."""

    feature_means: Float[ndarray, " features"]
    factor_means: Float[ndarray, " rank"]
    weights: Float[ndarray, "features rank"]


def fit_feature_map(
    features: Real[ndarray, "items features"],
    factors: Float[ndarray, "items rank"],
    penalty: float | int,
) -> FeatureMap:
    """Ridge regression of the factors on the features; the mean has no penalty.

    Parameters
    ----------
    penalty
        In squared units of a feature: features on other scales need another one.

    Raises
    ------
    ValueError
        If there is not one row of each for each item, if a number is not finite, or
        if the penalty is not positive.

    Examples
    --------
    >>> features = np.array([[0.0], [2.0]])
    >>> fit_feature_map(features, np.array([[1.0], [5.0]]), penalty=2.0).weights
    array([[1.]])
    """
    rows, others = len(features), len(factors)
    if rows != others or not rows:
        raise ValueError(f"{rows} rows of features, {others} of factors")
    if not (np.isfinite(features).all() and np.isfinite(factors).all()):
        raise ValueError("features and factors must be finite")
    if not 0 < penalty < np.inf:
        raise ValueError(f"penalty must be positive and finite, got {penalty}")
    feature_means, factor_means = features.mean(axis=0), factors.mean(axis=0)
    F, V = features - feature_means, factors - factor_means
    gram = F.T @ F + penalty * np.eye(F.shape[1])
    weights = np.linalg.solve(gram, F.T @ V)
    return FeatureMap(feature_means, factor_means, weights)


def map_features(
    fitted: FeatureMap, features: Real[ndarray, "items features"]
) -> Float[ndarray, "items rank"]:
    """Factors of items that nobody has rated.

    Examples
    --------
    >>> fitted = FeatureMap(np.array([1.0]), np.array([3.0]), np.array([[1.0]]))
    >>> map_features(fitted, np.array([[1.0], [4.0]]))
    array([[3.],
           [6.]])
    """
    if not np.isfinite(features).all():
        raise ValueError("features must be finite")
    return fitted.factor_means + (features - fitted.feature_means) @ fitted.weights
