"""Expectation-maximization: guess what is hidden, estimate as if it were seen, repeat.

Dempster, Laird and Rubin (1977), https://doi.org/10.1111/j.2517-6161.1977.tb01600.x

Glossary::

    r_ik          resp         responsibilities, computed by the E step
    q(z)          resp         any guess of what is hidden
    F(q, theta)   evidence_lower_bound
    p_k, h_i, n   chances, heads, throws
    pi, mu, Sigma Mixture.weights, .means, .covariances
    J_c           complete     information if the components were seen

Axes::

    samples     observations: sets of throws, or points
    features    coordinates of a point
    components  what a sample may have been drawn from: coins, or normal densities
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray

from snippets.classical.maximum_likelihood import (
    coin_derivatives,
    coin_log_joint,
    responsibilities,
)

Responsibilities = Float[ndarray, "components samples"]
Chances = Float[ndarray, " components"]
Counts = Real[ndarray, " samples"]
Points = Real[ndarray, "samples features"]


def coin_m_step(resp: Responsibilities, heads: Counts, throws: int) -> Chances:
    """Heads over throws of each coin, each set weighted by its responsibility.

    Examples
    --------
    Nine heads of ten, three quarters of them the first coin's, and one of ten:

    >>> resp = np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> coin_m_step(resp, np.array([9, 1]), throws=10)
    array([0.7, 0.3])
    """
    counts = throws * resp.sum(axis=1)
    if counts.min() < 1e-9:
        raise ValueError(f"coin {counts.argmin()} has no throws left")
    return resp @ heads / counts


def em_coins(
    chances: Chances, heads: Counts, throws: int, iterations: int
) -> Iterator[Chances]:
    """The start, and the chances after each iteration of E step and M step.

    Raises ``ValueError`` if a coin is left with heads alone, or with tails alone.
    """
    yield chances
    for _ in range(iterations):
        resp = responsibilities(coin_log_joint(chances, heads, throws))
        chances = coin_m_step(resp, heads, throws)
        yield chances


def evidence_lower_bound(log_joint: Responsibilities, resp: Responsibilities) -> float:
    """Lower bound on the log-likelihood, for any guess of what is hidden.

    Examples
    --------
    One sample that either component explains with probability 1/4. A guess that is
    sure of one component loses half of the likelihood:

    >>> log_joint = np.log(np.full((2, 1), 0.25))
    >>> np.exp(evidence_lower_bound(log_joint, np.array([[0.5], [0.5]]))).round(10)
    np.float64(0.5)
    >>> np.exp(evidence_lower_bound(log_joint, np.array([[1.0], [0.0]]))).round(10)
    np.float64(0.25)
    """
    if not np.allclose(resp.sum(axis=0), 1) or np.any(resp < 0):
        raise ValueError("resp must not be negative, and add up to 1 for each sample")
    taken = resp > 0  # elsewhere log_joint may be minus infinity
    return float((resp[taken] * (log_joint[taken] - np.log(resp[taken]))).sum())


class Mixture(NamedTuple):
    """Normal densities, and how often each of them is drawn from."""

    weights: Float[ndarray, " components"]
    means: Float[ndarray, "components features"]
    covariances: Float[ndarray, "components features features"]


def check(points: Points) -> None:
    """Raise ``ValueError`` for points that no density can be fitted to."""
    if points.size == 0 or not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape} are empty or not finite")


def mixture_log_joint(mixture: Mixture, points: Points) -> Responsibilities:
    """Log-density of each component, drawn by its weight, at each of the points."""
    check(points)
    weights, means, covariances = mixture
    widths = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))[:, None]
    units = np.where(widths > 0, widths, 1)  # (components, 1, features)
    correlations = covariances / units / units.mT
    eigenvalues = np.linalg.eigvalsh(correlations)  # (components, features), ascending
    flat = eigenvalues[:, 0] <= 1e-12 * eigenvalues[:, -1]
    if flat.any():
        number = int(flat.argmax())
        raise ValueError(f"covariance of component {number} is singular")
    roots = np.linalg.cholesky(correlations)
    apart = (points - means[:, None]) / units  # (components, samples, features)
    scaled = np.linalg.solve(roots, apart.mT)  # (components, features, samples)
    logs = np.log(2 * np.pi * eigenvalues * units[:, 0] ** 2).sum(axis=1)
    log_density = -((scaled**2).sum(axis=1) + logs[:, None]) / 2
    return np.log(weights)[:, None] + log_density


def mixture_m_step(
    points: Points, resp: Responsibilities, reg_covar: float = 0.0
) -> Mixture:
    """Weights, means and covariances, each point weighted by its responsibility.

    ``reg_covar`` is added to the variances, so that none of them can reach zero.
    """
    check(points)
    counts = resp.sum(axis=1)
    if counts.min() < 1e-9:
        raise ValueError(f"component {counts.argmin()} has no points left")
    means = resp @ points / counts[:, None]
    apart = points - means[:, None]  # (components, samples, features)
    squares = np.einsum("ks,ksf,ksg->kfg", resp, apart, apart)
    covariances = squares / counts[:, None, None] + reg_covar * np.eye(points.shape[1])
    return Mixture(counts / len(points), means, covariances)


def kmeans_plusplus(
    points: Points, components: int, rng: np.random.Generator
) -> Float[ndarray, "components features"]:
    """Starting means: points drawn in proportion to their squared distance.

    The distance is that to the nearest mean drawn so far, so far points are likely.

    References
    ----------
    Arthur and Vassilvitskii (2007), k-means++: The advantages of careful seeding.

    Examples
    --------
    Points that are equal to one already drawn are never drawn:

    >>> points = np.array([[0.0], [0.0], [0.0], [9.0]])
    >>> sorted(kmeans_plusplus(points, 2, np.random.default_rng(0)).ravel().tolist())
    [0.0, 9.0]
    """
    check(points)
    if not 1 <= components <= len(np.unique(points, axis=0)):
        raise ValueError(f"{components} components, but fewer different points")
    points = points.astype(float)  # differences of unsigned integers would wrap
    means = [points[rng.integers(len(points))]]
    while len(means) < components:
        apart = points[:, None] - np.array(means)  # (samples, drawn, features)
        nearest = (apart**2).sum(axis=2).min(axis=1)
        means.append(points[rng.choice(len(points), p=nearest / nearest.sum())])
    return np.array(means)


def initial_mixture(
    points: Points, means: Real[ndarray, "components features"], reg_covar: float
) -> Mixture:
    """The M step, with each point wholly in the component of the nearest mean."""
    apart = points[:, None].astype(float) - means  # (samples, components, features)
    nearest = (apart**2).sum(axis=2).argmin(axis=1)
    return mixture_m_step(points, np.eye(len(means))[:, nearest], reg_covar)


def em_mixture(
    points: Points, start: Mixture, iterations: int, reg_covar: float = 0.0
) -> Iterator[Mixture]:
    """The start, and the mixture after each iteration of E step and M step."""
    mixture = start
    yield mixture
    for _ in range(iterations):
        resp = responsibilities(mixture_log_joint(mixture, points))
        mixture = mixture_m_step(points, resp, reg_covar)
        yield mixture


def convergence_rate(chances: Chances, heads: Counts, throws: int) -> float:
    """Factor by which an iteration shrinks the distance to a maximum, ``chances``.

    Raises
    ------
    ValueError
        If an iteration still moves the chances by more than 0.001. The information
        ``complete`` is the second derivative only where the gradient is zero.
    """
    resp = responsibilities(coin_log_joint(chances, heads, throws))
    complete = throws * resp.sum(axis=1) / (chances * (1 - chances))
    slope, hessian = coin_derivatives(chances, heads, throws)
    moved = np.abs(slope / complete).max()  # by one iteration
    if moved > 1e-3:
        raise ValueError(f"not a maximum: an iteration moves the chances by {moved:g}")
    missing = np.diag(complete) + hessian
    return float(np.linalg.eigvals(missing / complete[:, None]).real.max())
