"""Rankings of a list-wise ranker whose answers depend on the order in the prompt.

A list-wise ranker reads all candidates at once and answers with a ranking. Shuffling
the candidates and adding up the answers is the bootstrapping of Hou et al., 2023,
https://arxiv.org/abs/2305.08845. The balanced orders are those of Williams (1949).

Glossary::

    order      orders      items as the prompt lists them, from the first position
    answer     answers     items as the ranker ranks them, the best one first
    place      places      of an item in an answer, from 0, the best

Axes::

    runs       requests, one list of candidates each
    calls      answers to one request
    items      candidates
    rows       orders of a design, in which each item is a number from 0
"""

import math

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

Orders = Int[ndarray, "*runs calls items"]
Points = Float[ndarray, "*runs items"]
Design = Int[ndarray, "rows items"]


def check_permutations(lists: Orders) -> None:
    """Raise a ValueError unless each list has each item once."""
    items = np.arange(lists.shape[-1])
    wrong = (np.sort(lists, axis=-1) != items).any(axis=-1)
    if wrong.any() or not lists.size:
        counts = f"{wrong.sum()} of {wrong.size} lists"
        raise ValueError(f"{counts} do not have each of {len(items)} items once")


def places(lists: Orders) -> Orders:
    """Where each item stands in each list, from 0.

    Examples
    --------
    >>> places(np.array([[2, 0, 1]]))  # item 2 is first
    array([[1, 2, 0]])
    """
    check_permutations(lists)
    return lists.argsort(axis=-1)


def borda(answers: Orders) -> Points:
    """Borda count: the number of items below an item, averaged over the answers.

    Examples
    --------
    >>> borda(np.array([[0, 1, 2], [1, 0, 2]]))
    array([1.5, 1.5, 0. ])
    """
    return answers.shape[-1] - 1 - places(answers).mean(axis=-2)


def rotations(items: int, rows: int) -> Design:
    """The order 0, 1, 2, ..., begun at ``rows`` evenly spaced items.

    Examples
    --------
    >>> rotations(4, 2)
    array([[0, 1, 2, 3],
           [2, 3, 0, 1]])
    """
    if not 1 <= rows <= items:
        raise ValueError(f"rows must be from 1 to {items} items, got {rows}")
    starts = np.arange(rows) * items // rows
    return (np.arange(items) + starts[:, None]) % items


def williams(items: int) -> Design:
    """Each item once at each position, and as often after each other item as before.

    Each odd row is the row before it, reversed. For an odd number of items, there are
    twice as many rows, and each item is twice at each position.

    Examples
    --------
    >>> williams(4)
    array([[0, 1, 3, 2],
           [2, 3, 1, 0],
           [1, 2, 0, 3],
           [3, 0, 2, 1]])
    """
    if items < 2:
        raise ValueError(f"two items or more are needed, got {items}")
    steps = np.arange(items)
    zigzag = np.where(steps % 2, (steps + 1) // 2, -(steps // 2))
    count = items if items % 2 else items // 2
    shifts = np.array([*range(0, count, 2), *range(1, count, 2)])  # distant ones first
    rows = (zigzag + shifts[:, None]) % items
    return np.stack([rows, rows[:, ::-1]], axis=1).reshape(-1, items)


def draw_orders(
    design: Design, calls: int, runs: int, rng: np.random.Generator
) -> Int[ndarray, "runs calls items"]:
    """Orders by a design; its items are numbered at random, anew after the last row.

    A design with one row gives independent random orders.
    """
    check_permutations(design)
    if calls < 1 or runs < 1:
        raise ValueError(f"calls and runs must be positive, got {calls} and {runs}")
    rows, items = design.shape
    repeats = -(-calls // rows)
    names = rng.permuted(np.tile(np.arange(items), (runs, repeats, 1)), axis=-1)
    return names[..., design].reshape(runs, -1, items)[:, :calls]


def expected_tau(calls: int, items: int, slope: float, noise: float) -> float:
    """Kendall's tau of the mean score over many random orders.

    Relevance and noise are normal, relevance with variance 1; each position lowers the
    score by the slope. The mean of many calls is normal, too.

    Examples
    --------
    >>> round(expected_tau(10, items=10, slope=0.4, noise=0.3), 2)
    0.76
    """
    if calls < 1 or items < 2:
        raise ValueError(f"want a call and two items, got {calls} and {items}")
    error = noise**2 + slope**2 * items * (items + 1) / 12  # of one call
    return 2 / math.pi * math.asin(1 / math.sqrt(1 + error / calls))


def place_by_position(orders: Orders, answers: Orders) -> Float[ndarray, " items"]:
    """Mean place of the items at each position, over logged requests.

    If the orders were random, all positions had items that were equally good on
    average, so a difference is the ranker's.
    """
    found = np.take_along_axis(places(answers), orders, axis=-1)
    return found.reshape(-1, orders.shape[-1]).mean(axis=0)


def borda_corrected(
    orders: Orders, answers: Orders, expected: Float[ndarray, " items"]
) -> Points:
    """Borda count, less what the positions are expected to add to it."""
    shown = places(orders)
    return (expected[shown] - places(answers)).mean(axis=-2)
