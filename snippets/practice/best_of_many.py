"""The best of several noisy results: how much too good it looks.

Dodge et al. (2019), Show Your Work, https://arxiv.org/abs/1909.03004: the expected
best of n trials, estimated from the trials that were made.
Tang et al. (2020), https://arxiv.org/abs/2004.13705: its bias.

Symbols::

    V*_n    best of n results        k    results that are compared
    sigma   standard deviation of the noise
"""

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray
from scipy.integrate import quad
from scipy.stats import norm


def expected_best(results: Real[ndarray, " trials"], n: int) -> float:
    """The mean of the best of n draws from the results, with replacement.

    It is too low on average for the best of n new settings (Tang et al. 2020).

    Raises
    ------
    ValueError
        If there is no result, or n is not positive.

    Examples
    --------
    Of two draws from 0 and 1, at least one is 1 in three of four cases.

    >>> expected_best(np.array([0.0, 1.0]), 2)
    0.75
    """
    if not len(results) or n < 1:
        raise ValueError(f"the best of {n} among {len(results)} results")
    below = np.arange(len(results) + 1) / len(results)  # share that is not larger
    return float(np.sort(results) @ np.diff(below**n))


def inflation(k: int) -> float:
    """By how many standard deviations the best of k equal results looks too good.

    The results have the same true value and independent normal noise.

    Examples
    --------
    >>> print(f"{inflation(1):.3f} {inflation(2):.3f} {inflation(10):.3f}")
    0.000 0.564 1.539
    """
    if k < 1:
        raise ValueError(f"the best of {k} results")
    value, _ = quad(lambda x: x * k * norm.pdf(x) * norm.cdf(x) ** (k - 1), -12, 12)
    return value


def shrunk(
    results: Float[ndarray, "*runs k"], spread: float, noise: float = 1.0
) -> Float[ndarray, "*runs k"]:
    """Results pulled toward their mean: the posterior means of the true values.

    The true values are normal with standard deviation ``spread``, the noise with
    ``noise``.

    Raises
    ------
    ValueError
        If a standard deviation is negative, or both are zero.
    """
    if min(spread, noise) < 0 or not spread + noise:
        raise ValueError(f"{spread=} {noise=}")
    center = results.mean(axis=-1, keepdims=True)
    return center + spread**2 / (spread**2 + noise**2) * (results - center)
