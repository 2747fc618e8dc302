"""Scores from comparisons, and the loss of a reward model.

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
"""

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
    wins = wins.to(scores.dtype)
    games, won = (wins + wins.T).log(), wins.sum(dim=1).log()
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
    >>> print(f"{scores[0] - scores[1]:.4f}")  # ln 3
    1.0986
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
        If there are no pairs, the shapes differ, or a value is not finite.
    """
    margin = torch.as_tensor(margin, device=chosen.device)
    shapes = [tuple(x.shape) for x in (chosen, rejected, margin)]
    if shapes[0] != shapes[1] or shapes[2] not in ((), shapes[0]):
        raise ValueError(f"chosen, rejected, and margin have shapes {shapes}")
    if len(chosen) == 0:
        raise ValueError(f"no pairs: rewards of shape {shapes[0]}")
    wide = torch.promote_types(chosen.dtype, torch.float32)
    chosen, rejected = chosen.to(wide), rejected.to(wide)
    if not (chosen.isfinite() & rejected.isfinite() & margin.isfinite()).all():
        values = chosen.tolist(), rejected.tolist(), margin.tolist()
        raise ValueError("rewards {} and {}, margin {}".format(*values))
    loss = -logsigmoid(chosen - rejected - margin)
    return (loss + center * (chosen + rejected) ** 2).mean()
