"""Matrix factorization of ratings: alternating least squares (ALS), and fold-in.

The model is that of Koren, Bell and Volinsky (2009), the weighted penalty that of
Zhou, Wilkinson, Schreiber and Pan (2008).

Glossary::

    P, Q             users, items    of Factors; p_u and q_i are their rows
    lambda           penalty         weight of squared factors, for each known rating
    n_u              counts          known ratings of a user

Axes::

    users, items     rows and columns of the table
    ratings          known cells
    factors          entries of a row of P or Q; k in the text
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy import ndarray
from scipy.sparse import csr_array, csr_matrix
from scipy.sparse.linalg import svds

from snippets.recommenders.rating_biases import Biases, bias_ratings, known_cells


class Factors(NamedTuple):
    """Vectors whose dot products fill the table."""

    users: Float[ndarray, "users factors"]
    items: Float[ndarray, "items factors"]


def predict(
    users: Int[ndarray, " ratings"],
    items: Int[ndarray, " ratings"],
    biases: Biases,
    factors: Factors,
) -> Float[ndarray, " ratings"]:
    """The mean, plus both biases, plus the dot product of the factors."""
    ratings = bias_ratings(users, items, biases)
    return ratings + (factors.users[users] * factors.items[items]).sum(axis=1)


def solve_rows(
    weights: csr_array,
    targets: csr_array,
    items: Float[ndarray, "items factors"],
    penalties: Float[ndarray, " users"],
    shared: Float[ndarray, "factors factors"] | float = 0.0,
) -> Float[ndarray, "users factors"]:
    """Ridge regressions on the factors of items, one for each user.

    User u solves (shared + sum_i w_ui q_i q_i' + penalty_u I) p_u =
    sum_i t_ui q_i, where the sums run over the stored cells of the user.
    """
    k = items.shape[1]
    squares = (items[:, :, None] * items[:, None, :]).reshape(-1, k * k)
    left = (weights @ squares).reshape(-1, k, k) + shared
    left += penalties[:, None, None] * np.eye(k)
    return np.linalg.solve(left, (targets @ items)[..., None])[..., 0]


def fold_in(
    table: csr_array, items: Float[ndarray, "items factors"], penalty: float
) -> Float[ndarray, "users factors"]:
    """Factors of the users of a table, given those of the items: half a pass of ALS.

    A user without ratings gets zeros.

    Raises
    ------
    ValueError
        If the table does not fit the factors, if a rating or a factor is not finite,
        if the penalty is negative or not finite, or if it is 0 while a user has fewer
        ratings than factors.
    """
    if not items.size or table.shape[1] != len(items):
        raise ValueError(f"table of {table.shape}, but item factors of {items.shape}")
    if not (np.isfinite(table.data).all() and np.isfinite(items).all()):
        raise ValueError("ratings and factors must be finite")
    known = known_cells(table)
    counts = known.sum(axis=1)
    too_few = penalty == 0 and counts.min() < items.shape[1]
    if too_few or not 0 <= penalty < np.inf:
        raise ValueError(
            f"penalty {penalty} is not fit for {items.shape[1]} factors of a user "
            f"with {counts.min():.0f} ratings"
        )
    return solve_rows(known, table, items, penalty * np.maximum(counts, 1))


def als(
    table: csr_array,
    items: Float[ndarray, "items factors"],
    penalty: float,
    passes: int = 10,
    solve: Callable = fold_in,
) -> Factors:
    """Alternating least squares from the given factors of items."""
    if passes < 1:
        raise ValueError(f"ALS needs a pass or more, got {passes}")
    transposed = table.T.tocsr()
    for _ in range(passes):
        users = solve(table, items, penalty)
        items = solve(transposed, users, penalty)
    return Factors(users, items)


def objective(table: csr_array, factors: Factors, penalty: float) -> float:
    """What ALS lowers: squared errors plus `penalty` times squares, for each rating."""
    rows, columns = table.tocoo().coords
    p, q = factors.users[rows], factors.items[columns]
    errors = table.data - (p * q).sum(axis=1)
    return float((errors**2).sum() + penalty * ((p**2).sum() + (q**2).sum()))


def svd_factors(
    likes: Real[ndarray, "users items"] | Bool[ndarray, "users items"], rank: int
) -> Factors:
    """Factors of the best approximation of the likes; a missing one counts as 0."""
    if not 0 < rank < min(likes.shape):
        raise ValueError(f"rank must be from 1 to {min(likes.shape) - 1}, got {rank}")
    users, sizes, items = svds(csr_matrix(likes, dtype=float), k=rank, random_state=0)
    return Factors(users * sizes, items.T)
