"""Metrics of predicted numbers, each in a few lines."""

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray

Values = Real[ndarray, " n"]


def errors(values: Values, predicted: Real[ndarray, " m"]) -> Float[ndarray, " n"]:
    """Values minus predictions, in double precision: 8 bits cannot hold 0 - 250.

    Raises
    ------
    ValueError
        If there is no value, or values and predictions differ in number.
    """
    if not 0 < len(values) == len(predicted):
        raise ValueError(f"{len(values)} values and {len(predicted)} predictions")
    return np.subtract(values, predicted, dtype=float)


def r_squared(values: Values, predicted: Values) -> float:
    """The share of the variance that is explained: 1 is best, 0 is that of the mean.

    Raises
    ------
    ValueError
        If all values are equal: there is nothing to explain.
    """
    error = errors(values, predicted)
    if (values == values[0]).all():
        raise ValueError("all values are equal")
    spread = ((values - values.mean(dtype=float)) ** 2).sum()
    return float(1 - (error**2).sum() / spread)


def root_mean_squared_error(values: Values, predicted: Values) -> float:
    """In the unit of the values; large errors weigh more than in the mean error."""
    return float(np.sqrt((errors(values, predicted) ** 2).mean()))


def mean_absolute_percentage_error(values: Values, predicted: Values) -> float:
    """Mean of | error / value |, as a fraction; explodes where a value is near 0."""
    sizes = np.abs(values.astype(float)).clip(np.finfo(float).eps)
    return float((np.abs(errors(values, predicted)) / sizes).mean())


def pinball_loss(values: Values, predicted: Values, quantile: float = 0.5) -> float:
    """Smallest on average if the prediction is the quantile of the values.

    Raises
    ------
    ValueError
        If ``quantile`` is not between 0 and 1.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile {quantile} is not between 0 and 1")
    error = errors(values, predicted)
    return float(np.maximum(quantile * error, (quantile - 1) * error).mean())
