"""Scaling laws: the loss as a function of size and data, and how to spend a budget.

Hoffmann et al. (2022), Training Compute-Optimal Large Language Models; constants also
of Besiroglu et al. (2024), Chinchilla Scaling: A Replication Attempt; inference by
Sardana et al. (2024), Beyond Chinchilla-Optimal

Symbols::

    N            N         parameters; from another paper, see which it counts
    D            D         tokens read in training; D_inf is ``served``
    C            C         floating-point operations of the training, 6 N D
    L, l         L, loss   nats per token
    a_0, b_0, e  theta     log A, log B, log E; then alpha and beta

Axes::

    runs    trained models: one size, one number of tokens, one final loss
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq, minimize


class Law(NamedTuple):
    """Constants of L(N, D) = E + A / N**alpha + B / D**beta, in nats per token."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float


class Allocation(NamedTuple):
    """Parameters and tokens of one training."""

    N: float
    D: float


PUBLISHED = {
    "Hoffmann, rounded": Law(1.69, 406.4, 410.7, 0.34, 0.28),
    "Hoffmann, TeX source": Law(1.6934, 406.4, 410.7, 0.3392, 0.2849),
    "Besiroglu": Law(1.8172, 482.01, 2085.43, 0.3478, 0.3658),
}
# log A, log B, log E, alpha, beta
STARTS = tuple(product((5.0, 10.0), (5.0, 10.0), (0.0, 0.5), (0.3, 0.6), (0.3, 0.6)))


def predicted_loss(
    law: Law,
    N: float | Float[np.ndarray, " runs"],
    D: float | Float[np.ndarray, " runs"],
) -> float | Float[np.ndarray, " runs"]:
    """The loss of models of ``N`` parameters after ``D`` tokens.

    Examples
    --------
    >>> predicted_loss(Law(1.0, 8.0, 9.0, 1.0, 0.5), 4.0, 81.0)
    4.0
    """
    if not (np.all(N > 0) and np.all(D > 0)):
        raise ValueError(f"sizes must be positive: N={N}, D={D}")
    return law.E + law.A / N**law.alpha + law.B / D**law.beta


def compute_optimal(law: Law, C: float) -> Allocation:
    """The smallest loss with 6 N D = C.

    Raises
    ------
    ValueError
        If the budget, or a constant other than ``E``, is not positive.

    Examples
    --------
    >>> compute_optimal(Law(0.0, 3.0, 3.0, 0.5, 0.5), C=600.0)
    Allocation(N=10.0, D=10.0)
    """
    _, A, B, alpha, beta = law
    if not (C > 0 and min(A, B, alpha, beta) > 0):
        raise ValueError(f"no optimum for {C=} and {law}")
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * (C / 6) ** (beta / (alpha + beta))
    return Allocation(N, C / 6 / N)


def huber_objective(
    theta: Float[np.ndarray, "5"],
    log_N: Float[np.ndarray, " runs"],
    log_D: Float[np.ndarray, " runs"],
    log_L: Float[np.ndarray, " runs"],
    delta: float,
) -> tuple[float, Float[np.ndarray, "5"]]:
    """Sum of Huber losses of log L, and its gradient."""
    a, b, e, alpha, beta = theta
    terms = np.array([a - alpha * log_N, b - beta * log_D, np.full_like(log_N, e)])
    total = np.logaddexp.reduce(terms, axis=0)
    share = np.exp(terms - total)
    error = total - log_L
    pull = np.clip(error, -delta, delta)  # derivative of the Huber loss
    size = abs(error)
    huber = np.where(size <= delta, error**2 / 2, delta * (size - delta / 2))
    by_term = share @ pull
    slopes = -(share[0] * pull) @ log_N, -(share[1] * pull) @ log_D
    return huber.sum(), np.array([*by_term, *slopes])


def fit_law(
    N: Float[np.ndarray, " runs"],
    D: Float[np.ndarray, " runs"],
    L: Float[np.ndarray, " runs"],
    *,
    delta: float = 1e-3,
    starts: tuple[tuple[float, ...], ...] = STARTS,
) -> Law:
    """The law with the smallest sum of Huber losses of log L.

    BFGS from each start; the best end counts.

    Raises
    ------
    ValueError
        If there are fewer runs than constants, their numbers differ, a value is not
        finite and positive, or ``delta`` is not positive.
    """
    if not len(N) == len(D) == len(L) >= 5:
        raise ValueError(f"{len(N)} sizes, {len(D)} tokens, {len(L)} losses")
    for name, values in (("N", N), ("D", D), ("L", L), ("delta", np.array(delta))):
        if not (np.all(values > 0) and np.all(np.isfinite(values))):
            raise ValueError(f"{name} must be positive and finite: {values}")
    logs = np.log(N), np.log(D), np.log(L)
    ends = [
        minimize(
            huber_objective,
            start,
            args=(*logs, delta),
            jac=True,
            method="BFGS",
            options={"gtol": 1e-8},
        )
        for start in starts
    ]
    a, b, e, alpha, beta = min(ends, key=lambda end: end.fun).x
    return Law(*map(float, (np.exp(e), np.exp(a), np.exp(b), alpha, beta)))


def isoflop_optimum(
    N: Float[np.ndarray, " runs"], L: Float[np.ndarray, " runs"]
) -> float:
    """Size at the vertex of a parabola in log N, fitted to runs of one budget.

    Raises
    ------
    ValueError
        If there are fewer than three sizes, or the parabola has no minimum.

    Examples
    --------
    >>> round(isoflop_optimum(np.array([1.0, 10.0, 100.0]), np.array([3.0, 2.0, 3.0])))
    10
    """
    if len(np.unique(N)) < 3:
        raise ValueError(f"a parabola needs three sizes, but N={N}")
    bend, slope, _ = np.polyfit(np.log(N), L, 2)
    if not bend > 0:
        raise ValueError(f"the losses {L} of N={N} have no minimum")
    return float(np.exp(-slope / (2 * bend)))


def inference_optimal(law: Law, loss: float, served: float) -> Allocation:
    """The fewest operations, 6 N D + 2 N served, that reach a loss.

    ``share`` is the part of the reducible loss that is due to N.

    Raises
    ------
    ValueError
        If the loss is not above ``E``, or ``served`` is negative.
    """
    E, A, B, alpha, beta = law
    if not (loss > E and served >= 0):
        raise ValueError(
            f"{loss=} must exceed {E=}, and {served=} must not be negative"
        )

    def sizes(share: float) -> Allocation:
        due_to_N, due_to_D = share * (loss - E), (1 - share) * (loss - E)
        return Allocation((A / due_to_N) ** (1 / alpha), (B / due_to_D) ** (1 / beta))

    def slope(share: float) -> float:  # has the sign of the derivative of the cost
        D = sizes(share).D
        return alpha * share * D - beta * (1 - share) * (D + served / 3)

    return sizes(brentq(slope, 1e-9, 1 - 1e-9, xtol=1e-14))
