"""Metrics of predicted numbers, each in a few lines."""

import numpy as np
from jaxtyping import Real
from numpy import ndarray

Values = Real[ndarray, " n"]


def r_squared(values: Values, predicted: Values) -> float:
    """The share of the variance that is explained: 1 is best, 0 is that of the mean.

    Raises
    ------
    ValueError
        If all values are equal: there is nothing to explain.
    """
    spread = ((values - values.mean()) ** 2).sum()
    if not spread:
        raise ValueError("all values are equal")
    return float(1 - ((values - predicted) ** 2).sum() / spread)


def root_mean_squared_error(values: Values, predicted: Values) -> float:
    """In the unit of the values; large errors weigh more than in the mean error."""
    return float(np.sqrt(((values - predicted) ** 2).mean()))


def mean_absolute_percentage_error(values: Values, predicted: Values) -> float:
    """Mean of | error / value |, as a fraction; explodes where a value is near 0."""
    smallest = np.finfo(float).eps
    return float((np.abs(values - predicted) / np.abs(values).clip(smallest)).mean())


def pinball_loss(values: Values, predicted: Values, quantile: float = 0.5) -> float:
    """Smallest on average if the prediction is the quantile of the values.

    Raises
    ------
    ValueError
        If ``quantile`` is not between 0 and 1.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile {quantile} is not between 0 and 1")
    error = values - predicted
    return float(np.maximum(quantile * error, (quantile - 1) * error).mean())
