"""Estimates of a new policy's mean reward from the log of another: IPS and SNIPS.

IPS is the inverse propensity score; SNIPS divides by the sum of the weights
(Swaminathan and Joachims, 2015).

Glossary::

    r         rewards        of what was shown, 1 for a click
    p         propensities   with which the logging policy showed it
    pi        target         probability with which the new policy would show it
    w         weights        pi / p

Axes::

    shown     entries of the log
    users     who asks
    items     what can be shown
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy import ndarray

Column = Float[ndarray, " shown"]
Policy = Float[ndarray, "users items"]


def proportional(
    weights: Real[ndarray, " items"], allowed: Bool[ndarray, "users items"]
) -> Policy:
    """Probabilities of the allowed items of each user in proportion to weights.

    Raises
    ------
    ValueError
        If a weight is negative, or if those of a user add up to 0.

    Examples
    --------
    >>> proportional(np.array([3, 1, 1]), np.array([[True, True, False]]))
    array([[0.75, 0.25, 0.  ]])
    """
    if (weights < 0).any():
        raise ValueError(f"{(weights < 0).sum()} weights are negative")
    found = np.where(allowed, weights, 0)
    totals = found.sum(axis=1, keepdims=True)
    if not totals.all():
        raise ValueError(f"{(totals == 0).sum()} users have no item with a weight")
    return found / totals


def draw_log(
    policy: Policy, entries: int, rng: np.random.Generator
) -> tuple[Int[ndarray, " shown"], Int[ndarray, " shown"]]:
    """Users who come at random, sorted by number, and an item for each.

    Examples
    --------
    >>> users, items = draw_log(np.eye(3), 4, np.random.default_rng(0))
    >>> bool((users == items).all())
    True
    """
    users, items = policy.shape
    asking = np.sort(rng.integers(users, size=entries))  # sorted: quicker to look up
    ends = np.cumsum(policy, axis=1)
    ends = (ends / ends[:, -1:] + np.arange(users)[:, None]).ravel()
    places = np.searchsorted(ends, asking + rng.random(entries), side="right")
    return asking, places - asking * items


def importance_weights(target: Column, propensities: Column) -> Column:
    """Target probability over propensity of each entry.

    Raises
    ------
    ValueError
        If there is no entry, if a propensity is not above 0 and at most 1, or if a
        target probability is not from 0 to 1.

    Examples
    --------
    >>> importance_weights(np.array([0.5, 0.0]), np.array([0.1, 0.9]))
    array([5., 0.])
    """
    if not len(propensities):
        raise ValueError("the log has no entry")
    wrong = propensities[~((propensities > 0) & (propensities <= 1))]
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(propensities)} propensities are not in (0, 1], the "
            f"first: {wrong[0]}"
        )
    wrong = target[~((target >= 0) & (target <= 1))]
    if len(wrong):
        raise ValueError(f"{len(wrong)} target probabilities, the first: {wrong[0]}")
    return target / propensities


def ips(rewards: Column, weights: Column) -> float:
    """Inverse propensity score: mean of weight times reward. It has no bias.

    Examples
    --------
    >>> ips(np.array([1.0, 1.0, 0.0]), np.array([2.0, 1.0, 3.0]))
    1.0
    """
    return float((weights * rewards).mean())


def snips(rewards: Column, weights: Column) -> float:
    """Self-normalized IPS: divided by the sum of the weights, not by their number.

    Raises
    ------
    ValueError
        If all weights are 0: the new policy shows nothing that is in the log.

    Examples
    --------
    >>> snips(np.array([1.0, 1.0, 0.0]), np.array([2.0, 1.0, 3.0]))
    0.5
    """
    if not weights.any():
        raise ValueError(f"all {len(weights)} weights are 0")
    return float((weights * rewards).sum() / weights.sum())


def effective_sample_size(weights: Column) -> float:
    """Number of equal weights whose mean would vary as much: (sum w)^2 / sum w^2.

    Examples
    --------
    >>> effective_sample_size(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    if not weights.any():
        raise ValueError(f"all {len(weights)} weights are 0")
    return float(weights.sum() ** 2 / (weights**2).sum())
