"""A stand-in for a language model that ranks a list: relevance, position, and noise.

The score of an item at position p is ``gain[p] * relevance + offset[p] + noise``. The
ranker answers with the order of the scores and does not tell them.

Axes are those of :mod:`snippets.recommenders.llm_recommenders`; ``shown`` counts the
items that one call lists, which may be a part of all.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

Shown = Int[ndarray, "*runs calls shown"]
Relevance = Float[ndarray, "*runs items"]


class Ranker(NamedTuple):
    """What each position of the prompt does to a score."""

    offset: Float[ndarray, " positions"]
    gain: Float[ndarray, " positions"]
    noise: float
    """Standard deviation, drawn anew for each item and call."""


def unbiased(items: int, noise: float = 0.3) -> Ranker:
    return Ranker(np.zeros(items), np.ones(items), noise)


def linear(items: int, slope: float = 0.4, noise: float = 0.3) -> Ranker:
    """Each position lowers the score by the slope."""
    return unbiased(items, noise)._replace(offset=-slope * np.arange(items))


def u_shaped(items: int, slope: float = 0.4, noise: float = 0.3) -> Ranker:
    """A parabola, highest at both ends, that varies as much as the linear offset."""
    parabola = (np.arange(items) - (items - 1) / 2) ** 2
    spread = slope * np.arange(items).std() / max(parabola.std(), 1e-12)
    return unbiased(items, noise)._replace(offset=spread * (parabola - parabola.mean()))


def half_read(items: int, least: float = 0.2, noise: float = 0.3) -> Ranker:
    """In the middle of the list, less of the relevance enters the score."""
    centered = np.linspace(-1, 1, items)
    gain = 1 - (1 - least) * np.exp(-4 * centered**2)
    return unbiased(items, noise)._replace(gain=gain)


def scores(
    relevance: Relevance, orders: Shown, ranker: Ranker, rng: np.random.Generator
) -> Float[ndarray, "*runs calls shown"]:
    """The score of the item at each position of each prompt.

    Raises
    ------
    ValueError
        If a prompt lists more items than the ranker has positions, or an unknown one.
    """
    shown, known = orders.shape[-1], len(ranker.offset)
    if shown > known:
        raise ValueError(f"{shown} items for a ranker with {known} positions")
    if not 0 <= orders.min() <= orders.max() < relevance.shape[-1]:
        raise ValueError(f"item {orders.max()} of {relevance.shape[-1]}")
    found = np.take_along_axis(relevance[..., None, :], orders, axis=-1)
    noise = ranker.noise * rng.standard_normal(orders.shape)
    return ranker.gain[:shown] * found + ranker.offset[:shown] + noise


def answer(
    relevance: Relevance, orders: Shown, ranker: Ranker, rng: np.random.Generator
) -> Shown:
    """Items of each prompt, ranked by their scores, the best one first."""
    best_first = (-scores(relevance, orders, ranker, rng)).argsort(axis=-1)
    return np.take_along_axis(orders, best_first, axis=-1)
