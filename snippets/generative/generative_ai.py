"""Two classical generators, and two scores for any generator.

Energy distance: Rizzo and Székely (2016), https://doi.org/10.1002/wics.1375.
The mixture is fitted by :mod:`snippets.classical.expectation_maximization`.

Symbols::

    p(x)           exp of mixture_log_density, histogram_log_density
    p(x1)          Histogram.first, of its bins
    p(x2 | x1)     Histogram.second, a row for each bin of x1
    D^2(X, Y)      energy_distance

Axes::

    samples     points that were drawn or observed; ``others`` is a second set
    features    coordinates of a point; a histogram has two
    bins        intervals of equal width on each axis
"""

from typing import NamedTuple

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


class Histogram(NamedTuple):
    """Probabilities of bins: first of x1, then of x2 in each bin of x1."""

    edges: Float[ndarray, " bins_and_1"]  # the same on both axes
    first: Float[ndarray, " bins"]
    second: Float[ndarray, "bins bins"]


def bin_numbers(edges: Float[ndarray, " bins_and_1"], points: Points) -> ndarray:
    """The bin of each coordinate; -1 or the number of bins if it is outside."""
    numbers = np.searchsorted(edges, points, side="right") - 1
    return numbers - (points == edges[-1])  # the last bin includes its upper edge


def fit_histogram(points: Points, edges: ndarray, added: float = 0.01) -> Histogram:
    """Count the points in each bin; ``added`` is added to each count.

    Raises
    ------
    ValueError
        If no point is given, one lies outside of the edges, the bins are not equally
        wide, or ``added`` is not above 0.

    Examples
    --------
    Three points in a square of four bins. Of the two on the left, one is low:

    >>> points = np.array([[0.5, 0.5], [0.5, 1.5], [1.5, 1.5]])
    >>> found = fit_histogram(points, np.array([0.0, 1.0, 2.0]), added=1e-9)
    >>> found.first.round(3), found.second.round(3).tolist()
    (array([0.667, 0.333]), [[0.5, 0.5], [0.0, 1.0]])
    """
    widths = np.diff(edges)
    equal = len(widths) > 0 and widths[0] > 0 and np.allclose(widths, widths[0])
    if not added > 0 or not equal:
        raise ValueError(f"no histogram with {added=} and widths {widths}")
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"needs points with two coordinates, not {points.shape}")
    inside = ((points >= edges[0]) & (points <= edges[-1])).all(axis=1)
    if not inside.all():
        raise ValueError(f"point {points[~inside][0]} is outside of {edges[[0, -1]]}")
    counts = np.full((len(widths), len(widths)), float(added))
    np.add.at(counts, tuple(bin_numbers(edges, points).T), 1)
    totals = counts.sum(axis=1)
    return Histogram(edges, totals / totals.sum(), counts / totals[:, None])


def draw_histogram(
    histogram: Histogram, count: int, rng: np.random.Generator
) -> Points:
    """Draw the bin of x1, then that of x2 given x1, then a place in the bin."""
    edges, first, second = histogram
    x1 = rng.choice(len(first), count, p=first)
    below = second[x1].cumsum(axis=1)
    lots = rng.random((count, 1)) * below[:, -1:]  # the sum may round below 1
    x2 = (lots >= below).sum(axis=1)
    corners = edges[np.stack([x1, x2], axis=1)]
    return corners + rng.random((count, 2)) * np.diff(edges)[0]


def histogram_log_density(histogram: Histogram, points: Points) -> LogDensity:
    """log p(x1) + log p(x2 | x1); minus infinity outside of the edges."""
    edges, first, second = histogram
    numbers = bin_numbers(edges, points)
    inside = ((numbers >= 0) & (numbers < len(first))).all(axis=1)
    x1, x2 = np.where(inside[:, None], numbers, 0).T
    log_density = np.log(first[x1]) + np.log(second[x1, x2])
    return np.where(inside, log_density - 2 * np.log(np.diff(edges)[0]), -np.inf)


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
