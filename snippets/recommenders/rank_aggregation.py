"""One ranking from many, and how much two rankings agree.

Kemeny's ranking is that of Kemeny (1959), reciprocal rank fusion that of Cormack,
Clarke and Buettcher (2009), with the constant 60.

Axes are those of :mod:`snippets.recommenders.llm_recommenders`.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from snippets.recommenders.llm_recommenders import Orders, Points, places


def kendall_tau(
    ours: Float[ndarray, "*runs items"], truth: Float[ndarray, "*runs items"]
) -> Float[ndarray, " *runs"]:
    """Pairs in the same order less pairs in opposite order, divided by all (tau-a).

    A pair that is tied in ours counts as neither, so that tau is the mean over all
    ways to break ties. (Tau-b leaves such pairs out, which rewards ties.)

    Raises
    ------
    ValueError
        If shapes differ, a number is not finite, or the truth has ties.

    Examples
    --------
    >>> kendall_tau(np.array([3.0, 1.0, 2.0]), np.array([3.0, 2.0, 1.0]))
    array(0.33333333)
    >>> kendall_tau(np.array([1.0, 1.0, 0.0]), np.array([3.0, 2.0, 1.0]))
    array(0.66666667)
    """
    if ours.shape != truth.shape:
        raise ValueError(f"shapes {ours.shape} and {truth.shape} differ")
    if not (np.isfinite(ours).all() and np.isfinite(truth).all()):
        raise ValueError("all points must be finite")
    first, second = np.triu_indices(ours.shape[-1], 1)
    signs = [np.sign(x[..., first] - x[..., second]) for x in (ours, truth)]
    if not (signs[1].size and signs[1].all()):
        raise ValueError("the truth must have two items or more, without ties")
    return np.asarray((signs[0] * signs[1]).mean(axis=-1))


def reciprocal_rank_fusion(answers: Orders, constant: float = 60.0) -> Points:
    """The mean of 1 / (constant + place), with places counted from 1."""
    return (1 / (constant + 1 + places(answers))).mean(axis=-2)


def kemeny_costs(
    answers: Orders,
) -> tuple[Int[ndarray, "sets ..."], Int[ndarray, "sets ..."]]:
    """For each set of items: fewest disagreements with answers, and which item is last.

    The bits of a set's number say which items it has. Its best ranking has one item
    last, below the best ranking of the others.
    """
    found = np.moveaxis(places(answers), -1, 0)  # items, runs, calls
    lost = (found[:, None] > found).sum(axis=-1)  # the second item is above the first
    items, runs = len(lost), lost.shape[2:]
    under = np.zeros((1 << items, items, *runs), int)  # each item, below each set
    least, last = np.zeros((2, 1 << items, *runs), int)
    for chosen in range(1, 1 << items):
        members = [item for item in range(items) if chosen >> item & 1]
        under[chosen] = under[chosen & chosen - 1] + lost[members[0]]
        others = [chosen - (1 << item) for item in members]
        costs = least[others] + under[others, members]
        least[chosen] = costs.min(axis=0)
        last[chosen] = np.array(members)[costs.argmin(axis=0)]
    return least, last


def kemeny(answers: Orders) -> Points:
    """A ranking with the fewest disagreements, as numbers of items below.

    A disagreement is a pair of items and an answer that has them in opposite order.

    Raises
    ------
    ValueError
        If there are more than 12 items: all their sets are listed.

    Examples
    --------
    >>> kemeny(np.array([[2, 0, 1], [2, 1, 0], [0, 2, 1]]))
    array([1., 0., 2.])
    """
    items = answers.shape[-1]
    if items > 12:
        raise ValueError(f"want 12 items at most, got {items}")
    _, last = kemeny_costs(answers)
    points = np.zeros((*answers.shape[:-2], items))
    chosen = np.full(points.shape[:-1], (1 << items) - 1)
    for below in range(items):
        worst = np.take_along_axis(last, chosen[None], axis=0)[0]
        np.put_along_axis(points, worst[..., None], below, axis=-1)
        chosen = chosen - (1 << worst)
    return points
