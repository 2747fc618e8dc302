"""Expectation-maximization: guess what is hidden, estimate as if it were seen, repeat.

Dempster, Laird and Rubin (1977), https://doi.org/10.1111/j.2517-6161.1977.tb01600.x

Axes::

    samples     observations: rounds of throws, or points
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

Shares = Float[ndarray, "components samples"]
Chances = Float[ndarray, " components"]
Counts = Real[ndarray, " samples"]
Points = Real[ndarray, "samples features"]


def coin_estimates(shares: Shares, heads: Counts, throws: int) -> Chances:
    """Heads over throws of each coin, every round counted by its share.

    Examples
    --------
    Nine heads of ten, three quarters of them the first coin's, and one of ten:

    >>> shares = np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> coin_estimates(shares, np.array([9, 1]), throws=10)
    array([0.7, 0.3])
    """
    counts = throws * shares.sum(axis=1)
    if counts.min() < 1e-9:
        raise ValueError(f"coin {counts.argmin()} has no throws left")
    return shares @ heads / counts


def coins(
    chances: Chances, heads: Counts, throws: int, rounds: int
) -> Iterator[Chances]:
    """The start, and the chances after each round of expectation and maximization.

    A coin that is left with rounds of heads alone, or of tails, raises ``ValueError``.
    """
    yield chances
    for _ in range(rounds):
        shares = responsibilities(coin_log_joint(chances, heads, throws))
        chances = coin_estimates(shares, heads, throws)
        yield chances


def free_energy(log_joint: Shares, shares: Shares) -> float:
    """Lower bound on the log-likelihood, for any shares that add up to 1.

    Examples
    --------
    One sample that either component explains with probability 1/4; a sure guess
    leaves the other half out:

    >>> log_joint = np.log(np.full((2, 1), 0.25))
    >>> np.exp(free_energy(log_joint, np.array([[0.5], [0.5]]))).round(10)
    np.float64(0.5)
    >>> np.exp(free_energy(log_joint, np.array([[1.0], [0.0]]))).round(10)
    np.float64(0.25)
    """
    if not np.allclose(shares.sum(axis=0), 1) or np.any(shares < 0):
        raise ValueError("shares must not be negative, and add up to 1 for each sample")
    surprise = np.log(np.where(shares > 0, shares, 1.0))
    return float((shares * (log_joint - surprise)).sum())


class Mixture(NamedTuple):
    """Normal densities, and how often each of them is drawn from."""

    weights: Float[ndarray, " components"]
    means: Float[ndarray, "components features"]
    covariances: Float[ndarray, "components features features"]


def check(points: Points) -> None:
    """Raise ``ValueError`` for points that no density can be fitted to."""
    if points.size == 0 or not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape} are empty or not finite")


def mixture_log_joint(mixture: Mixture, points: Points) -> Shares:
    """Log-density of each component, drawn by its weight, at each of the points."""
    check(points)
    weights, means, covariances = mixture
    widths = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))[:, None]
    units = np.where(widths > 0, widths, 1)  # (components, 1, features)
    correlations = covariances / units / units.mT
    spreads = np.linalg.eigvalsh(correlations)  # (components, features), ascending
    flat = spreads[:, 0] <= 1e-12 * spreads[:, -1]
    if flat.any():
        number = int(flat.argmax())
        raise ValueError(f"covariance of component {number} is singular")
    roots = np.linalg.cholesky(correlations)
    apart = (points - means[:, None]) / units  # (components, samples, features)
    scaled = np.linalg.solve(roots, apart.mT)  # (components, features, samples)
    logs = np.log(2 * np.pi * spreads * units[:, 0] ** 2).sum(axis=1)
    log_density = -((scaled**2).sum(axis=1) + logs[:, None]) / 2
    return np.log(weights)[:, None] + log_density


def mixture_estimates(points: Points, shares: Shares, floor: float = 0.0) -> Mixture:
    """Weights, means and covariances, every point counted by its share.

    ``floor`` is added to the variances, so that no component becomes a spike.
    """
    check(points)
    counts = shares.sum(axis=1)
    if counts.min() < 1e-9:
        raise ValueError(f"component {counts.argmin()} has no points left")
    means = shares @ points / counts[:, None]
    apart = points - means[:, None]  # (components, samples, features)
    squares = np.einsum("ks,ksf,ksg->kfg", shares, apart, apart)
    covariances = squares / counts[:, None, None] + floor * np.eye(points.shape[1])
    return Mixture(counts / len(points), means, covariances)


def spread_around(
    points: Points, centers: Real[ndarray, "components features"]
) -> Mixture:
    """A start: equal weights, these means, each with the covariance of all points."""
    check(points)
    whole = np.cov(points.T, bias=True).reshape(2 * points.shape[1:])
    number = len(centers)
    covariances = np.repeat(whole[None], number, axis=0)
    return Mixture(np.full(number, 1 / number), centers.astype(float), covariances)


def gaussian_mixture(
    points: Points, start: Mixture, rounds: int, floor: float = 0.0
) -> Iterator[Mixture]:
    """The start, and the mixture after each round of expectation and maximization."""
    mixture = start
    yield mixture
    for _ in range(rounds):
        shares = responsibilities(mixture_log_joint(mixture, points))
        mixture = mixture_estimates(points, shares, floor)
        yield mixture


def incremental_mixture(
    points: Points, start: Mixture, passes: int, floor: float = 0.0
) -> Iterator[Mixture]:
    """The start, and the mixture after each pass that estimates anew at every point."""
    mixture, shares = start, responsibilities(mixture_log_joint(start, points))
    yield mixture
    origin = points.mean(axis=0)
    lifted = np.column_stack([np.ones(len(points)), points - origin])
    sums = np.einsum("ks,si,sj->kij", shares, lifted, lifted)  # all that is needed
    for _ in range(passes):
        for number, row in enumerate(lifted):
            new = responsibilities(
                mixture_log_joint(mixture, points[number : number + 1])
            )
            sums += (new - shares[:, number : number + 1])[:, :, None] * np.outer(
                row, row
            )
            shares[:, number] = new[:, 0]
            counts, totals = sums[:, 0, 0], sums[:, 0, 1:]
            means = totals / counts[:, None]
            squares = sums[:, 1:, 1:] / counts[:, None, None]
            covariances = squares - means[:, :, None] * means[:, None]
            covariances += floor * np.eye(points.shape[1])
            mixture = Mixture(counts / len(points), means + origin, covariances)
        yield mixture


def convergence_rate(chances: Chances, heads: Counts, throws: int) -> float:
    """Factor by which a round shrinks the distance to these chances, a maximum."""
    shares = responsibilities(coin_log_joint(chances, heads, throws))
    complete = throws * shares.sum(axis=1) / (chances * (1 - chances))
    _, bend = coin_derivatives(chances, heads, throws)
    missing = np.diag(complete) + bend
    return float(np.linalg.eigvals(missing / complete[:, None]).real.max())
