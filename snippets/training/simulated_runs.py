"""Simulated training runs, whose law is known, and a fit that stops too early.

The range of sizes and budgets resembles Hoffmann et al. (2022): 44 million to 16
billion parameters

Axes::

    runs    one size, one number of tokens, one loss
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import OptimizeResult, minimize

from snippets.training.scaling_fit import huber_objective
from snippets.training.scaling_laws import Law, predicted_loss


class Runs(NamedTuple):
    """Parameters, tokens and losses of some models."""

    N: Float[np.ndarray, " runs"]
    D: Float[np.ndarray, " runs"]
    L: Float[np.ndarray, " runs"]

    def some(self, chosen: np.ndarray) -> "Runs":
        """The runs with these numbers."""
        return Runs(self.N[chosen], self.D[chosen], self.L[chosen])


def simulated_runs(law: Law, seed: int, *, noise: float, runs: int = 240) -> Runs:
    """Runs at random budgets and sizes; ``noise`` is the standard deviation of log L.

    Those with fewer than 0.2 or more than 1000 billion tokens are left out.
    """
    if not (noise >= 0 and runs >= 1):
        raise ValueError(f"no runs with {noise=}, {runs=}")
    random = np.random.default_rng(seed)
    C = 10 ** random.uniform(18.5, 21.8, runs)
    N = np.clip(10 ** random.uniform(7.6, 10.2, runs), 44e6, 16e9)
    D = C / 6 / N
    kept = (D > 2e8) & (D < 1e12)
    N, D = N[kept], D[kept]
    L = predicted_loss(law, N, D) * np.exp(random.normal(0, noise, len(N)))
    return Runs(N, D, L)


def lbfgs_fit(
    runs: Runs, start: tuple[float, ...], scale: float, delta: float = 1e-3
) -> OptimizeResult:
    """Minimize ``scale`` times the sum of Huber losses by SciPy's L-BFGS-B.

    Its tolerances are the defaults. ``fun`` of the result is divided by ``scale``
    again, so it is the sum.

    Raises
    ------
    ValueError
        If ``scale`` is not positive.
    """
    if not scale > 0:
        raise ValueError(f"{scale=} of the losses")
    logs = [np.log(values) for values in runs]

    def scaled(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = huber_objective(theta, *logs, delta)
        return scale * value, scale * gradient

    end = minimize(scaled, start, jac=True, method="L-BFGS-B")
    end.fun /= scale
    return end
