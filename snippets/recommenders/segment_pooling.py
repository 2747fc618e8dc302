"""What one segment may learn about a creative from the others: partial pooling.

The click rates of a creative differ between segments like draws from
Beta(kappa m, kappa (1 - m)). The larger kappa is, the more alike are the segments.

Glossary::

    kappa          strength         most impressions that others are worth
    alpha, beta    prior            clicks and misses to begin with

Axes::

    worlds         independent copies of the experiment; there may be none
    segments       groups of users
    creatives      the ads to choose from
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.special import betaln

from snippets.recommenders.generative_advertising import (
    Beta,
    Counts,
    check_counts,
    check_positive,
)


def partial_pooling(
    clicks: Counts,
    misses: Counts,
    strength: float | Float[ndarray, "*worlds 1 1"],
    prior: tuple[float, float] = (1.0, 30.0),
) -> Beta:
    """Prior of each segment, from what the *other* segments know of a creative.

    A segment with n impressions tells another one as much as n k / (n + k) of its
    own, k being the strength: never more than k.
    """
    check_counts(clicks, misses)
    check_positive(strength=strength, alpha=prior[0], beta=prior[1])
    worth = strength / (strength + clicks + misses)  # of one impression
    hits, fails = worth * clicks, worth * misses
    hits = prior[0] + hits.sum(axis=-2, keepdims=True) - hits  # of the others
    fails = prior[1] + fails.sum(axis=-2, keepdims=True) - fails
    worth = strength / (strength + hits + fails)
    return Beta(worth * hits, worth * fails)


def fit_strength(
    clicks: Counts,
    misses: Counts,
    candidates: Sequence[float],
    prior: tuple[float, float] = (1.0, 30.0),
) -> Float[ndarray, "*worlds 1 1"]:
    """The candidate under which the clicks of all segments are most likely.

    This is empirical Bayes: each segment's clicks are beta-binomial.
    """
    fits = []
    for strength in candidates:
        a, b = partial_pooling(clicks, misses, strength, prior)
        fits.append((betaln(a + clicks, b + misses) - betaln(a, b)).sum(axis=(-2, -1)))
    return np.asarray(candidates, float)[np.argmax(fits, axis=0)][..., None, None]
