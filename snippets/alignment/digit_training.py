"""Training on groups of answers: draw, compare, and take several steps on one batch.

The loss and the advantages are arguments, so that methods can be compared.

Axes: ``N`` answers, of which those to the same prompt stand next to each other; ``T``
tokens; ``prompts`` and ``group`` as in ``grpo.py``.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snippets.alignment.digit_policy import LARGEST, DigitPolicy, digit_reward
from snippets.alignment.grpo import group_advantages


class Batch(NamedTuple):
    """Answers to learn from.

    Attributes
    ----------
    old_log_probs
        Of each token, under the policy that drew it.
    mask
        True for the tokens that the policy chose.
    rewards, advantages
        One for each answer.
    """

    prompts: Int[Tensor, " N"]
    tokens: Int[Tensor, "N T"]
    old_log_probs: Float[Tensor, "N T"]
    mask: Bool[Tensor, "N T"]
    rewards: Float[Tensor, " N"]
    advantages: Float[Tensor, " N"]


# log_probs, old_log_probs, advantages, mask: a number to make small
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
# rewards (prompts group): advantages of the same shape
Advantages = Callable[[Tensor], Tensor]


def draw(
    policy: DigitPolicy,
    prompts: int = 16,
    group: int = 16,
    advantages: Advantages = group_advantages,
    generator: torch.Generator | None = None,
) -> Batch:
    """``group`` answers to each of ``prompts`` numbers, which are drawn at random."""
    asked = torch.randint(1, LARGEST + 1, (prompts,), generator=generator)
    asked = asked.repeat_interleave(group)
    tokens, log_probs, mask = policy.sample(asked, generator=generator)
    rewards = digit_reward(asked, tokens)
    found = advantages(rewards.view(prompts, group)).flatten()
    return Batch(asked, tokens, log_probs, mask, rewards, found)


def shares(
    answers: int, steps: int, generator: torch.Generator | None = None
) -> tuple[Int[Tensor, "..."], ...]:
    """Which answers each step learns from: all once, in random order.

    Raises
    ------
    ValueError
        If there are fewer answers than steps.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> shares(5, steps=2)
    (tensor([4, 0, 1]), tensor([3, 2]))
    """
    if not 1 <= steps <= answers:
        raise ValueError(f"{steps} steps on {answers} answers")
    return torch.randperm(answers, generator=generator).tensor_split(steps)


def update(
    policy: DigitPolicy,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    loss: Loss,
    steps: int = 4,
    generator: torch.Generator | None = None,
) -> None:
    """Take ``steps`` steps, each on its own share of the answers, in random order."""
    for rows in shares(len(batch.tokens), steps, generator):
        part = Batch(*(field[rows] for field in batch))
        log_probs = policy.log_probs(part.prompts, part.tokens)
        optimizer.zero_grad()
        loss(log_probs, part.old_log_probs, part.advantages, part.mask).backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()


def train(
    policy: DigitPolicy,
    loss: Loss,
    batches: int,
    prompts: int = 16,
    group: int = 16,
    steps: int = 4,
    advantages: Advantages = group_advantages,
    learning_rate: float = 6e-3,
    generator: torch.Generator | None = None,
) -> list[Batch]:
    """Train the policy in place, and return the batches that it drew.

    Examples
    --------
    >>> from snippets.alignment.grpo import grpo_loss
    >>> _ = torch.manual_seed(0)
    >>> batches = train(DigitPolicy(16), grpo_loss, batches=2, prompts=3, group=4)
    >>> batches[0].tokens.shape
    torch.Size([12, 8])
    """
    optimizer = torch.optim.Adam(policy.parameters(), learning_rate)
    drawn = []
    for _ in range(batches):
        drawn.append(draw(policy, prompts, group, advantages, generator))
        update(policy, optimizer, drawn[-1], loss, steps, generator)
    return drawn
