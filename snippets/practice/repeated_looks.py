"""How often a test that is looked at repeatedly finds a difference that is not there.

Armitage, McPherson and Rowe (1969), https://doi.org/10.2307/2343787 (constant
threshold); Pocock (1977), https://doi.org/10.1093/biomet/64.2.191 (its choice); Johari
et al. (2017), https://doi.org/10.1145/3097983.3097992 (p-values for any stopping time).

Glossary::

    S_n     sums        of the first n values, which have known standard deviation sigma
    z_n     S_n / (sigma sqrt(n)), a standard normal number if the true mean is 0
    tau     tau         standard deviation of the means that one expects
    Lambda  likelihood ratio of a mean drawn from N(0, tau^2) against the mean 0

Axes::

    runs    experiments
    values  of one experiment, in the order of their arrival
"""

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray
from scipy.optimize import brentq
from scipy.stats import norm

Number = float | int


def false_positive_rate(looks: int, threshold: Number, nodes: int = 200) -> float:
    """Probability that some abs(z_n) exceeds the threshold, for n = 1, ..., looks.

    The looks come after equal amounts of data, and the true mean is 0. ``density`` is
    that of S_n for the experiments that go on. The next value adds a normal number, so
    the next density is an integral, which Gauss's rule computes. A wide interval gets
    more than the given number of nodes, so that two are never farther apart than 1.

    Raises
    ------
    ValueError
        If there is no look, or the threshold is not above 0.

    Examples
    --------
    >>> round(false_positive_rate(1, 1.96), 4), round(false_positive_rate(10, 1.96), 4)
    (0.05, 0.1933)
    """
    if looks < 1 or not threshold > 0:
        raise ValueError(f"{looks=} must be 1 or more, {threshold=} above 0")
    nodes = max(nodes, int(4 * threshold * np.sqrt(looks)))
    points, weights = np.polynomial.legendre.leggauss(nodes)
    stopped = 2 * norm.sf(threshold)
    sums, density = threshold * points, norm.pdf(threshold * points)
    weight = threshold * weights
    for n in range(2, looks + 1):
        limit = threshold * np.sqrt(n)
        beyond = norm.sf(limit - sums) + norm.sf(limit + sums)
        stopped += (weight * density) @ beyond
        following = limit * points
        density = norm.pdf(following[:, None] - sums) @ (weight * density)
        sums, weight = following, limit * weights
    return float(stopped)


def constant_threshold(looks: int, alpha: float = 0.05) -> float:
    """The threshold that keeps the false positive rate of all looks at alpha.

    Examples
    --------
    >>> round(constant_threshold(1), 3), round(constant_threshold(10), 3)
    (1.96, 2.555)
    """
    if not 0 < alpha < 1:
        raise ValueError(f"{alpha=} is not between 0 and 1")
    return brentq(lambda z: false_positive_rate(looks, z) - alpha, 1e-3, 12)


def always_valid_p_values(
    values: Real[ndarray, "*runs values"], sigma: Number, tau: Number
) -> Float[ndarray, "*runs values"]:
    """After each value, a p-value that holds whenever one stops.

    If the true mean is 0, the probability that it ever falls to alpha is at most alpha.

    Examples
    --------
    Values near 0 are no evidence; four of size 2 are some:

    >>> always_valid_p_values(np.array([0.1, 2, 2, 2, 2]), sigma=1, tau=1).round(3)
    array([1.   , 0.831, 0.245, 0.054, 0.01 ])
    """
    if not (sigma > 0 and tau > 0):
        raise ValueError(f"{sigma=} and {tau=} must be above 0")
    n = np.arange(1, values.shape[-1] + 1)
    sums = values.astype(float).cumsum(axis=-1)
    spread = sigma**2 + n * tau**2
    log_ratio = np.log(sigma**2 / spread) / 2 + (tau * sums / sigma) ** 2 / (2 * spread)
    return np.minimum.accumulate(np.exp(-np.maximum(log_ratio, 0)), axis=-1)
