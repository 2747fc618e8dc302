"""Requests with known relevance, asked in several orders or by pairs.

Axes are those of :mod:`snippets.recommenders.llm_recommenders`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from snippets.recommenders.llm_recommenders import Design, draw_orders, places
from snippets.recommenders.simulated_ranker import Ranker, answer, scores
from snippets.recommenders.sliding_window import slide

Relevance = Float[ndarray, "runs items"]


class Trial(NamedTuple):
    relevance: Relevance
    orders: Int[ndarray, "runs calls items"]
    answers: Int[ndarray, "runs calls items"]
    scores: Float[ndarray, "runs calls items"]
    """Of each item in each call; a ranker that answers with a list hides them."""


def draw_trial(
    ranker: Ranker, design: Design, calls: int, runs: int, rng: np.random.Generator
) -> Trial:
    """Relevance is normal with variance 1."""
    relevance = rng.standard_normal((runs, design.shape[1]))
    orders = draw_orders(design, calls, runs, rng)
    drawn = scores(relevance, orders, ranker, rng)
    answers = np.take_along_axis(orders, (-drawn).argsort(axis=-1), axis=-1)
    by_item = np.take_along_axis(drawn, places(orders), axis=-1)
    return Trial(relevance, orders, answers, by_item)


def append_missing(
    answers: Int[ndarray, "runs calls named"], orders: Int[ndarray, "runs calls items"]
) -> Int[ndarray, "runs calls items"]:
    """Short answers, completed in the order of the prompt, as a careless parser does.

    Examples
    --------
    >>> append_missing(np.array([[[2]]]), np.array([[[0, 3, 2, 1]]]))
    array([[[2, 0, 3, 1]]])
    """
    named = (orders[..., None] == answers[..., None, :]).any(axis=-1)
    rest = np.take_along_axis(orders, named.argsort(axis=-1, stable=True), axis=-1)
    left = orders.shape[-1] - answers.shape[-1]
    return np.concatenate([answers, rest[..., :left]], axis=-1)


def by_windows(
    relevance: Relevance,
    ranker: Ranker,
    passes: int,
    rng: np.random.Generator,
    size: int = 4,
    step: int = 2,
) -> Relevance:
    """Items below each item, after passes of a window from a random order."""

    def rank(shown: ndarray) -> ndarray:
        return answer(relevance, shown[:, None], ranker, rng)[:, 0]

    runs, items = relevance.shape
    order = rng.permuted(np.tile(np.arange(items), (runs, 1)), axis=1)
    for _ in range(passes):
        order = slide(order, rank, size, step)
    return items - 1.0 - places(order)


def by_pairs(
    relevance: Relevance, ranker: Ranker, rng: np.random.Generator
) -> Relevance:
    """Wins of each item when each pair is asked about once in each order."""
    wins = np.zeros(relevance.shape)
    rows = np.arange(len(relevance))
    for pair in np.argwhere(~np.eye(relevance.shape[1], dtype=bool)):
        shown = np.tile(pair, (len(relevance), 1, 1))
        wins[rows, answer(relevance, shown, ranker, rng)[:, 0, 0]] += 1
    return wins
