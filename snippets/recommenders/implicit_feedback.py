"""Factors from clicks: implicit ALS, and Bayesian personalized ranking (BPR).

Implicit ALS is that of Hu, Koren and Volinsky (2008), BPR that of Rendle,
Freudenthaler, Gantner and Schmidt-Thieme (2009). A table of confidences stores a
number for each item that a user chose. Every other cell has the preference 0 and
the confidence 1.

Glossary::

    c_ui          confidence     of a chosen item; others have 1
    p_ui          (1 or 0)       preference: whether the item was chosen
    x_u, y_i      users, items   of Factors
    lambda        penalty        of ALS for each row; of BPR for each pair
    x_uij         margins        score of a chosen item minus that of another
    alpha         rate           BPR: length of a step

Axes::

    users, items     rows and columns of the table
    pairs            a user, an item that the user chose, and one that they did not
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.special import expit

from snippets.recommenders.matrix_factorization import Factors, solve_rows
from snippets.recommenders.rating_biases import check_numbers


def implicit_fold_in(
    confidence: csr_array, items: Float[ndarray, "items factors"], penalty: float
) -> Float[ndarray, "users factors"]:
    """Factors of the users of a table of confidences, given those of the items.

    Raises
    ------
    ValueError
        If the table does not fit the factors, if a confidence or the penalty is not
        positive, or if a factor is not finite.
    """
    if not items.size or confidence.shape[1] != len(items):
        raise ValueError(f"table of {confidence.shape}, item factors of {items.shape}")
    if not ((confidence.data > 0) & (confidence.data < np.inf)).all():
        raise ValueError("confidences must be positive and finite")
    if not (penalty > 0 and np.isfinite(items).all()):
        raise ValueError(f"penalty {penalty} must be positive, and factors finite")
    extra = confidence.copy()
    extra.data = confidence.data - 1.0
    penalties = np.full(confidence.shape[0], float(penalty))
    return solve_rows(extra, confidence, items, penalties, shared=items.T @ items)


def implicit_als(
    confidence: csr_array,
    items: Float[ndarray, "items factors"],
    penalty: float,
    passes: int = 10,
) -> Factors:
    """Alternating least squares over all cells, from the given item factors."""
    if passes < 1:
        raise ValueError(f"ALS needs a pass or more, got {passes}")
    transposed = confidence.T.tocsr()
    for _ in range(passes):
        users = implicit_fold_in(confidence, items, penalty)
        items = implicit_fold_in(transposed, users, penalty)
    return Factors(users, items)


def draw_others(
    users: Int[ndarray, " pairs"],
    chosen: Bool[ndarray, "users items"],
    rng: np.random.Generator,
) -> Int[ndarray, " pairs"]:
    """For each pair, an item at random among those that its user did not choose.

    Raises
    ------
    ValueError
        If a user has chosen all items.
    """
    full = np.flatnonzero(chosen[users].all(axis=1))
    if len(full):
        raise ValueError(f"user {users[full[0]]} has chosen all items")
    items = rng.integers(chosen.shape[1], size=len(users))
    while (again := chosen[users, items]).any():
        items[again] = rng.integers(chosen.shape[1], size=again.sum())
    return items


def bpr(
    users: Int[ndarray, " pairs"],
    chosen: Int[ndarray, " pairs"],
    others: Int[ndarray, " pairs"],
    start: Factors,
    batches: Iterable[Int[ndarray, " _"]],
    rate: float,
    penalty: float,
) -> Factors:
    """Factors after a step for each batch of pairs, uphill on log sigmoid(margin)."""
    P, Q = start.users.copy(), start.items.copy()
    check_numbers(users, len(P), "user")
    check_numbers(np.concatenate([chosen, others]), len(Q), "item")
    for batch in batches:
        u, i, j = users[batch], chosen[batch], others[batch]
        p, apart = P[u], Q[i] - Q[j]
        margins = (p * apart).sum(axis=1)
        wrong = expit(-margins)[:, None]  # probability of the wrong order
        up, down = Q[i], Q[j]  # from before the step
        np.add.at(P, u, rate * (wrong * apart - penalty * p))
        np.add.at(Q, i, rate * (wrong * p - penalty * up))
        np.add.at(Q, j, rate * (-wrong * p - penalty * down))
    return Factors(P, Q)
