"""Fit a scaling law to runs: Huber losses of log L, many starts.

Hoffmann et al. (2022), Training Compute-Optimal Large Language Models, approach 3

Symbols::

    a_0, b_0, e    theta    log A, log B, log E; then alpha and beta
    delta          delta    where the Huber loss turns from a square to a line

Axes::

    runs    trained models: one size, one number of tokens, one final loss
"""

from itertools import product

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from snippets.training.scaling_laws import Law

# log A, log B, log E, alpha, beta
STARTS = tuple(product((5.0, 10.0), (5.0, 10.0), (0.0, 0.5), (0.3, 0.6), (0.3, 0.6)))


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
        If there are fewer than five runs, three sizes or three numbers of tokens, the
        arrays differ in length, or a value is not finite and positive.
    """
    if not len(N) == len(D) == len(L) >= 5:
        raise ValueError(f"{len(N)} sizes, {len(D)} tokens, {len(L)} losses")
    if min(len(np.unique(N)), len(np.unique(D))) < 3:
        raise ValueError(f"three different sizes and tokens are needed: {N=}, {D=}")
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
