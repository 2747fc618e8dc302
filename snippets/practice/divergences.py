"""How two distributions differ, each in a few lines."""

import numpy as np
from jaxtyping import Real
from numpy import ndarray
from scipy.spatial.distance import cdist

Shares = Real[ndarray, " k"]


def kl_divergence(p: Shares, q: Real[ndarray, " m"]) -> float:
    """Sum of p log(p / q), in nats; infinite where q is 0 and p is not.

    Raises
    ------
    ValueError
        If the shares of one do not sum to 1, or they differ in number.
    """
    if len(p) != len(q):
        raise ValueError(f"{len(p)} and {len(q)} shares")
    for shares in (p, q):
        if (shares < 0).any() or not np.isclose(shares.sum(), 1):
            raise ValueError(f"shares {shares} that sum to {shares.sum()}")
    with np.errstate(divide="ignore"):
        return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())


def js_divergence(p: Shares, q: Shares) -> float:
    """Mean of the KL divergences from the mean: symmetric, at most log 2."""
    middle = (p + q) / 2
    return max(0.0, (kl_divergence(p, middle) + kl_divergence(q, middle)) / 2)


def wasserstein_1(x: Real[ndarray, " n"], y: Real[ndarray, " m"]) -> float:
    """Area between the distribution functions of two samples, in their unit.

    Raises
    ------
    ValueError
        If a sample is empty.
    """
    if not len(x) or not len(y):
        raise ValueError(f"samples of {len(x)} and {len(y)}")
    x, y = np.sort(x), np.sort(y)
    edges = np.sort(np.concatenate((x, y)).astype(float))
    below = [np.searchsorted(s, edges[:-1], "right") / len(s) for s in (x, y)]
    return float(np.abs(below[0] - below[1]) @ np.diff(edges))


def squared_mmd(
    x: Real[ndarray, "n d"], y: Real[ndarray, "m d"], bandwidth: float = 1.0
) -> float:
    """Squared maximum mean discrepancy with a Gaussian kernel, unbiased.

    Raises
    ------
    ValueError
        If a set has fewer than two points, or ``bandwidth`` is not positive.
    """
    n, m = len(x), len(y)
    if min(n, m) < 2 or not bandwidth > 0:
        raise ValueError(f"{n} and {m} points, {bandwidth=}")
    squares = [cdist(a, b, "sqeuclidean") for a, b in ((x, x), (y, y), (x, y))]
    xx, yy, xy = (np.exp(-square / (2 * bandwidth**2)) for square in squares)
    within = (xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1))
    return float(within - 2 * xy.mean())
