"""Lists of the k items with the highest scores, and how many hits they have.

Axes::

    users    one row of scores for each
    items    the catalog
    k        length of a list
"""

import numpy as np
from jaxtyping import Bool, Int, Real
from numpy import ndarray

Marks = Bool[ndarray, "_ _"]  # users, items


def top_k(
    scores: Real[ndarray, "users items"], seen: Marks, k: int
) -> Int[ndarray, "users k"]:
    """The k unseen items with the highest scores, best first; ties by number.

    Raises
    ------
    ValueError
        If k is not positive, if a score is NaN, or if a user has fewer than k unseen
        items.

    Examples
    --------
    >>> seen = np.array([[True, False, False, False]])
    >>> top_k(np.array([[9.0, 1.0, 2.0, 2.0]]), seen, k=2)
    array([[2, 3]])
    """
    if scores.shape != seen.shape:
        raise ValueError(f"{scores.shape} scores, but {seen.shape} marks of seen items")
    unseen = (~seen).sum(axis=1)
    if not 0 < k <= unseen.min():
        raise ValueError(f"k must be from 1 to {unseen.min()} unseen items, got {k}")
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} scores are not a number")
    # the best come last, and first of all from the end; -scores would wrap if unsigned
    last = np.lexsort((scores[:, ::-1], ~seen[:, ::-1]), axis=1)
    return scores.shape[1] - 1 - last[:, : -k - 1 : -1]


def hits(lists: Int[ndarray, "users k"], relevant: Marks) -> Bool[ndarray, "users k"]:
    """Whether the item at each place of a list is relevant to its user.

    Raises
    ------
    ValueError
        If a user has no relevant item, or a number is not in the catalog.
    """
    if len(lists) != len(relevant):
        raise ValueError(f"{len(lists)} lists for {len(relevant)} users")
    none = np.flatnonzero(~relevant.any(axis=1))
    if len(none):
        raise ValueError(
            f"{len(none)} users have no relevant item, the first: {none[0]}"
        )
    if not 0 <= lists.min() <= lists.max() < relevant.shape[1]:
        raise ValueError(f"item {lists.max()} of {relevant.shape[1]}")
    return np.take_along_axis(relevant, lists, axis=1)


def recall_at_k(lists: Int[ndarray, "users k"], relevant: Marks) -> float:
    """Hits divided by the hits of a perfect list, averaged over users.

    A perfect list has min(k, relevant items) hits. Other texts divide by the number
    of relevant items.

    Examples
    --------
    >>> relevant = np.array([[True, True, True, False]])
    >>> recall_at_k(np.array([[3, 0]]), relevant)
    0.5
    """
    possible = np.minimum(relevant.sum(axis=1), lists.shape[1])
    return float((hits(lists, relevant).sum(axis=1) / possible).mean())


def ndcg_at_k(lists: Int[ndarray, "users k"], relevant: Marks) -> float:
    """Normalized discounted cumulative gain: a hit at rank r counts 1 / log2(1 + r).

    Each user's sum is divided by that of a perfect list, and averaged over users.

    Examples
    --------
    >>> relevant = np.array([[True, False, False]])
    >>> round(ndcg_at_k(np.array([[2, 0]]), relevant), 3)
    0.631
    """
    discounts = 1 / np.log2(1 + np.arange(1, lists.shape[1] + 1))
    gained = hits(lists, relevant) @ discounts
    possible = np.minimum(relevant.sum(axis=1), lists.shape[1])
    return float((gained / np.cumsum(discounts)[possible - 1]).mean())


def coverage(lists: Int[ndarray, "users k"], items: int) -> float:
    """Share of the catalog that is in at least one list."""
    return len(np.unique(lists)) / items
