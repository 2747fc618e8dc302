"""An autoregressive generator of points: a table for x1, and one for x2 given x1.

Symbols::

    p(x)           exp of histogram_log_density
    p(x1)          Histogram.first, of its bins
    p(x2 | x1)     Histogram.second, a row for each bin of x1

Axes::

    samples     points that were drawn or observed
    features    coordinates of a point: two
    bins        intervals of equal width on each axis
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray

Points = Real[ndarray, "samples features"]
LogDensity = Float[ndarray, " samples"]


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
