"""Support vector machines: the separating hyperplane with the largest margin.

Boser, Guyon and Vapnik (1992), https://doi.org/10.1145/130385.130401, and, with the
penalty C, Cortes and Vapnik (1995), https://doi.org/10.1007/BF00994018

Glossary::

    x_i      points       rows of a matrix
    y_i      labels       -1 or +1
    w, b     weight, bias
    alpha_i  multipliers  of the dual problem, 0 for all but the support vectors
    C        C            price of a unit of hinge loss; infinite for the hard margin
    rho      margin

Axes::

    samples   training points
    features  coordinates of a point
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray

from snippets.classical.sequential_minimal_optimization import (
    Labels,
    Number,
    Points,
    Values,
    check,
    solve_dual,
)

Vector = Real[ndarray, " features"]


def margin(weight: Vector, bias: Number, points: Points, labels: Labels) -> float:
    """Distance from the hyperplane to the nearest point, negative on the wrong side.

    Examples
    --------
    From the line x + y = 2 to (2, 2), half the diagonal of a square of side 2:

    >>> points, labels = np.array([[2, 2], [0, 0], [-3, 1]]), np.array([1, -1, -1])
    >>> round(margin(np.array([1, 1]), -2.0, points, labels), 4)
    1.4142
    """
    check(points, labels)
    if not np.any(weight):
        raise ValueError("a zero weight has no direction")
    weight = weight.astype(float)
    signed = labels * (points @ weight + bias)
    return float(signed.min() / np.linalg.norm(weight))


def hinge_loss(weight: Vector, bias: Number, points: Points, labels: Labels) -> Values:
    """How far each point falls short of the value 1 on its own side."""
    return np.maximum(0, 1 - labels * (points @ weight.astype(float) + bias))


def primal_objective(
    weight: Vector, bias: Number, points: Points, labels: Labels, C: Number
) -> float:
    """What training minimizes; infinite if a hard margin is violated.

    Examples
    --------
    Half of 1 for the weight, and the second point lies on the hyperplane:

    >>> points, labels = np.array([[1.0], [0.0]]), np.array([1, -1])
    >>> primal_objective(np.array([1.0]), 0.0, points, labels, C=10)
    10.5
    """
    loss = hinge_loss(weight, bias, points, labels).sum()
    penalty = C * loss if loss else 0.0  # an infinite C times zero is not a number
    return float(np.linalg.norm(weight.astype(float)) ** 2 / 2 + penalty)


def dual_objective(multipliers: Values, points: Points, labels: Labels) -> float:
    """What the multipliers maximize, a lower bound of every primal objective."""
    multipliers = multipliers.astype(float)
    weight = (multipliers * labels) @ points
    return float(multipliers.sum() - weight @ weight / 2)


class Hyperplane(NamedTuple):
    """All x with ``weight @ x + bias == 0``, and the multipliers of the samples."""

    weight: Float[ndarray, " features"]
    bias: float
    multipliers: Values


def linear_svm(
    points: Points,
    labels: Labels,
    C: Number = np.inf,
    tolerance: float = 1e-6,
    max_steps: int = 100_000,
) -> Hyperplane:
    """Hyperplane with the largest margin, hard by default and soft with a finite C.

    Examples
    --------
    >>> linear_svm(np.array([[3.0], [1.0]]), np.array([1, -1]))
    Hyperplane(weight=array([1.]), bias=-2.0, multipliers=array([0.5, 0.5]))
    """
    check(points, labels)
    points = points.astype(float)
    mean = points.mean(axis=0)
    centered = points - mean  # far from the origin dot products lose digits
    solution = solve_dual(centered @ centered.T, labels, C, tolerance, max_steps)
    weight = (labels * solution.multipliers) @ centered
    return Hyperplane(
        weight, float(solution.bias - weight @ mean), solution.multipliers
    )


def leave_one_out_errors(
    points: Points, labels: Labels, C: Number = np.inf, tolerance: float = 1e-3
) -> int:
    """How many points the hyperplane of all others puts on the wrong side.

    Only support vectors are tried: without another point nothing changes.
    """
    errors = 0
    for out in np.flatnonzero(linear_svm(points, labels, C, tolerance).multipliers):
        rest = np.arange(len(points)) != out
        weight, bias, _ = linear_svm(points[rest], labels[rest], C, tolerance)
        errors += int(labels[out] * (weight @ points[out] + bias) <= 0)
    return errors
