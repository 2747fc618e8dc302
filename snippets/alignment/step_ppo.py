"""PPO on the step task: tables as policy and critic, many runs side by side.

Axes: learning ``rates``; ``clips``, values of epsilon; ``runs`` of each; the others as
in ``step_policy.py``.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.alignment.grpo import clipped_loss
from snippets.alignment.step_policy import (
    LENGTH,
    VOCAB,
    divergence,
    expected_reward,
    sample,
    step_log_probs,
)
from snippets.alignment.step_values import earned, look_up
from snippets.alignment.token_advantages import gae, whiten


class Course(NamedTuple):
    """What happened in training.

    Attributes
    ----------
    rewards
        Exact expected reward after each batch.
    moved
        Exact KL divergence of whole answers, after a batch from before it, in nats.
    outside
        Share of the batch's tokens whose ratio ends more than 0.2 away from 1.
    """

    rewards: Float[Tensor, "batches rates clips runs"]
    moved: Float[Tensor, "batches rates clips runs"]
    outside: Float[Tensor, "batches rates clips runs"]


def train(
    epsilons: tuple[float, ...],
    steps: int,
    rates: tuple[float, ...] = (0.1,),
    runs: int = 12,
    batches: int = 25,
    answers: int = 16,
) -> Course:
    """Train from a uniform policy, with several ``steps`` on each whole batch.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> train((0.2, 1e9), steps=2, runs=3, batches=4).rewards.shape
    torch.Size([4, 1, 2, 3])
    """
    sizes = len(rates), len(epsilons), runs
    shapes = (VOCAB + 1, VOCAB), (LENGTH, VOCAB + 1)  # policy, critic
    tables = [
        [torch.zeros(*sizes[1:], *each, requires_grad=True) for each in shapes]
        for _ in rates
    ]
    groups = zip(tables, rates, strict=True)
    groups = [{"params": pair, "lr": rate} for pair, rate in groups]
    adam = torch.optim.Adam(groups, fused=True)
    rewards, moved, outside = [], [], []
    for _ in range(batches):
        with torch.no_grad():
            before, critic = map(torch.stack, zip(*tables, strict=True))
        tokens = sample(before, answers)
        chosen = torch.ones_like(tokens).bool()
        with torch.no_grad():
            old, values = step_log_probs(before, tokens), look_up(critic, tokens)
        advantages = gae(earned(tokens), values, chosen)
        returns, weights = advantages + values, whiten(advantages, chosen)
        for _ in range(steps):
            logits, critic = map(torch.stack, zip(*tables, strict=True))
            log_ratio = step_log_probs(logits, tokens) - old
            # the losses of ppo.py, without a mask: no answer has padding
            losses = [(look_up(critic, tokens) - returns).square() / 2]
            for n, epsilon in enumerate(epsilons):
                parts = log_ratio[:, n].reshape(-1, 1), weights[:, n].flatten()
                losses.append(clipped_loss(*parts, epsilon))
            adam.zero_grad()
            # of each run, the mean over its tokens
            (sum(each.sum() for each in losses) / (answers * LENGTH)).backward()
            adam.step()
        with torch.no_grad():
            logits = torch.stack([policy for policy, _ in tables])
            rewards.append(expected_reward(logits))
            moved.append(divergence(logits, before))
            ratio = (step_log_probs(logits, tokens) - old).exp()
            outside.append(((ratio - 1).abs() > 0.2).float().mean(dim=(-1, -2)))
    return Course(*map(torch.stack, (rewards, moved, outside)))
