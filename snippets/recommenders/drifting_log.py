"""A synthetic shop whose customers drift from shelf to shelf, and its best predictors.

A customer stays in one department and takes a random item from the current shelf. Then
the customer goes on to the next shelf with probability ``MOVE``, or stays. Each
department has its own circular order of shelves. An item's code is (department, shelf,
slot), and no level shares a token with another. A third of the slots is empty.

Axes::

    users     customers, each with one history
    items     of the shop: those of a shelf are neighbors
    seq       places of a history, from old to new
    shelves   of a department
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.special import comb

DEPARTMENTS, SHELVES, SLOTS, STOCK, MOVE = 6, 4, 15, 10, 0.7
ITEMS, VOCAB = DEPARTMENTS * SHELVES * STOCK, DEPARTMENTS + SHELVES + SLOTS

Histories = Int[ndarray, "users seq"]
Scores = Float[ndarray, "users items"]


class Shop(NamedTuple):
    """The catalog, and where customers go."""

    codes: Int[ndarray, "items 3"]
    rings: Int[ndarray, "departments shelves"]
    """The shelves of a department in the order in which customers visit them."""


def draw_shop(rng: np.random.Generator) -> Shop:
    """Choose the slots that have an item, and the orders of shelves."""
    slots = np.argsort(rng.random((DEPARTMENTS * SHELVES, SLOTS)), axis=1)[:, :STOCK]
    shelf = np.arange(DEPARTMENTS * SHELVES).repeat(STOCK)
    department, inside = np.divmod(shelf, SHELVES)
    tokens = (department, DEPARTMENTS + inside, VOCAB - SLOTS + np.sort(slots).ravel())
    rings = np.argsort(rng.random((DEPARTMENTS, SHELVES)), axis=1)
    return Shop(np.stack(tokens, axis=1), rings)


def draw_walks(
    shop: Shop, users: int, length: int, rng: np.random.Generator
) -> Histories:
    """The shelf of each customer at each step, numbered over all departments."""
    department = rng.integers(DEPARTMENTS, size=(users, 1))
    moves = rng.random((users, length)) < MOVE
    moves[:, 0] = False
    place = rng.integers(SHELVES, size=(users, 1)) + moves.cumsum(axis=1)
    return department * SHELVES + shop.rings[department, place % SHELVES]


def draw_items(
    walks: Histories, sold: Bool[ndarray, " items"], rng: np.random.Generator
) -> Histories:
    """A random item of each shelf, among those that are sold.

    Raises
    ------
    ValueError
        If a shelf that a customer visits sells nothing.
    """
    stock = sold.reshape(-1, STOCK)[walks]
    if not stock.any(axis=-1).all():
        raise ValueError(
            f"{(~stock.any(axis=-1)).sum()} visits to a shelf sell nothing"
        )
    return walks * STOCK + np.where(stock, rng.random(stock.shape), -1).argmax(axis=-1)


class Launch(NamedTuple):
    """Histories from before the launch of new items, one on each shelf."""

    sold: Bool[ndarray, " items"]
    """False for the new items."""
    sequences: Histories
    """For training, without new items."""
    seen: Histories
    """Histories of other customers, for a test, without new items."""
    old: Int[ndarray, " tested"]
    """For each of ``seen``, the next item if it is an old one."""
    new: Int[ndarray, " tested"]
    """The same if it is a new one, from the same shelf."""


def draw_launch(
    shop: Shop, users: int, tested: int, length: int, rng: np.random.Generator
) -> Launch:
    """Choose the new items, and draw histories without them."""
    old = np.arange(ITEMS).reshape(-1, STOCK) % STOCK > 0
    sold = rng.permuted(old, axis=1).ravel()
    walks = draw_walks(shop, users + tested, length + 1, rng)
    drawn = draw_items(walks, sold, rng)
    seen, next_old = drawn[users:, :-1], drawn[users:, -1]
    next_new = draw_items(walks[users:, -1:], ~sold, rng)[:, 0]
    return Launch(sold, drawn[:users], seen, next_old, next_new)


def scores_of_shelves(chances: Float[ndarray, "users all_shelves"]) -> Scores:
    """The same chance for each item of a shelf."""
    return chances.repeat(STOCK, axis=1) / STOCK


def best_ordered(shop: Shop, histories: Histories) -> Scores:
    """Probability of each item to be next: no predictor finds more."""
    department, last = np.divmod(histories[:, -1] // STOCK, SHELVES)
    place = (shop.rings[department] == last[:, None]).argmax(axis=1)
    following = shop.rings[department, (place + 1) % SHELVES]
    chances = np.zeros((len(histories), DEPARTMENTS, SHELVES))
    users = np.arange(len(histories))
    chances[users, department, last] = 1 - MOVE
    chances[users, department, following] = MOVE
    return scores_of_shelves(chances.reshape(len(histories), -1))


def best_unordered(shop: Shop, histories: Histories) -> Scores:
    """The same for a predictor that is not told the order of the history.

    A walk from place f of the ring that moves J times has v visits to each place. If n
    items are of this place, they split into v groups in C(n - 1, v - 1) ways. So the
    weight of f and J is the product of these over all places, times the probability
    of J moves in a given pattern.
    """
    users, length = histories.shape
    department = histories[:, 0] // STOCK // SHELVES
    ring = shop.rings[department]  # users, places
    inside = histories // STOCK % SHELVES
    counts = (inside[:, :, None] == ring[:, None]).sum(axis=1)
    last = np.zeros((users, SHELVES))
    for first in range(SHELVES):
        for moves in range(length):
            places = (first + np.arange(moves + 1)) % SHELVES
            visits = np.bincount(places, minlength=SHELVES)
            ways = np.where(visits > 0, comb(counts - 1, visits - 1), counts == 0)
            chance = MOVE**moves * (1 - MOVE) ** (length - 1 - moves)
            last[:, places[-1]] += chance * ways.prod(axis=1)
    last /= last.sum(axis=1, keepdims=True)
    chances = np.zeros((users, DEPARTMENTS, SHELVES))
    rows = np.arange(users)[:, None]
    goes_on = MOVE * np.roll(last, 1, axis=1) + (1 - MOVE) * last
    chances[rows, department[:, None], ring] = goes_on
    return scores_of_shelves(chances.reshape(users, -1))
