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

from snippets.recommenders.matrix_factorization import Factors, als, solve_rows
from snippets.recommenders.rating_biases import check_numbers


def implicit_fold_in(
    confidence: csr_array,
    items: Float[ndarray, "items factors"],
    penalty: float,
) -> Float[ndarray, "users factors"]:
    """Factors of the users of a table of confidences, given those of the items.

    Raises
    ------
    ValueError
        If the table does not fit the factors, if a confidence or the penalty is
        not positive, or if a factor is not finite.
    """
    if not items.size or confidence.shape[1] != len(items):
        shapes = f"table of {confidence.shape}, item factors of {items.shape}"
        raise ValueError(shapes)
    if not ((confidence.data > 0) & (confidence.data < np.inf)).all():
        raise ValueError("confidences must be positive and finite")
    if not (0 < penalty < np.inf and np.isfinite(items).all()):
        message = f"penalty {penalty} must be positive, and all finite"
        raise ValueError(message)
    extra = confidence.copy()
    extra.data = confidence.data - 1.0
    penalties = np.full(confidence.shape[0], float(penalty))
    return solve_rows(extra, confidence, items, penalties, items.T @ items)


def implicit_als(
    confidence: csr_array,
    items: Float[ndarray, "items factors"],
    penalty: float,
    passes: int = 10,
) -> Factors:
    """Alternating least squares over all cells, from the given item factors."""
    return als(confidence, items, penalty, passes, solve=implicit_fold_in)


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
    full = users[chosen.all(axis=1)[users]]
    if len(full):
        raise ValueError(f"user {full[0]} has chosen all items")
    items = rng.integers(chosen.shape[1], size=len(users))
    while (again := chosen[users, items]).any():
        items[again] = rng.integers(chosen.shape[1], size=again.sum())
    return items


def add_rows(
    table: Float[ndarray, "rows factors"],
    numbers: Int[ndarray, " updates"],
    updates: Float[ndarray, "updates factors"],
) -> Float[ndarray, "rows factors"]:
    """The table plus all updates, also where a row has several: as `np.add.at`.

    Faster than it, unless the table is much longer than the list of updates.
    """
    k = table.shape[1]
    cells = numbers[:, None] * k + np.arange(k)
    sums = np.bincount(cells.ravel(), updates.ravel(), table.size)
    return table + sums.reshape(table.shape)


def bpr(
    users: Int[ndarray, " pairs"],
    chosen: Int[ndarray, " pairs"],
    others: Int[ndarray, " pairs"],
    start: Factors,
    batches: Iterable[Int[ndarray, " _"]],
    rate: float,
    penalty: float,
) -> Factors:
    """Factors after a step up log sigmoid(margin) for each batch of pairs."""
    P, Q = start
    check_numbers(users, len(P), "user")
    check_numbers(np.concatenate([chosen, others]), len(Q), "item")
    for batch in batches:
        u, both = users[batch], np.concatenate([chosen[batch], others[batch]])
        p, q = P[u], Q[both]
        apart = q[: len(u)] - q[len(u) :]
        margins = (p * apart).sum(axis=1)
        wrong = expit(-margins)[:, None]  # probability of the wrong order
        P = add_rows(P, u, rate * (wrong * apart - penalty * p))
        pull = np.concatenate([wrong * p, -wrong * p])
        Q = add_rows(Q, both, rate * (pull - penalty * q))
    return Factors(P, Q)
