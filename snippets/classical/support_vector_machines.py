"""Support vector machines: the separating hyperplane that is farthest from the data.

Boser, Guyon and Vapnik (1992), https://doi.org/10.1145/130385.130401

Axes::

    samples   training points; their labels are -1 or +1
    features  coordinates of a point
    active    samples that carry the solution so far
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy import ndarray

Points = Real[ndarray, "samples features"]
Labels = Real[ndarray, " labels"]  # one for each sample, see ``check``
Vector = Real[ndarray, " features"]
Shares = Float[ndarray, " samples"]


def check(points: Points, labels: Labels) -> None:
    """Raise ``ValueError`` for data that do not describe two classes."""
    if len(points) != len(labels):
        raise ValueError(f"{len(points)} points but {len(labels)} labels")
    if points.size == 0 or not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape} are empty or not finite")
    found = np.unique(labels).tolist()
    if found != [-1, 1]:
        raise ValueError(f"labels must be -1 and +1, both of them, not {found[:5]}")


def margin(
    weight: Vector,
    bias: float,
    points: Points,
    labels: Labels,
) -> float:
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
    signed = labels * (points @ weight.astype(float) + bias)
    return float(signed.min() / np.linalg.norm(weight))


def perceptron(
    points: Points, labels: Labels, max_passes: int = 1000
) -> tuple[Vector, float, int]:
    """Weight, bias and number of mistakes of Rosenblatt's rule, points in order.

    Examples
    --------
    >>> perceptron(np.array([[2.0], [-1.0]]), np.array([1, -1]))
    (array([2.]), 1.0, 1)
    """
    check(points, labels)
    weight, bias, mistakes = np.zeros(points.shape[1]), 0.0, 0
    for _ in range(max_passes):
        before = mistakes
        for point, label in zip(points, labels, strict=True):
            if label * (weight @ point + bias) <= 0:
                weight = weight + float(label) * point
                bias = bias + float(label)
                mistakes += 1
        if mistakes == before:
            return weight, bias, mistakes
    raise ValueError(f"{mistakes} mistakes in {max_passes} passes, and no end")


def mistake_bound(
    weight: Vector,
    bias: float,
    points: Points,
    labels: Labels,
) -> float:
    """Mistakes that no perceptron exceeds where this hyperplane separates.

    Examples
    --------
    (2, 1) and (-1, 1) are no longer than sqrt(5), and 1 or more away from x = 0:

    >>> points, labels = np.array([[2.0], [-1.0]]), np.array([1, -1])
    >>> round(mistake_bound(np.array([1.0]), 0.0, points, labels), 10)
    5.0
    """
    lifted = np.column_stack([points, np.ones(len(points))])
    distance = margin(np.append(weight, bias), 0.0, lifted, labels)
    if distance <= 0:
        raise ValueError(f"does not separate: margin {distance:.3g}")
    return float((np.linalg.norm(lifted, axis=1).max() / distance) ** 2)


def free_shares(
    signed: Float[ndarray, "active features"], positive: Bool[ndarray, " active"]
) -> Float[ndarray, " active"]:
    """Shares, 1 in all for each class but of any sign, that mix the shortest vector."""
    bases = [int(positive.argmax()), int(positive.argmin())]
    edges = signed - signed[np.where(positive, *bases)]  # (active, features)
    shares, *_ = np.linalg.lstsq(edges.T, -signed[bases].sum(axis=0), rcond=None)
    shares[bases] = 0.0
    shares[bases] = 1 - shares[positive].sum(), 1 - shares[~positive].sum()
    return shares


def let_in(
    newest: int,
    shares: Shares,
    signed: Float[ndarray, "samples features"],
    positive: Bool[ndarray, " samples"],
) -> Shares:
    """Shares after one more point is active and those that would pay for it are not."""
    active = np.append(np.flatnonzero(shares), newest)
    held = shares[active]
    while True:
        free = free_shares(signed[active], positive[active])
        falling = free <= 0
        if not falling.any():
            break
        steps = np.ones_like(free)
        steps[falling] = (held / np.maximum(held - free, 1e-300))[falling]
        kept = ~falling | (steps > steps.min())
        held = (held + steps.min() * (free - held))[kept]
        active = active[kept]
    shares = np.zeros_like(shares)
    shares[active] = free
    return shares


def approach(points: Points, labels: Labels) -> Iterator[Shares]:
    """Shares of the points in the nearest points of two convex hulls, round by round.

    Each round brings them closer, so no set of active points comes twice, and the
    rounds end. (Where rounding brings one back, this is the end as well.)

    Raises
    ------
    ValueError
        If the data are malformed, or the hulls come closer than 1e-9 of the largest
        coordinate, counted from the mean: they meet, or rounding would hide the gap.
    """
    check(points, labels)
    centered = points - points.mean(axis=0)
    signed, positive, seen = labels[:, None] * centered, labels > 0, set()
    shares = np.zeros(len(points))
    shares[[positive.argmax(), positive.argmin()]] = 1.0
    while (active := (shares > 0).tobytes()) not in seen:
        seen.add(active)
        yield shares
        normal = shares @ signed
        apart = np.linalg.norm(normal)
        size = np.abs(centered).max()
        if apart <= 1e-9 * size:
            sizes = f"{positive.sum()} and {(~positive).sum()}"
            raise ValueError(f"hulls of {sizes} points meet, or all but meet")
        along = signed @ normal
        ends = [shares[side] @ along[side] for side in (positive, ~positive)]
        inside = np.where(shares > 0, 0.0, np.where(positive, *ends) - along)
        if inside.max() <= 1e-9 * apart**2 + 1e-15 * size * apart:
            return
        shares = let_in(int(inside.argmax()), shares, signed, positive)


class Hyperplane(NamedTuple):
    """All x with ``weight @ x + bias == 0``, and the multipliers of the samples."""

    weight: Float[ndarray, " features"]
    bias: float
    multipliers: Shares


def hard_margin(points: Points, labels: Labels) -> Hyperplane:
    """The middle of the widest street between two separable classes.

    Examples
    --------
    >>> hard_margin(np.array([[3.0], [1.0]]), np.array([1, -1]))
    Hyperplane(weight=array([1.]), bias=-2.0, multipliers=array([0.5, 0.5]))
    """
    *_, shares = approach(points, labels)
    normal = (labels * shares) @ (points - points.mean(axis=0))
    along, scale = points @ normal, 2 / (normal @ normal)
    middle = (along[labels > 0].min() + along[labels < 0].max()) / 2
    return Hyperplane(scale * normal, float(-scale * middle), scale * shares)


def leave_one_out(points: Points, labels: Labels) -> int:
    """How many points the hyperplane of all others puts on the wrong side.

    Only support vectors are tried: without another point nothing changes.
    """
    wrong = 0
    for out in np.flatnonzero(hard_margin(points, labels).multipliers):
        rest = np.arange(len(points)) != out
        weight, bias, _ = hard_margin(points[rest], labels[rest])
        wrong += int(labels[out] * (weight @ points[out] + bias) <= 0)
    return wrong
