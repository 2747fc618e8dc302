"""Hit rate when the relevant item is ranked among sampled items only.

What is expected of such a metric follows from the exact rank (Krichene and Rendle,
2020): no item needs to be drawn.

Axes::

    pairs    of a user and a relevant item
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.stats import hypergeom

Marks = Bool[ndarray, "users items"]
Counts = Int[ndarray, " pairs"]


def items_above(
    scores: Float[ndarray, "users items"], seen: Marks, relevant: Marks, seed: int = 0
) -> tuple[Counts, Counts]:
    """For each relevant item: how many others are ranked above it, and of how many.

    The others are those that its user has neither seen nor finds relevant. A random
    order decides between equal scores.

    Examples
    --------
    >>> seen = np.array([[True, False, False, False]])
    >>> relevant = np.array([[False, False, True, False]])
    >>> items_above(np.array([[9.0, 1.0, 2.0, 3.0]]), seen, relevant)
    (array([1]), array([2]))
    """
    users, items = np.nonzero(relevant)
    ties = np.random.default_rng(seed).random(scores.shape)
    other = ~(seen | relevant)
    own, tie = scores[users, items][:, None], ties[users, items][:, None]
    equal = (scores[users] == own) & (ties[users] > tie)
    above = other[users] & ((scores[users] > own) | equal)
    return above.sum(axis=1), other.sum(axis=1)[users]


def sampled_hits(
    above: Counts, others: Counts, negatives: int, k: int
) -> Float[ndarray, " pairs"]:
    """Probability that each item is in the first k places among sampled others.

    They are drawn without replacement. The item is a hit if fewer than k of those
    drawn are above it: a tail of the hypergeometric distribution. The mean of the
    probabilities is the expected hit rate.

    Raises
    ------
    ValueError
        If k is not positive, or if there are not so many others.

    Examples
    --------
    >>> sampled_hits(np.array([1]), np.array([4]), negatives=2, k=1)
    array([0.5])
    """
    if k < 1:
        raise ValueError(f"k must be positive, got {k}")
    if not 0 < negatives <= others.min():
        raise ValueError(f"{negatives} negatives of {others.min()} others")
    return hypergeom.cdf(k - 1, others, above, negatives)
