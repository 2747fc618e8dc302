"""A mixture of normal densities as a generator, and scores for any generator.

Energy distance: Rizzo and Székely (2016), https://doi.org/10.1002/wics.1375.
The mixture is fitted by :mod:`snippets.classical.expectation_maximization`.

Symbols::

    p(x)           exp of mixture_log_density
    D^2(X, Y)      energy_distance

Axes::

    samples     points that were drawn or observed; ``others`` is a second set
    features    coordinates of a point
"""

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp

from snippets.classical.expectation_maximization import Mixture, mixture_log_joint

Points = Real[ndarray, "samples features"]
LogDensity = Float[ndarray, " samples"]


def energy_distance(first: Points, second: Real[ndarray, "others features"]) -> float:
    """Twice the mean distance between the sets, minus the mean distance within each.

    Raises
    ------
    ValueError
        If a set is empty or has a number that is not finite.

    Examples
    --------
    Two points a distance of 3 apart, and the same point twice:

    >>> zero, three = np.array([[0.0]]), np.array([[3.0]])
    >>> energy_distance(zero, three), energy_distance(zero, zero)
    (6.0, 0.0)
    """
    for points in (first, second):
        if points.size == 0 or not np.isfinite(points).all():
            raise ValueError(f"points of shape {points.shape} are empty or not finite")
    # pdist lists each pair of different points once; (i, j) and (j, i) both count
    within = [2 * pdist(x).sum() / len(x) ** 2 for x in (first, second)]
    return float(2 * cdist(first, second).mean() - sum(within))


def draw_mixture(mixture: Mixture, count: int, rng: np.random.Generator) -> Points:
    """Draw a component by its weight, then a point from its normal density."""
    kinds = rng.choice(len(mixture.weights), count, p=mixture.weights)
    roots = np.linalg.cholesky(mixture.covariances)[kinds]
    noise = rng.standard_normal((count, mixture.means.shape[1]))
    return mixture.means[kinds] + np.einsum("sfg,sg->sf", roots, noise)


def mixture_log_density(mixture: Mixture, points: Points) -> LogDensity:
    """Logarithm of the sum over the components."""
    return logsumexp(mixture_log_joint(mixture, points), axis=0)


def diluted_log_density(
    model: LogDensity, noise: LogDensity, share: float
) -> LogDensity:
    """Log-density of a generator that draws noise with probability ``share``.

    Examples
    --------
    Noise that never hits the data costs log 100 if it is drawn 99 times of 100:

    >>> never = np.array([-np.inf])
    >>> diluted_log_density(np.array([0.0]), never, share=0.99).round(2)
    array([-4.61])
    """
    if not 0 <= share < 1:
        raise ValueError(f"a share of {share} is not at least 0 and below 1")
    mixed = np.log1p(-share) + model
    return mixed if share == 0 else np.logaddexp(mixed, np.log(share) + noise)
