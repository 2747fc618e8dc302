"""Score candidates by their similarity to the items that a user clicked.

Weights that depend on the candidate: Zhou et al. (2018),
https://arxiv.org/abs/1706.06978; theirs are learned, ours are not.

Symbols of the page -> names here::

    H_u    history       marks of the items that a user clicked
    s_ij   similarities  of a clicked item and a candidate
    tau    temperature

Axes::

    users  one row for each
    warm   items that may have been clicked
    cold   candidates
"""

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.special import logsumexp

from snippets.recommenders.visual_cold_start import check_temperature

TINY = 1e-290


def check_history(history: ndarray, similarities: ndarray) -> None:
    """Refuse users without a click, and similarities that are not of these items."""
    if history.shape[1] != len(similarities):
        raise ValueError(f"{history.shape[1]} items, {len(similarities)} similarities")
    empty = np.flatnonzero(~history.any(axis=1))
    if len(empty):
        raise ValueError(f"{len(empty)} users without a click, the first: {empty[0]}")
    if not np.isfinite(similarities).all():
        raise ValueError(f"{(~np.isfinite(similarities)).sum()} are not finite")


def mean_pool(
    history: Bool[ndarray, "users _"], similarities: Float[ndarray, "warm cold"]
) -> Float[ndarray, "users cold"]:
    """Mean similarity of a candidate to the items that a user clicked.

    Raises
    ------
    ValueError
        If a user has no click, or a similarity is not finite.
    """
    check_history(history, similarities)
    return history @ similarities / history.sum(axis=1, keepdims=True)


def attention_pool(
    history: Bool[ndarray, "users _"],
    similarities: Float[ndarray, "warm cold"],
    temperature: float,
) -> Float[ndarray, "users cold"]:
    """Soft maximum of a candidate's similarities to the items that a user clicked.

    Its derivative by a similarity is the softmax weight of the clicked item: items
    that are like the candidate count, others do not.

    Raises
    ------
    ValueError
        If a user has no click, a similarity is not finite, or the temperature is not
        positive.

    Examples
    --------
    >>> history, cosines = np.array([[True, True]]), np.array([[1.0, 0.7], [0.0, 0.7]])
    >>> mean_pool(history, cosines)
    array([[0.5, 0.7]])
    >>> attention_pool(history, cosines, temperature=0.1).round(2)
    array([[1.  , 0.77]])
    """
    check_history(history, similarities)
    check_temperature(temperature)
    top = similarities.max(axis=0)
    sums = history @ np.exp((similarities - top) / temperature)
    pooled = top + temperature * np.log(np.maximum(sums, TINY))
    for user in np.flatnonzero((sums <= TINY).any(axis=1)):  # they vanished
        own = similarities[history[user]] / temperature
        pooled[user] = temperature * logsumexp(own, axis=0)
    return pooled
