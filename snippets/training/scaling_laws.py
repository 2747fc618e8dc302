"""Scaling laws: the loss as a function of size and data, and how to spend a budget.

Hoffmann et al. (2022), Training Compute-Optimal Large Language Models; constants also
of Besiroglu et al. (2024), Chinchilla Scaling: A Replication Attempt; inference by
Sardana et al. (2024), Beyond Chinchilla-Optimal

Symbols::

    N       N         parameters; papers differ in which they count
    D       D         tokens read in training; D_inf is ``served``
    C       C         floating-point operations of the training, 6 N D
    L, l    L, loss   nats per token

Axes::

    runs    trained models: one size, one number of tokens, one final loss
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq


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
        If the budget, or a constant other than ``E``, is not positive and finite.

    Examples
    --------
    >>> compute_optimal(Law(0.0, 3.0, 3.0, 0.5, 0.5), C=600.0)
    Allocation(N=10.0, D=10.0)
    """
    _, A, B, alpha, beta = law
    if not (0 < C < np.inf and all(0 < value < np.inf for value in law[1:])):
        raise ValueError(f"no optimum for {C=} and {law}")
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * (C / 6) ** (beta / (alpha + beta))
    return Allocation(N, C / 6 / N)


def isoflop_optimum(
    N: Float[np.ndarray, " runs"], L: Float[np.ndarray, " runs"]
) -> float:
    """Size at the vertex of a parabola in log N, fitted to runs of one budget.

    Raises
    ------
    ValueError
        If there are fewer than three sizes, or the parabola has no minimum among
        them.

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
    vertex = float(np.exp(-slope / (2 * bend)))
    if not min(N) <= vertex <= max(N):
        raise ValueError(f"the sizes do not surround the vertex {vertex:.3g}: {N}")
    return vertex


def inference_optimal(law: Law, loss: float, served: float) -> Allocation:
    """The fewest operations, 6 N D + 2 N served, that reach a loss.

    ``share`` is the part of the reducible loss that is due to N.

    Raises
    ------
    ValueError
        If the loss is not above ``E``, another constant is not positive,
        ``served`` is negative, or any of them is not finite.
    """
    E, A, B, alpha, beta = law
    positive = all(0 < value < np.inf for value in law[1:])
    if not (positive and -np.inf < E < loss < np.inf and 0 <= served < np.inf):
        raise ValueError(f"no training has {loss=} with {served=} and {law}")

    def sizes(share: float) -> Allocation:
        due_to_N, due_to_D = share * (loss - E), (1 - share) * (loss - E)
        return Allocation((A / due_to_N) ** (1 / alpha), (B / due_to_D) ** (1 / beta))

    def slope(share: float) -> float:  # has the sign of the derivative of the cost
        D = sizes(share).D
        return alpha * share * D - beta * (1 - share) * (D + served / 3)

    return sizes(brentq(slope, 1e-9, 1 - 1e-9, xtol=1e-14))
