"""A learner by heart: it is wrong where a feature is new.

Hutter (2021), Learning Curve Theory, https://arxiv.org/abs/2102.04074

Symbols::

    theta_i  theta   probability of feature i
    a        a       theta_i is proportional to i ** -(1 + a)

Axes::

    features    kinds of examples
    sizes       numbers of training examples
"""

import numpy as np
from jaxtyping import Float, Int


def zipf(a: float, features: int) -> Float[np.ndarray, " features"]:
    """Probabilities of features in falling order.

    Examples
    --------
    >>> zipf(1.0, 2)  # 1 and 1/4, divided by their sum
    array([0.8, 0.2])
    """
    if not (a > 0 and features >= 1):
        raise ValueError(f"no distribution with {a=}, {features=}")
    theta = np.arange(1.0, features + 1) ** -(1 + a)
    return theta / theta.sum()


def expected_error(
    theta: Float[np.ndarray, " features"], sizes: Int[np.ndarray, " sizes"]
) -> Float[np.ndarray, " sizes"]:
    """Probability that the next feature is not among n independent ones.

    Examples
    --------
    >>> expected_error(np.array([0.5, 0.5]), np.array([0, 1, 2]))
    array([1.  , 0.5 , 0.25])
    """
    return np.array([theta @ np.exp(n * np.log1p(-theta)) for n in sizes])


def measured_error(
    theta: Float[np.ndarray, " features"], sizes: Int[np.ndarray, " sizes"], seed: int
) -> Float[np.ndarray, " sizes"]:
    """The same for one sequence of random features, of which n are learned."""
    if np.any(np.diff(sizes) <= 0) or sizes[0] < 0:
        raise ValueError(f"sizes must grow from 0 or more: {sizes}")
    uniform = np.random.default_rng(seed).random(sizes[-1])
    drawn = np.searchsorted(np.cumsum(theta), uniform).clip(max=len(theta) - 1)
    seen, first = np.unique(drawn, return_index=True)
    return np.array([1 - theta[seen[first < n]].sum() for n in sizes])
