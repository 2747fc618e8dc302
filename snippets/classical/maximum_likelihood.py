"""Maximum likelihood: the parameters under which the data are most probable.

Fisher (1922), https://doi.org/10.1098/rsta.1922.0009

Glossary::

    x_i, y_i  design, labels  features with a constant 1; 0 or 1
    w         weight          coefficients of logistic regression
    p_i       probability     of label 1; ``chances`` for the two coins
    ell       log_likelihood  natural logarithm
    g         score           gradient of ell
    I         fisher_information
    h_i       heads           in so many ``throws``
    r_ik      responsibilities

Axes::

    samples     observations: flights, or sets of throws
    features    columns of the design; one of them is constant, for the bias
    components  what a sample may have been drawn from, such as one of two coins
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray

Design = Real[ndarray, "samples features"]
Labels = Real[ndarray, " labels"]  # one for each sample, see ``check``
Weight = Float[ndarray, " features"]
Chances = Float[ndarray, " components"]
Counts = Real[ndarray, " samples"]
LogJoint = Float[ndarray, "components samples"]


def fit_normal(points: Real[ndarray, " samples"]) -> tuple[float, float]:
    """Mean and standard deviation with the largest likelihood.

    Examples
    --------
    >>> fit_normal(np.array([1.0, 2.0, 2.0, 3.0, 7.0]))
    (3.0, 2.0976176963403033)
    """
    points = points.astype(float)
    found = np.unique(points)
    if len(found) < 2 or not np.isfinite(found).all():
        raise ValueError(f"needs two different finite points, not {found[:3].tolist()}")
    mean = points.mean()
    farthest = np.abs(points - mean).max()  # its square might overflow
    scaled = (points - mean) / farthest
    return float(mean), float(farthest * np.sqrt(np.mean(scaled**2)))


def check(design: Design, labels: Labels) -> None:
    """Raise ``ValueError`` for data that do not describe two classes."""
    samples, features = design.shape
    if samples != len(labels):
        raise ValueError(f"{samples} samples but {len(labels)} labels")
    if design.size == 0 or not np.isfinite(design).all():
        raise ValueError(f"design of shape {design.shape} is empty or not finite")
    found = np.unique(labels).tolist()
    if found != [0, 1]:
        raise ValueError(f"labels must be 0 and 1, both of them, not {found[:5]}")
    rank = np.linalg.matrix_rank(design.astype(float))
    if rank < features:
        raise ValueError(f"{features} features, but only {rank} of them independent")


def probability(weight: Weight, design: Design) -> Float[ndarray, " samples"]:
    """Probability of label 1, for each sample.

    Examples
    --------
    A logit of log(3) means three to one:

    >>> probability(np.array([np.log(3)]), np.array([[1.0], [0.0]])).round(10)
    array([0.75, 0.5 ])
    """
    logits = design @ weight.astype(float)  # half precision overflows
    return np.exp(-np.logaddexp(0, -logits))  # logistic, no overflow


def log_likelihood(weight: Weight, design: Design, labels: Labels) -> float:
    """Logarithm of the probability that the model gives to these labels.

    Examples
    --------
    Seven heads of ten, and a fair coin:

    >>> ones, throws = np.ones((10, 1)), np.array([1] * 7 + [0] * 3)
    >>> round(log_likelihood(np.zeros(1), ones, throws), 4)  # ten times log(1/2)
    -6.9315
    """
    logits = design @ weight.astype(float)
    return float((labels * logits - np.logaddexp(0, logits)).sum())


def score(weight: Weight, design: Design, labels: Labels) -> Weight:
    """Gradient of the log-likelihood."""
    return design.T @ (labels - probability(weight, design))


def fisher_information(
    weight: Weight, design: Design
) -> Float[ndarray, "features features"]:
    """Minus the second derivative of the log-likelihood."""
    p = probability(weight, design)
    q = probability(-weight, design)  # 1 - p, also where p rounds to 1
    return design.T @ (design * (p * q)[:, None])


def gradient_ascent(
    design: Design, labels: Labels, rate: float, steps: int
) -> Iterator[Weight]:
    """Weights after each step, from zero."""
    check(design, labels)
    weight = np.zeros(design.shape[1])
    for _ in range(steps):
        yield weight
        weight = weight + rate * score(weight, design, labels)
    yield weight


def newton_step(weight: Weight, design: Design, labels: Labels) -> Weight:
    """Inverse information times score, found by weighted least squares.

    Through square roots: the information itself would lose half of the digits.
    """
    logits, sides = design @ weight, 2.0 * labels - 1
    roots = np.exp(-(np.logaddexp(0, logits) + np.logaddexp(0, -logits)) / 2)
    residuals = sides * np.exp(-sides * logits / 2)
    return np.linalg.lstsq(roots[:, None] * design, residuals, rcond=None)[0]


def newton(design: Design, labels: Labels, max_steps: int = 30) -> Iterator[Weight]:
    """Weights of Newton's method from zero, until no logit moves any more.

    A step that would lead down is halved.

    Raises
    ------
    ValueError
        If the data are malformed, or there is no maximum: some direction separates
        the classes, and the likelihood grows along it forever.
    """
    check(design, labels)
    weight = np.zeros(design.shape[1])
    for _ in range(max_steps):
        yield weight
        step = newton_step(weight, design, labels)
        if np.abs(design @ step).max() < 1e-9:
            return
        before = log_likelihood(weight, design, labels)
        while log_likelihood(weight + step, design, labels) < before - 1e-9:
            step = step / 2
        weight = weight + step
    farthest = np.abs(design @ weight).max()
    raise ValueError(f"no maximum: after {max_steps} steps a logit is {farthest:.3g}")


def standard_errors(weight: Weight, design: Design) -> Weight:
    """Approximate standard deviations of the estimated weights."""
    return np.sqrt(np.diag(np.linalg.inv(fisher_information(weight, design))))


def coin_log_joint(chances: Chances, heads: Counts, throws: int) -> LogJoint:
    """Log-probability of each coin, all drawn equally often, and of its throws.

    Examples
    --------
    One throw, heads, by a fair coin or a better one, each drawn every second time:

    >>> np.exp(coin_log_joint(np.array([0.5, 0.75]), np.array([1]), throws=1))
    array([[0.25 ],
           [0.375]])
    """
    if not len(heads) or np.any((heads < 0) | (heads > throws)):
        raise ValueError(f"heads must lie in 0 to {throws}, not {heads.tolist()[:5]}")
    if not len(chances) or np.any((chances <= 0) | (chances >= 1)):
        raise ValueError(f"chances must lie inside 0 to 1, not {chances.tolist()[:5]}")
    odds, tails = np.log(chances[:, None]), np.log1p(-chances[:, None])
    return heads * odds + (throws - heads) * tails - np.log(len(chances))


def hidden_log_likelihood(log_joint: LogJoint) -> float:
    """Log-likelihood if the component of each sample is unknown."""
    return float(np.logaddexp.reduce(log_joint, axis=0).sum())


def responsibilities(log_joint: LogJoint) -> LogJoint:
    """Probability of each component, given its sample."""
    return np.exp(log_joint - np.logaddexp.reduce(log_joint, axis=0))


def coin_derivatives(
    chances: Chances, heads: Counts, throws: int
) -> tuple[Chances, Float[ndarray, "components components"]]:
    """Gradient and second derivative of the hidden log-likelihood of the coins."""
    r = responsibilities(coin_log_joint(chances, heads, throws))
    p = chances[:, None]
    slopes = (heads - throws * p) / (p * (1 - p))
    bends = -(heads / p**2) - (throws - heads) / (1 - p) ** 2
    parts = r * slopes  # (components, samples)
    own = (r * (slopes**2 + bends)).sum(axis=1)
    return parts.sum(axis=1), np.diag(own) - parts @ parts.T
