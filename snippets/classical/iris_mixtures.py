"""Gaussian mixtures of the irises, scored by species that EM never sees.

The data are those of ``sklearn.datasets.load_iris``: four lengths in centimeters,
rounded to a tenth, of 50 flowers of each of three species.
"""

from itertools import permutations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from sklearn.datasets import load_iris

from snippets.classical.expectation_maximization import (
    Mixture,
    em_mixture,
    initial_mixture,
    mixture_log_joint,
)
from snippets.classical.maximum_likelihood import (
    hidden_log_likelihood,
    responsibilities,
)

flowers, species = load_iris(return_X_y=True)
ROUNDING = 0.1**2 / 12  # variance of a length that is rounded to a tenth


def agreeing(mixture: Mixture) -> int:
    """Flowers in the component of their species, under the best naming of the three.

    Examples
    --------
    The first flower of each species as the mean of a component:

    >>> agreeing(initial_mixture(flowers, flowers[[0, 50, 100]], ROUNDING))
    140
    """
    resp = responsibilities(mixture_log_joint(mixture, flowers))
    namings = np.array(list(permutations(range(len(resp)))))
    return int((namings[:, resp.argmax(axis=0)] == species).sum(axis=1).max())


def log_likelihood(mixture: Mixture) -> float:
    """Natural logarithm of the density of all flowers."""
    return hidden_log_likelihood(mixture_log_joint(mixture, flowers))


def fit_from(
    means: Float[ndarray, "components features"], reg_covar: float = ROUNDING
) -> list[Mixture]:
    """The start and 100 iterations of EM."""
    start = initial_mixture(flowers, means, reg_covar)
    return list(em_mixture(flowers, start, iterations=100, reg_covar=reg_covar))
