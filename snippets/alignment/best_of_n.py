"""The best of n answers by a reward: its distribution, and its mean value.

The divergence from the policy is bounded in Beirami et al., *Theoretical guarantees on
the best-of-n alignment policy* (2025).

Axes::

    answers   all answers that a policy can give
    samples   answers drawn from a policy
    counts    numbers n of samples to choose from
    kinds     values of each sample
    ranks     different rewards
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Real
from torch import Tensor


def best_of_n(
    probability: Float[Tensor, " answers"], rewards: Real[Tensor, " answers"], n: int
) -> Float[Tensor, " answers"]:
    """Probability that an answer is the best of n; ties are broken at random.

    Raises
    ------
    ValueError
        If n < 1, the shapes differ, the probabilities are negative or do not sum to 1,
        or a reward is not a number.

    Examples
    --------
    >>> best_of_n(torch.tensor([0.5, 0.5]), torch.tensor([0, 1]), n=2)
    tensor([0.2500, 0.7500])
    """
    if n < 1:
        raise ValueError(f"the best of {n} answers does not exist")
    shapes = tuple(probability.shape), tuple(rewards.shape)
    if shapes[0] != shapes[1] or len(shapes[0]) != 1:
        raise ValueError(f"probability and rewards have shapes {shapes}")
    if rewards.isnan().any():
        raise ValueError(f"rewards {rewards.tolist()}")
    own = probability.double()
    if own.min() < 0 or not math.isclose(own.sum(), 1, abs_tol=1e-3):
        raise ValueError(f"probabilities {own.tolist()}, sum {own.sum():.4g}")
    tied = (own * (rewards[:, None] == rewards)).sum(dim=1)
    under = (own * (rewards[:, None] > rewards)).sum(dim=1)
    best = (under + tied) ** n - under**n  # chance that this reward is best
    return torch.where(tied > 0, own / tied * best, 0).to(probability.dtype)


def best_of_n_means(
    values: Float[Tensor, "*kinds samples"],
    rewards: Real[Tensor, " samples"],
    counts: Sequence[int],
) -> Float[Tensor, "*kinds counts"]:
    """Mean value of the best of n by reward, over all choices of n of the samples.

    There is one mean for each n in ``counts``. Ties are broken at random.

    Raises
    ------
    ValueError
        If an n is below 1 or above the number of samples, or a reward is not a number.

    Examples
    --------
    >>> values, rewards = torch.tensor([5.0, 0.0, 1.0]), torch.tensor([1, 2, 3])
    >>> best_of_n_means(values, rewards, [1, 2, 3])  # 2: (0 + 1 + 1) / 3
    tensor([2.0000, 0.6667, 1.0000], dtype=torch.float64)
    """
    samples = len(rewards)
    if not 1 <= min(counts) <= max(counts) <= samples:
        raise ValueError(f"the best of {list(counts)} among {samples} samples")
    if rewards.isnan().any():
        raise ValueError(f"{int(rewards.isnan().sum())} rewards are nan")
    _, group, size = rewards.unique(return_inverse=True, return_counts=True)
    up_to = size.cumsum(0).double()  # samples with this reward, or a lower one
    n = torch.as_tensor(counts).double()[:, None]
    ways = log_choose(up_to, n)
    share = (ways - ways[:, -1:]).exp()
    share = share.diff(dim=-1, prepend=torch.zeros_like(n))  # best are in the group
    return values.double() @ (share / size)[:, group].T


def log_choose(
    size: Float[Tensor, " ranks"], n: Float[Tensor, "counts 1"]
) -> Float[Tensor, "counts ranks"]:
    """Logarithm of the number of ways to choose n of ``size``; -inf if n > size."""
    ways = torch.lgamma(size + 1) - torch.lgamma(n + 1)
    ways = ways - torch.lgamma((size - n).clamp(min=0) + 1)
    return torch.where(size >= n, ways, -math.inf)
