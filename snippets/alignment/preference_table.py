"""Comparisons of a few answers to one prompt, and DPO on a table of their logits.

Axes::

    answers   to the one prompt
"""

import numpy as np
import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from snippets.alignment.dpo import dpo_loss

Counts = Float[Tensor, "answers answers"]


def draw_comparisons(
    reward: Float[Tensor, " answers"],
    ref_logp: Float[Tensor, " answers"],
    count: int,
    generator: torch.Generator,
) -> Counts:
    """How often each answer, a row, won against each other one, a column.

    Both answers of a comparison are drawn from the reference. A wins against B with
    probability sigmoid(reward of A - reward of B). Draws of the same answer twice
    are left out.
    """
    answers = len(reward)
    pairs = torch.multinomial(ref_logp.exp(), 2 * count, True, generator=generator)
    first, second = pairs.view(2, -1)
    chance = torch.sigmoid(reward[first] - reward[second])
    drawn = torch.rand(count, generator=generator, dtype=chance.dtype)
    wins = drawn < chance
    cell = torch.where(wins, answers * first + second, answers * second + first)
    counts = cell.bincount(minlength=answers**2).view(answers, answers)
    return counts.to(reward.dtype).fill_diagonal_(0)


def fit_dpo(
    counts: Counts, ref_logp: Float[Tensor, " answers"], beta: float
) -> Float[Tensor, " answers"]:
    """Log-probabilities that minimize the DPO loss: one free logit for each answer.

    Raises
    ------
    ValueError
        If an answer lost, or won, all its comparisons: there is no minimum.
    """
    if (counts.sum(dim=0) == 0).any() or (counts.sum(dim=1) == 0).any():
        won, lost = counts.sum(dim=1).tolist(), counts.sum(dim=0).tolist()
        raise ValueError(f"each answer must win and lose, got {won=}, {lost=}")
    logits = ref_logp.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [logits], max_iter=500, tolerance_grad=1e-10, tolerance_change=0
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        ratios = logits.log_softmax(dim=-1) - ref_logp
        pairs = ratios[:, None].expand_as(counts)
        loss = (counts * dpo_loss(pairs, pairs.T, beta)).sum() / counts.sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return logits.detach().log_softmax(dim=-1)


def fit_scores(counts: Counts) -> Float[Tensor, " answers"]:
    """Bradley-Terry scores by scikit-learn's logistic regression, with a mean of 0."""
    wins = counts.numpy()
    winner, loser = np.nonzero(wins)
    own = np.eye(len(wins))[:, 1:]  # the first score is 0
    design, weight = own[winner] - own[loser], wins[winner, loser]
    fit = LogisticRegression(
        C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-10
    )
    both, won = np.concatenate([design, -design]), np.repeat([1, 0], len(design))
    fit.fit(both, won, np.concatenate([weight, weight]))
    scores = torch.tensor([0, *fit.coef_[0]])
    return scores - scores.mean()
