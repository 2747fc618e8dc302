"""Sequential minimal optimization: solve the dual problem of an SVM, pair by pair.

Platt (1998), with the stopping rule of Keerthi et al. (2001) and the second-order
choice of a pair of Fan, Chen and Lin (2005), as in LIBSVM.

Glossary::

    alpha_i   multipliers   between 0 and C; 0 for all but the support vectors
    y_i       labels        -1 or +1
    K_ij      K             Gram matrix: dot products, or values of a kernel
    F_i       F             y_i - sum_j alpha_j y_j K_ij, the bias that puts i at y_i
    m, M      lower, upper  the bias has to lie above the one and below the other
    I_up      up            samples whose y_i alpha_i may still rise
    I_low     low           samples whose y_i alpha_i may still fall
    eta       eta           K_ii + K_jj - 2 K_ij, squared distance in feature space

Axes::

    samples   training points
    features  coordinates of a point
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy import ndarray

Points = Real[ndarray, "samples features"]
Labels = Real[ndarray, " labels"]  # one for each sample, see ``check``
Gram = Float[ndarray, "samples samples"]
Values = Float[ndarray, " samples"]
Mask = Bool[ndarray, " samples"]
Select = Callable[[Values, Mask, int, Gram], int]
Number = float | int


def check(points: Points, labels: Labels) -> None:
    """Raise ``ValueError`` for data that do not describe two classes."""
    if len(points) != len(labels):
        raise ValueError(f"{len(points)} points but {len(labels)} labels")
    if points.size == 0 or not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape} are empty or not finite")
    found = np.unique(labels).tolist()
    if found != [-1, 1]:
        raise ValueError(f"labels must be -1 and +1, both of them, not {found[:5]}")


def squared_distances(K: Gram, i: int) -> Values:
    """``eta`` of sample ``i`` and each other, kept above zero for duplicates."""
    least = 1e-12 * K.diagonal().max() + 1e-300
    return np.maximum(K[i, i] + K.diagonal() - 2 * K[i], least)


def first_order(F: Values, low: Mask, i: int, K: Gram) -> int:
    """Partner of ``i`` that violates the optimality conditions most."""
    return int(np.where(low, F, np.inf).argmin())


def second_order(F: Values, low: Mask, i: int, K: Gram) -> int:
    """Partner of ``i`` for the largest gain of the dual, limits set aside."""
    gap = np.maximum(F[i] - F, 0)
    gain = gap**2 / squared_distances(K, i)
    return int(np.where(low, gain, -1.0).argmax())


class Step(NamedTuple):
    """Multipliers so far, ``F`` of each sample, and the bounds of the bias."""

    multipliers: Values
    F: Values
    lower: float
    upper: float


def smo(
    K: Gram, labels: Labels, C: Number, select: Select = second_order
) -> Iterator[Step]:
    """Change two multipliers at a time, until one bias suits all samples."""
    positive, multipliers = labels > 0, np.zeros(len(labels))
    F = labels.astype(float)
    while True:
        may_grow, may_shrink = multipliers < C, multipliers > 0
        up = np.where(positive, may_grow, may_shrink)
        low = np.where(positive, may_shrink, may_grow)
        i = int(np.where(up, F, -np.inf).argmax())
        lower, upper = float(F[i]), float(F[low].min())
        yield Step(multipliers, F, lower, upper)
        if lower <= upper:
            return
        j = select(F, low, i, K)
        ends = np.where(positive[[i, j]], [C, 0.0], [0.0, C])
        room = np.abs(ends - multipliers[[i, j]])
        t = min((F[i] - F[j]) / squared_distances(K, i)[j], *room)
        moved = multipliers[[i, j]] + t * labels[[i, j]] * [1, -1]
        multipliers = multipliers.copy()
        multipliers[[i, j]] = np.where(room == t, ends, moved)
        F = F - t * (K[i] - K[j])


class Solution(NamedTuple):
    """The decision function is ``K @ (labels * multipliers) + bias``."""

    multipliers: Values
    bias: float


def solve_dual(
    K: Float[ndarray, "rows columns"],
    labels: Labels,
    C: Number,
    tolerance: float = 1e-3,
    max_steps: int = 100_000,
) -> Solution:
    """Multipliers and bias of the SVM with penalty ``C``, which may be infinite.

    Parameters
    ----------
    tolerance
        How far the bounds of the bias may be apart in the end (``tol`` of ``SVC``).

    Raises
    ------
    ValueError
        If the data are malformed, or no solution is found within ``max_steps``. With
        an infinite ``C`` there is none where the classes are not separable.

    Examples
    --------
    Two points, 2 apart, on a line: their multipliers would be 1/2, if they could.

    >>> K = np.array([[1.0, -1.0], [-1.0, 1.0]])
    >>> solve_dual(K, np.array([1, -1]), C=10)
    Solution(multipliers=array([0.5, 0.5]), bias=0.0)
    >>> solve_dual(K, np.array([1, -1]), C=0.25)
    Solution(multipliers=array([0.25, 0.25]), bias=0.0)
    """
    check(K, labels)
    for name, value, top in (("C", C, True), ("tolerance", tolerance, False)):
        if not (0 < value < np.inf or (top and value == np.inf)):
            raise ValueError(f"{name}={value} must be positive")
    for count, last in enumerate(smo(K.astype(float), labels, C)):
        gap = last.lower - last.upper
        if gap <= tolerance:
            break
        if count == max_steps:
            raise ValueError(f"no solution: off by {gap:.1e} after {count} steps")
    free = (last.multipliers > 0) & (last.multipliers < C)
    middle = (last.lower + last.upper) / 2
    return Solution(
        last.multipliers, float(last.F[free].mean() if free.any() else middle)
    )
