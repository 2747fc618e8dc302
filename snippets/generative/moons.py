"""Two moons: points near two half circles, and the density they were drawn from."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from sklearn.datasets import make_moons

from snippets.classical.expectation_maximization import Mixture

NOISE = 0.06  # standard deviation around the half circles, before the change of unit


class Moons(NamedTuple):
    """Points for training and held-out points, in units of the training points."""

    train: Float[ndarray, "samples 2"]
    held_out: Float[ndarray, "others 2"]
    truth: Mixture  # many narrow normal densities along the half circles


def two_moons(samples: int, others: int, seed: int) -> Moons:
    """Draw both moons; afterwards the training points have mean 0 and variance 1.

    Raises
    ------
    ValueError
        If there are fewer than two points of either kind.

    Examples
    --------
    >>> moons = two_moons(4000, 2000, seed=0)
    >>> moons.train.shape, moons.held_out.shape, moons.train.std(axis=0)
    ((4000, 2), (2000, 2), array([1., 1.]))
    """
    if samples < 2 or others < 2:
        raise ValueError(f"too few points: {samples} and {others}")
    points, _ = make_moons(samples + others, noise=NOISE, random_state=seed)
    mean, std = points[:samples].mean(axis=0), points[:samples].std(axis=0)
    points = (points - mean) / std
    angles = (np.arange(200) + 0.5) * np.pi / 200
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    circles = np.concatenate([upper, [1, 0.5] - upper])
    covariance = np.diag((NOISE / std) ** 2)
    count = len(circles)
    truth = Mixture(
        np.full(count, 1 / count),
        (circles - mean) / std,
        np.broadcast_to(covariance, (count, 2, 2)),
    )
    return Moons(points[:samples], points[samples:], truth)
