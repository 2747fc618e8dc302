"""Comparisons of a few answers to one prompt, and DPO on a table of their logits.

Axes::

    answers   to the one prompt
"""

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.alignment.dpo import dpo_loss
from snippets.alignment.reward_models import check_wins

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
        If no chain of wins leads from some answer to another one: there is no finite
        and unique minimum.
    """
    check_wins(counts)
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
