"""Tables of ratings, and what users and items add to the mean: biases.

The model is that of Koren, Bell and Volinsky (2009). A table of ratings is a sparse
array of SciPy. A stored cell is a rating, even if it is 0; other cells are unknown.

Glossary::

    mu               mean            of the known ratings
    b_u, b_i         users, items    of Biases
    lambda           damping         weight of a squared bias

Axes::

    users, items     rows and columns of the table
    ratings          known cells
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real
from numpy import ndarray
from scipy.sparse import csr_array


class Biases(NamedTuple):
    """The mean, and by how much users and items differ from it."""

    mean: float
    users: Float[ndarray, " users"]
    items: Float[ndarray, " items"]


def check_numbers(numbers: Int[ndarray, " _"], size: int, kind: str) -> None:
    """Raise a ValueError if a number is not in a table of so many users or items."""
    wrong = numbers[(numbers < 0) | (numbers >= size)]
    if len(wrong):
        raise ValueError(f"{kind} {wrong[0]} in a table of {size}")


def rating_table(
    users: Int[ndarray, " ratings"],
    items: Int[ndarray, " ratings"],
    values: Real[ndarray, " ratings"],
    shape: tuple[int, int],
) -> csr_array:
    """A sparse table with a row for each user and a column for each item.

    Raises
    ------
    ValueError
        If there is no rating, if one is not finite, if a user or an item is not in
        the table, or if a cell is rated twice.
    """
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"{np.isfinite(values).sum()} of {len(values)} are finite")
    check_numbers(users, shape[0], "user")
    check_numbers(items, shape[1], "item")
    cells = np.unique(users.astype(np.int64) * shape[1] + items)
    if len(cells) < len(values):
        raise ValueError(f"{len(values)} ratings of {len(cells)} different cells")
    return csr_array((values.astype(float), (users, items)), shape=shape)


def known_cells(table: csr_array) -> csr_array:
    """The table with a 1 for each known rating."""
    known = table.copy()
    known.data = np.ones_like(table.data, dtype=float)
    return known


def fit_biases(
    table: csr_array, user_damping: float, item_damping: float, passes: int = 10
) -> Biases:
    """Biases that minimize squared errors plus damping times squared biases.

    Each is a mean over its ratings and `damping` more, which are 0. Users and
    items without ratings get 0.

    Examples
    --------
    >>> numbers = np.array([0, 1]), np.array([0, 0])
    >>> table = rating_table(*numbers, np.array([5, 4]), (2, 2))
    >>> fit_biases(table, user_damping=1.0, item_damping=1.0)
    Biases(mean=4.5, users=array([ 0.25, -0.25]), items=array([0., 0.]))
    """
    if not (user_damping > 0 and item_damping > 0):  # NaN is not
        both = f"{user_damping}, {item_damping}"
        raise ValueError(f"dampings {both} must be positive")
    mean, known, centered = table.data.mean(), known_cells(table), table.copy()
    centered.data = table.data - mean
    user_sums, item_sums = centered.sum(axis=1), centered.sum(axis=0)
    user_counts, item_counts = known.sum(axis=1), known.sum(axis=0)
    users = np.zeros(table.shape[0])
    for _ in range(passes):
        items = (item_sums - users @ known) / (item_counts + item_damping)
        users = (user_sums - known @ items) / (user_counts + user_damping)
    return Biases(float(mean), users, items)


def bias_ratings(
    users: Int[ndarray, " ratings"], items: Int[ndarray, " ratings"], biases: Biases
) -> Float[ndarray, " ratings"]:
    """The mean plus the bias of the user and that of the item."""
    check_numbers(users, len(biases.users), "user")
    check_numbers(items, len(biases.items), "item")
    return biases.mean + biases.users[users] + biases.items[items]


def residuals(table: csr_array, biases: Biases) -> csr_array:
    """The known ratings, minus what the biases predict."""
    left = table.copy()
    left.data = table.data - bias_ratings(*table.tocoo().coords, biases)
    return left
