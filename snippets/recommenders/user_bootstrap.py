"""How much a mean over users could differ with other users: the bootstrap."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


def interval(
    values: Float[ndarray, " lists"],
    users: Int[ndarray, " lists"],
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval with 95 % of the means over users that are drawn with replacement.

    All lists of a user are drawn together, because they are alike.

    Examples
    --------
    >>> interval(np.array([0.5, 0.5, 0.5]), np.array([0, 0, 3]))
    (0.5, 0.5)
    """
    if values.shape != users.shape or not len(values):
        raise ValueError(f"{len(values)} values of {len(users)} users")
    _, numbers = np.unique(users, return_inverse=True)
    count = numbers.max() + 1
    drawn = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=draws
    )[:, numbers]
    means = (drawn @ values) / drawn.sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
