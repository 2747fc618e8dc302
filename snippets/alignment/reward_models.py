"""Scores from comparisons, the loss of a reward model, and the best of n answers.

The model is that of Bradley and Terry (1952), its fit the MM algorithm in Hunter,
*MM algorithms for generalized Bradley-Terry models* (2004).

Glossary::

    gamma_i    exp(scores[i])     Hunter: the strength of item i
    W_i        wins.sum(dim=1)    Hunter: how often item i won
    N_ij       wins + wins.T      Hunter: how often i and j were compared
    r_w, r_l   chosen, rejected   rewards of the two answers of a comparison

Axes::

    items     answers with a score
    pairs     comparisons: an answer that was chosen, and one that was rejected
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
from torch.nn.functional import logsigmoid


def log_likelihood(
    scores: Float[Tensor, " items"], wins: Real[Tensor, "items items"]
) -> Float[Tensor, ""]:
    """Sum of log P(i beats j) over all comparisons; i beat j ``wins[i, j]`` times."""
    gaps = scores[:, None] - scores
    return (wins * logsigmoid(gaps)).sum()


def mm_step(
    scores: Float[Tensor, " items"], wins: Real[Tensor, "items items"]
) -> Float[Tensor, " items"]:
    """One step of MM, which never lowers the log-likelihood. The mean stays 0."""
    games = (wins + wins.T).to(scores.dtype).log()
    won = wins.sum(dim=1).to(scores.dtype).log()
    pairs = torch.logaddexp(scores[:, None], scores)  # log(gamma_i + gamma_j)
    scores = won - (games - pairs).logsumexp(dim=1)
    return scores - scores.mean()


def fit_scores(
    wins: Real[Tensor, "items items"], tolerance: float = 1e-9, max_steps: int = 100_000
) -> Float[Tensor, " items"]:
    """Scores of maximum likelihood, with a mean of 0.

    Parameters
    ----------
    tolerance
        How far the expected wins of an item may be from its wins, relative to the
        number of comparisons. At the maximum they are equal.

    Raises
    ------
    ValueError
        If the counts are no table of comparisons, the scores have no finite and
        unique maximum, or ``max_steps`` are too few.

    Examples
    --------
    >>> scores = fit_scores(torch.tensor([[0, 3], [1, 0]]))
    >>> torch.round(scores[0] - scores[1], decimals=4), round(math.log(3), 4)
    (tensor(1.0986, dtype=torch.float64), 1.0986)
    """
    wins = wins.double()
    check_wins(wins)
    scores = torch.zeros(len(wins), dtype=torch.float64)
    for _ in range(max_steps):
        expected = (wins + wins.T) * (scores[:, None] - scores).sigmoid()
        off = (expected.sum(dim=1) - wins.sum(dim=1)).abs().max()
        if off <= tolerance * wins.sum():
            return scores
        scores = mm_step(scores, wins)
    raise ValueError(f"expected wins are off by {off:.2g} after {max_steps} steps")


def check_wins(wins: Float[Tensor, "items items"]) -> None:
    """Refuse tables for which no finite, unique scores exist.

    Raises
    ------
    ValueError
        If a count is negative or not finite, an item was compared with itself, or
        there are two items of which no chain of wins leads from one to the other.
    """
    if len(wins) < 2:
        raise ValueError(f"a comparison needs two items, got {len(wins)}")
    if not (wins >= 0).all() or wins.isinf().any():
        raise ValueError(f"counts must be finite and not negative, got {wins.tolist()}")
    if wins.diagonal().any():
        raise ValueError(f"compared with itself: {wins.diagonal().tolist()} times")
    reach = torch.eye(len(wins)) + (wins > 0)
    for _ in range(len(wins).bit_length()):
        reach = (reach @ reach > 0).float()
    if not reach.all():
        start, end = (reach == 0).nonzero()[0].tolist()
        raise ValueError(f"no chain of wins leads from item {start} to item {end}")


def reward_loss(
    chosen: Float[Tensor, " pairs"],
    rejected: Float[Tensor, " pairs"],
    margin: Float[Tensor, " pairs"] | float = 0.0,
    center: float = 0.0,
) -> Float[Tensor, ""]:
    """Mean of -log sigmoid(r_w - r_l - margin) + center (r_w + r_l)^2.

    Half precision is computed in single precision.

    Raises
    ------
    ValueError
        If there are no pairs, or a reward is not finite.
    """
    if len(chosen) == 0:
        raise ValueError(f"no pairs: rewards of shape {tuple(chosen.shape)}")
    wide = torch.promote_types(chosen.dtype, torch.float32)
    chosen, rejected = chosen.to(wide), rejected.to(wide)
    if not (chosen.isfinite() & rejected.isfinite()).all():
        raise ValueError(f"rewards {chosen.tolist()} and {rejected.tolist()}")
    loss = -logsigmoid(chosen - rejected - margin)
    return (loss + center * (chosen + rejected) ** 2).mean()


def best_of_n(
    probability: Float[Tensor, " answers"], rewards: Real[Tensor, " answers"], n: int
) -> Float[Tensor, " answers"]:
    """Probability that an answer is the best of n; ties are broken at random.

    Raises
    ------
    ValueError
        If n < 1, or the probabilities are negative or do not sum to 1.

    Examples
    --------
    >>> best_of_n(torch.tensor([0.5, 0.5]), torch.tensor([0, 1]), n=2)
    tensor([0.2500, 0.7500])
    """
    if n < 1:
        raise ValueError(f"the best of {n} answers does not exist")
    total = probability.double().sum().item()
    if probability.min() < 0 or not math.isclose(total, 1, abs_tol=1e-3):
        raise ValueError(f"probabilities {probability.tolist()}, sum {total}")
    at_most = rewards[:, None] >= rewards
    below = rewards[:, None] > rewards
    to, under = (probability * at_most).sum(dim=1), (probability * below).sum(dim=1)
    tied = to - under  # the probability of all answers with this reward
    return torch.where(tied > 0, probability * (to**n - under**n) / tied, 0)


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
        If an n is below 1 or above the number of samples.

    Examples
    --------
    >>> values, rewards = torch.tensor([5.0, 0.0, 1.0]), torch.tensor([1, 2, 3])
    >>> best_of_n_means(values, rewards, [1, 2, 3])  # 2: (0 + 1 + 1) / 3
    tensor([2.0000, 0.6667, 1.0000], dtype=torch.float64)
    """
    samples = len(rewards)
    if not 1 <= min(counts) <= max(counts) <= samples:
        raise ValueError(f"the best of {list(counts)} among {samples} samples")
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
