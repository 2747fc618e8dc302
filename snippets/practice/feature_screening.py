"""Cross-validation with features chosen before it, and with features chosen inside.

Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, section
7.10.2, https://doi.org/10.1007/978-0-387-84858-7. The classifier is the nearest
neighbor, as in the book.

Axes::

    rows      examples
    features  columns of X
    count     features that are chosen
"""

import numpy as np
from jaxtyping import Int, Real
from numpy import ndarray

from snippets.practice.interview_pitfalls import Folds, fold_numbers

Rows = Real[ndarray, "rows features"]
Labels = Int[ndarray, " rows"]


def strongest_features(X: Rows, y: Labels, count: int) -> Int[ndarray, " count"]:
    """Columns with the largest absolute correlation with y, in rising order.

    A constant column counts as uncorrelated. Of equal columns, the first is taken.

    Raises
    ------
    ValueError
        If X has not so many columns or a number that is not finite, or if all labels
        are equal.

    Examples
    --------
    >>> X, y = np.array([[1, 5, 4], [2, 5, 3], [0, 5, 1], [1, 5, 0]]), np.arange(4) // 2
    >>> strongest_features(X, y, 1)
    array([2])
    """
    if not 0 < count <= X.shape[1]:
        raise ValueError(f"cannot choose {count} of {X.shape[1]} features")
    if len(np.unique(y)) < 2:
        raise ValueError(f"all labels are {np.unique(y).tolist()}")
    if not np.isfinite(X).all():
        raise ValueError(f"column {np.isfinite(X).all(axis=0).argmin()} is not finite")
    varies = X.max(axis=0) > X.min(axis=0)
    X = X.astype(float)  # not in half precision or small integers
    centered, target = X - X.mean(axis=0), y - y.mean()
    length = np.linalg.norm(centered, axis=0)
    strength = np.abs(target @ centered) * varies / np.where(varies, length, 1)
    return np.sort(np.argsort(-strength, kind="stable")[:count])


def nearest_labels(
    X: Rows, y: Labels, new: Real[ndarray, "new features"]
) -> Int[ndarray, " new"]:
    """For each new row, the label of the nearest row of X."""
    center = X.mean(axis=0, dtype=float)  # far from 0, products lose digits
    X, new = X - center, new - center
    squared = (X**2).sum(axis=1) - 2 * new @ X.T  # without |new|^2, equal for all X
    return y[squared.argmin(axis=1)]


def error_selected_before(X: Rows, y: Labels, fold: Folds, count: int) -> float:
    """Wrong: choose the features on all rows, then cross-validate."""
    chosen = X[:, strongest_features(X, y, count)]
    right = 0
    for k in fold_numbers(fold):
        train, test = fold != k, fold == k
        guess = nearest_labels(chosen[train], y[train], chosen[test])
        right += np.count_nonzero(guess == y[test])
    return 1 - right / len(y)


def error_selected_inside(X: Rows, y: Labels, fold: Folds, count: int) -> float:
    """Right: choose the features in each fold anew, on its training rows alone."""
    right = 0
    for k in fold_numbers(fold):
        train, test = fold != k, fold == k
        chosen = X[:, strongest_features(X[train], y[train], count)]
        guess = nearest_labels(chosen[train], y[train], chosen[test])
        right += np.count_nonzero(guess == y[test])
    return 1 - right / len(y)
