"""Area under the ROC curve (AUC) in groups: of each user's ranking, for example."""

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy import ndarray

Marks = Bool[ndarray, "users items"]


def grouped_auc(
    groups: Int[ndarray, " items"],
    scores: Real[ndarray, " items"],
    positive: Real[ndarray, " items"],
    negative: Real[ndarray, " items"],
) -> Float[ndarray, " groups"]:
    """In each group, how often a positive has a higher score than a negative.

    An item stands for given numbers of positives and negatives; ties count half.
    Groups without positives or without negatives are left out.

    Raises
    ------
    ValueError
        If a score is NaN.

    Examples
    --------
    >>> ones, liked = np.ones(4), np.array([1.0, 0.0, 1.0, 0.0])
    >>> groups, scores = np.array([0, 0, 1, 1]), np.array([3.0, 2.0, 5.0, 5.0])
    >>> grouped_auc(groups, scores, liked, ones - liked)
    array([1. , 0.5])
    """
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} scores are not a number")
    order = np.lexsort((scores, groups))
    groups, scores = groups[order], scores[order]
    new = np.ones(len(scores), dtype=bool)
    new[1:] = (groups[1:] != groups[:-1]) | (scores[1:] != scores[:-1])
    starts, group = np.flatnonzero(new), groups[new]
    won, lost = (np.add.reduceat(one[order], starts) for one in (positive, negative))
    total = np.bincount(group, lost)
    below = np.cumsum(lost) - lost - (np.cumsum(total) - total)[group]
    pairs = np.bincount(group, won) * total
    better = np.bincount(group, won * (below + lost / 2))
    return better[pairs > 0] / pairs[pairs > 0]


def user_auc(
    scores: Real[ndarray, "users items"], seen: Marks, relevant: Marks
) -> Float[ndarray, " users"]:
    """Share of pairs of a relevant and another unseen item in the right order.

    A tie counts one half. Guessing gives 0.5.

    Raises
    ------
    ValueError
        If a relevant item was seen, if a user has no relevant item or nothing else,
        or if a score is not a number.

    Examples
    --------
    >>> seen = np.array([[True, False, False, False]])
    >>> relevant = np.array([[False, False, False, True]])
    >>> user_auc(np.array([[9, 3, 1, 2]]), seen, relevant)
    array([0.5])
    """
    if (seen & relevant).any():
        raise ValueError(f"{(seen & relevant).sum()} relevant items were seen")
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} scores are not a number")
    others = ~(seen | relevant)
    counts = np.stack([relevant.sum(axis=1), others.sum(axis=1)], axis=1)
    for user in np.flatnonzero((counts == 0).any(axis=1))[:1]:
        wanted, rest = counts[user]
        raise ValueError(f"user {user} has {wanted} relevant and {rest} other items")
    users, items = np.nonzero(~seen)
    liked = relevant[users, items].astype(float)
    return grouped_auc(users, scores[users, items], liked, 1 - liked)
