"""Which ad for whom? Thompson sampling in each segment, and private counts.

Thompson (1933), https://doi.org/10.1093/biomet/25.3-4.285: show the creative whose
click rate is largest in one draw from the posterior. Li et al. (2010), LinUCB,
https://arxiv.org/abs/1003.0146. Dwork and Roth (2014), Laplace mechanism,
https://doi.org/10.1561/0400000042.

Glossary::

    S, F           clicks, misses   impressions with and without a click
    alpha, beta    prior            clicks and misses to begin with
    epsilon        epsilon          privacy loss of one impression

Axes::

    worlds         independent copies of the experiment; there may be none
    segments       groups of users
    creatives      the ads to choose from
    impressions    times that an ad is shown
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real
from numpy import ndarray

Counts = Real[ndarray, "*worlds segments creatives"]
Numbers = Float[ndarray, "*worlds segments creatives"]
Choices = Int[ndarray, "*worlds impressions"]


class Beta(NamedTuple):
    """A beta distribution of the click rate for each segment and creative."""

    alpha: Numbers
    beta: Numbers


def check_counts(clicks: Counts, misses: Counts) -> None:
    """Raise a ValueError unless there are counts, and none is negative or NaN."""
    if clicks.shape != misses.shape or clicks.ndim < 2 or not clicks.size:
        raise ValueError(f"clicks {clicks.shape}, misses {misses.shape}: no table")
    for name, counts in {"clicks": clicks, "misses": misses}.items():
        if not (np.isfinite(counts) & (counts >= 0)).all():
            raise ValueError(f"{name} from {counts.min()} to {counts.max()}")


def check_positive(**values: float | ndarray) -> None:
    """Raise a ValueError that names the first value that is not above 0 and finite."""
    for name, value in values.items():
        if not (np.isfinite(value) & np.greater(value, 0)).all():
            raise ValueError(f"{name} must be positive and finite, got {value}")


def posterior(
    clicks: Counts, misses: Counts, prior: tuple[float, float] = (1.0, 1.0)
) -> Beta:
    """Beta(alpha + clicks, beta + misses).

    Examples
    --------
    >>> posterior(np.array([[3, 0]]), np.array([[97, 10]])).alpha
    array([[4., 1.]])
    """
    check_counts(clicks, misses)
    check_positive(alpha=prior[0], beta=prior[1])
    return Beta(prior[0] + clicks, prior[1] + misses)


def thompson(rates: Beta, segment: Choices, rng: np.random.Generator) -> Choices:
    """For each impression, the creative with the largest click rate in one draw.

    Raises
    ------
    ValueError
        If a segment has no row in the table, or a parameter is not positive.

    Examples
    --------
    >>> sure = Beta(np.array([[90.0, 1.0], [1.0, 90.0]]), np.full((2, 2), 100.0))
    >>> thompson(sure, np.array([0, 1, 1]), np.random.default_rng(0))
    array([0, 1, 1])
    """
    segments = rates.alpha.shape[-2]
    if segment.size and not 0 <= segment.min() <= segment.max() < segments:
        raise ValueError(
            f"segments {segment.min()} to {segment.max()} in a table of {segments}"
        )
    if not (np.minimum(*rates) > 0).all():
        raise ValueError(f"parameters from {np.minimum(*rates).min()}, not above 0")
    row = segment[..., None]
    alpha, beta = (np.take_along_axis(part, row, axis=-2) for part in rates)
    return rng.beta(alpha, beta).argmax(axis=-1)


def linucb(clicks: Counts, misses: Counts, alpha: float) -> Numbers:
    """Upper confidence bounds of LinUCB whose context says which segment it is.

    The ridge regression (lambda = 1) of such contexts is a shrunken mean per segment.

    Examples
    --------
    >>> linucb(np.array([[3, 0]]), np.array([[96, 0]]), alpha=0.5)
    array([[0.08, 0.5 ]])
    """
    check_counts(clicks, misses)
    check_positive(alpha=alpha)
    weight = 1 + clicks + misses
    return clicks / weight + alpha / np.sqrt(weight)


def private(counts: Counts, epsilon: float, rng: np.random.Generator) -> Numbers:
    """Counts with Laplace noise of scale 1 / epsilon.

    Adding or removing one impression changes one count by 1. So it changes the
    probability of any outcome by a factor of at most exp(epsilon).
    """
    if not counts.size or not np.isfinite(counts).all():
        raise ValueError(f"{counts.shape} counts, some missing")
    check_positive(epsilon=epsilon)
    return counts + rng.laplace(scale=1 / epsilon, size=counts.shape)
