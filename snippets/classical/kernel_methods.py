"""Kernel methods: a border that bends, and mistakes that have a price.

Cortes and Vapnik (1995), https://doi.org/10.1007/BF00994018

Axes::

    samples   training points; their labels are -1 or +1
    others    points that they are compared with
    features  coordinates of a point
    drawn     random features
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy import ndarray
from scipy.spatial.distance import cdist

from snippets.classical.support_vector_machines import check

Points = Real[ndarray, "samples features"]
Others = Real[ndarray, "others features"]
Gram = Float[ndarray, "samples samples"]
Labels = Real[ndarray, " labels"]  # one for each sample, see ``check``
Number = float | int
Signed = Float[ndarray, " samples"]
Pick = Callable[[Signed, Bool[ndarray, " samples"], int, Gram], int]


def check_positive(**settings: Number) -> None:
    """Raise ``ValueError`` for a setting that is not positive and finite."""
    for name, value in settings.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name}={value} must be positive and finite")


def quadratic(points: Points, others: Others) -> Float[ndarray, "samples others"]:
    """Squares of one more than the dot product.

    Examples
    --------
    >>> quadratic(np.array([[1, 2]]), np.array([[3, 4]]))
    array([[144.]])
    """
    return (points.astype(float) @ others.T + 1) ** 2


def gaussian(
    points: Points, others: Others, gamma: Number
) -> Float[ndarray, "samples others"]:
    """1 where two points meet, and toward 0 with the square of their distance."""
    check_positive(gamma=gamma)
    return np.exp(-gamma * cdist(points, others, "sqeuclidean"))


def check_gram(gram: Float[ndarray, "rows columns"]) -> None:
    """Raise ``ValueError`` for a matrix that holds no dot products of any vectors."""
    if gram.size == 0 or not np.isfinite(gram).all():
        raise ValueError(f"a Gram matrix of shape {gram.shape} is empty or not finite")
    rows, columns, size = *gram.shape, np.abs(gram).max()
    if rows != columns or np.abs(gram - gram.T).max() > 1e-8 * size:
        raise ValueError(f"a Gram matrix of shape {gram.shape} is not symmetric")
    values, vectors = np.linalg.eigh(gram)
    if values[0] < -1e-9 * rows * size:
        mostly = np.abs(vectors[:, 0]).argsort()[::-1][:2].tolist()
        raise ValueError(
            f"no dot product: a mix of the points, mostly {mostly}, "
            f"would have squared length {values[0]:.3g}"
        )


def squared_distances(gram: Gram, i: int) -> Float[ndarray, " samples"]:
    """Of all images from that of ``i``, raised above zero where they coincide."""
    least = 1e-12 * gram.diagonal().max() + 1e-300
    return np.maximum(gram[i, i] + gram.diagonal() - 2 * gram[i], least)


def steepest(
    wanted: Signed, may_fall: Bool[ndarray, " samples"], i: int, gram: Gram
) -> int:
    """The partner that disagrees most with ``i`` about the bias."""
    return int(np.where(may_fall, wanted, np.inf).argmin())


def most_gain(
    wanted: Signed, may_fall: Bool[ndarray, " samples"], i: int, gram: Gram
) -> int:
    """The partner with which ``i`` could improve the dual most, without a cap."""
    gap = np.maximum(wanted[i] - wanted, 0)
    gain = gap**2 / squared_distances(gram, i)
    return int(np.where(may_fall, gain, -1.0).argmax())


class Step(NamedTuple):
    """Signed multipliers, the biases their points want, and how far these disagree."""

    signed: Signed
    wanted: Signed
    at_least: float
    at_most: float


def optimize(
    gram: Gram, labels: Labels, cap: Number, pick: Pick = most_gain
) -> Iterator[Step]:
    """Sequential minimal optimization: one pair of multipliers at a time."""
    top, bottom = np.where(labels > 0, cap, 0.0), np.where(labels > 0, 0.0, -cap)
    signed, wanted = np.zeros(len(labels)), labels.astype(float)
    while True:
        may_rise, may_fall = signed < top, signed > bottom
        i = int(np.where(may_rise, wanted, -np.inf).argmax())
        at_least, at_most = float(wanted[i]), float(wanted[may_fall].min())
        yield Step(signed, wanted, at_least, at_most)
        if at_least <= at_most:
            return
        j = pick(wanted, may_fall, i, gram)
        apart = squared_distances(gram, i)[j]
        room = top[i] - signed[i], signed[j] - bottom[j]
        step = min((wanted[i] - wanted[j]) / apart, *room)
        signed = signed.copy()
        signed[i] = top[i] if step == room[0] else signed[i] + step
        signed[j] = bottom[j] if step == room[1] else signed[j] - step
        wanted = wanted - step * (gram[i] - gram[j])


class Machine(NamedTuple):
    """The border ``gram @ signed + bias == 0``."""

    signed: Signed
    bias: float


def soft_margin(
    gram: Float[ndarray, "rows columns"],
    labels: Labels,
    cap: Number,
    tolerance: float = 1e-3,
    max_steps: int = 1_000_000,
) -> Machine:
    """Signed multipliers of at most ``cap``, and the bias.

    Parameters
    ----------
    tolerance
        Points may disagree by this much about the bias in the end.

    Examples
    --------
    Two points, 2 apart, on a line: their multipliers would be 1/2, if they could.

    >>> gram = np.array([[1.0, -1.0], [-1.0, 1.0]])
    >>> soft_margin(gram, np.array([1, -1]), cap=10)
    Machine(signed=array([ 0.5, -0.5]), bias=0.0)
    >>> soft_margin(gram, np.array([1, -1]), cap=0.25)
    Machine(signed=array([ 0.25, -0.25]), bias=0.0)
    """
    check(gram, labels)
    check_gram(gram)
    check_positive(cap=cap, tolerance=tolerance)
    for count, last in enumerate(optimize(gram, labels, cap)):
        apart = last.at_least - last.at_most
        if apart <= tolerance:
            break
        if count == max_steps:
            raise ValueError(f"points disagree by {apart:.1e} after {count} steps")
    free = (last.signed != 0) & (np.abs(last.signed) != cap)
    middle = (last.at_least + last.at_most) / 2
    bias = last.wanted[free].mean() if free.any() else middle
    return Machine(last.signed, float(bias))


def objectives(
    gram: Gram, labels: Labels, cap: Number, machine: Machine
) -> tuple[float, float]:
    """The price of a border, and what no border can undercut."""
    values = gram @ machine.signed
    half = machine.signed @ values / 2
    missing = np.maximum(1 - labels * (values + machine.bias), 0)
    return float(half + cap * missing.sum()), float(machine.signed @ labels - half)


def pegasos(
    points: Points, labels: Labels, cap: Number, steps: int, rng: np.random.Generator
) -> Float[ndarray, " features"]:
    """Weight of a border through the origin after ``steps`` points drawn at random."""
    check(points, labels)
    check_positive(cap=cap, steps=steps)
    weight = np.zeros(points.shape[1])
    for step, i in enumerate(rng.integers(len(points), size=steps), start=1):
        missed = labels[i] * (weight @ points[i]) < 1
        weight = (1 - 1 / step) * weight
        if missed:
            weight += cap * len(points) / step * labels[i] * points[i]
    return weight


def random_features(
    points: Points, gamma: Number, drawn: int, rng: np.random.Generator
) -> Float[ndarray, "samples drawn"]:
    """Waves whose dot products have the Gaussian kernel as their mean."""
    check_positive(gamma=gamma, drawn=drawn)
    if drawn % 2:
        raise ValueError(f"drawn={drawn} must be even: waves come in pairs")
    rates = np.sqrt(2 * gamma) * rng.normal(size=(points.shape[1], drawn // 2))
    angles = points @ rates
    return np.sqrt(2 / drawn) * np.hstack([np.cos(angles), np.sin(angles)])
