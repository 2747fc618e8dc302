"""Recommenders that learn weights between items: nearest neighbors, and EASE.

Neighbors by cosine are those of Sarwar et al. (2001), EASE that of Steck (2019).

Glossary::

    X          train        true where a user likes an item
    B          weights      column j: what each liked item adds to the score of item j
    lambda     penalty      of squared weights
    P          inverse      of X^T X + lambda I

Axes::

    users      rows to learn from
    items      the catalog
    readers    rows to recommend for
"""

import math

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

Marks = Bool[ndarray, "users items"]
Weights = Float[ndarray, "items items"]
Histories = Bool[ndarray, "readers items"]


def check_penalty(penalty: float) -> None:
    """Raise a ValueError if a penalty is not positive and finite."""
    if not 0 < penalty < math.inf:
        raise ValueError(f"the penalty must be positive and finite, got {penalty}")


def check_histories(histories: Histories) -> None:
    """Raise a ValueError if a reader likes nothing.

    All scores would be 0, and the list would have the items with the lowest numbers.
    """
    empty = np.flatnonzero(~histories.any(axis=1))
    if len(empty):
        counts = f"{len(empty)} of {len(histories)}"
        raise ValueError(f"{counts} readers like nothing, the first: {empty[0]}")


def item_knn(train: Marks, neighbors: int) -> Weights:
    """Cosine similarity of each item with its nearest neighbors; 0 elsewhere.

    Items with the same similarity as the last neighbor are kept, too.

    Raises
    ------
    ValueError
        If there are not so many other items.

    Examples
    --------
    >>> train = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=bool)
    >>> item_knn(train, neighbors=1).round(2)
    array([[0.  , 0.87, 0.71],
           [0.87, 0.  , 0.  ],
           [0.  , 0.  , 0.  ]])
    """
    items = train.shape[1]
    if not 0 < neighbors < items:
        raise ValueError(f"neighbors must be from 1 to {items - 1}, got {neighbors}")
    X = train.astype(float)
    together = X.T @ X  # users who like both
    likes = np.maximum(together.diagonal(), 1)  # 1: an item without users has 0 / 1
    cosine = together / np.sqrt(np.outer(likes, likes))
    np.fill_diagonal(cosine, 0)
    # of column j, which is row j: rows are quicker to sort
    last = np.partition(cosine, items - neighbors, axis=1)[:, items - neighbors]
    return np.where(cosine >= last, cosine, 0)


def ease(train: Marks, penalty: float) -> Weights:
    """Weights with a diagonal of 0 that minimize |X - X B|^2 + penalty |B|^2.

    Examples
    --------
    >>> train = np.array([[True, True], [True, True], [True, False]])
    >>> ease(train, penalty=1.0).round(2)  # 2 users like both: 2 / (3 + 1), 2 / (2 + 1)
    array([[0.  , 0.5 ],
           [0.67, 0.  ]])
    """
    check_penalty(penalty)
    X = train.astype(float)
    inverse = np.linalg.inv(X.T @ X + penalty * np.eye(X.shape[1]))
    weights = -inverse / inverse.diagonal()  # column j is divided by P_jj
    np.fill_diagonal(weights, 0)
    return weights


def scores(histories: Histories, weights: Weights) -> Float[ndarray, "readers items"]:
    """For each reader and item, the sum of the weights from the liked items to it."""
    check_histories(histories)
    return histories @ weights


def ease_scores(
    histories: Histories, train: Marks, penalty: float
) -> Float[ndarray, "readers items"]:
    """The scores of EASE, quicker if there are fewer users than items.

    Weights are A_ij / (1 - A_jj), where A = X^T (X X^T + penalty I)^-1 X.
    """
    check_penalty(penalty)
    check_histories(histories)
    X, readers = train.astype(float), histories.astype(float)
    solved = np.linalg.solve(X @ X.T + penalty * np.eye(len(X)), X)
    diagonal = (X * solved).sum(axis=0)
    fitted = readers @ X.T @ solved
    return (fitted - readers * diagonal) / (1 - diagonal)
