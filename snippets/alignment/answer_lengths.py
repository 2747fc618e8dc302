"""Answers whose length has nothing to do with their reward.

An answer is right or wrong by a coin. After each token it stops, with one probability
if it is right and another if it is wrong. Only these two probabilities are trained.

Axes: ``prompts``, ``group`` and ``N`` as in ``beyond_grpo.py``; ``longest`` tokens;
``steps``; ``kinds`` are wrong (0) and right (1).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid

from snippets.alignment.digit_training import Advantages, Loss


class History(NamedTuple):
    """What happened in each step.

    Attributes
    ----------
    lengths
        Mean number of tokens.
    stop
        Logit of stopping, before the step.
    """

    lengths: Float[Tensor, "steps kinds"]
    stop: Float[Tensor, "steps kinds"]


def draw_answers(
    stop: Float[Tensor, " kinds"], right: Int[Tensor, " N"], longest: int
) -> tuple[Int[Tensor, " N"], Float[Tensor, "N longest"]]:
    """Lengths, and the log-probability of each choice to go on or to stop.

    Raises
    ------
    ValueError
        If ``longest`` is below 1.
    """
    if longest < 1:
        raise ValueError(f"longest answer of {longest} tokens")
    chance = stop.detach().sigmoid()[right]
    before = (torch.log(1 - torch.rand(len(right))) / torch.log1p(-chance)).long()
    last = torch.arange(longest) == before[:, None]
    own = stop[right][:, None]
    log_probs = torch.where(last, logsigmoid(own), logsigmoid(-own))
    return (before + 1).clamp(max=longest), log_probs


def learn_lengths(
    loss: Loss,
    advantages: Advantages,
    learning_rate: float,
    steps: int,
    prompts: int = 16,
    group: int = 16,
    longest: int = 64,
) -> History:
    """Train both probabilities by gradient descent, with fresh answers in each step.

    Examples
    --------
    >>> from snippets.alignment.grpo import group_advantages, grpo_loss
    >>> _ = torch.manual_seed(0)
    >>> learn_lengths(grpo_loss, group_advantages, 0.5, steps=3).stop.shape
    torch.Size([3, 2])
    """
    stop = torch.full((2,), -2.0, requires_grad=True)
    lengths, logits = [], []
    for _ in range(steps):
        right = (torch.rand(prompts, group) < 0.5).long()
        found = advantages(right.float()).flatten()
        right = right.flatten()
        drawn, log_probs = draw_answers(stop, right, longest)
        lengths.append([drawn[right == k].float().mean() for k in (0, 1)])
        logits.append(stop.detach().clone())
        mask = torch.arange(longest) < drawn[:, None]
        value = loss(log_probs, log_probs.detach(), found, mask)
        stop.data -= learning_rate * torch.autograd.grad(value, stop)[0]
    return History(torch.tensor(lengths), torch.stack(logits))
