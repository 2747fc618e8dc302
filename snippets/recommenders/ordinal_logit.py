"""Probabilities of ordered labels from a score: the proportional odds model.

McCullagh (1980), Regression Models for Ordinal Data.

Glossary::

    beta                slope      positive, so that a higher score is never larger
    theta_1, theta_2    cuts       in order

Axes::

    samples   purchases
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real
from numpy import ndarray
from scipy.optimize import minimize
from scipy.special import expit


class OrdinalLogit(NamedTuple):
    """P(small) = sigmoid(slope * score - cuts[1]); P(large) likewise, below cuts[0]."""

    slope: float
    cuts: tuple[float, float]

    def probabilities(
        self, scores: Real[ndarray, "*samples"]
    ) -> Float[ndarray, "*samples 3"]:
        """Small, fit, large.

        Examples
        --------
        >>> OrdinalLogit(2.0, (-1.0, 1.0)).probabilities(np.array([0.5])).round(2)
        array([[0.5 , 0.38, 0.12]])
        """
        large = expit(self.cuts[0] - self.slope * scores)
        small = expit(self.slope * scores - self.cuts[1])
        return np.stack([small, 1 - small - large, large], axis=-1)


def fit_ordinal_logit(
    scores: Float[ndarray, " samples"], labels: Int[ndarray, " samples"]
) -> OrdinalLogit:
    """The slope and cuts of largest likelihood.

    Raises
    ------
    ValueError
        If a score is not finite, if all are the same, or if the labels are not 0, 1,
        and 2.
    """
    found = np.unique(labels)
    if scores.shape != labels.shape or not np.array_equal(found, [0, 1, 2]):
        raise ValueError(f"{scores.shape} scores, labels {found.tolist()}, not 0, 1, 2")
    if not np.isfinite(scores).all():
        raise ValueError(f"{(~np.isfinite(scores)).sum()} scores are not finite")
    middle, scale = scores.mean(), scores.std()
    if scale == 0:
        raise ValueError(f"all {len(scores)} scores are the same")

    def model(x: Float[ndarray, "3"]) -> OrdinalLogit:
        slope, low = np.exp(x[0]) / scale, x[1] + np.exp(x[0]) * middle / scale
        return OrdinalLogit(float(slope), (float(low), float(low + np.exp(x[2]))))

    def loss(x: Float[ndarray, "3"]) -> float:
        chosen = model(x).probabilities(scores)[np.arange(len(labels)), labels]
        return -np.log(np.maximum(chosen, 1e-300)).mean()

    return model(minimize(loss, [0.0, -1.0, 0.7], method="BFGS").x)
