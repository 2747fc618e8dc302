"""PPO on the step task: tables as policy and critic, many runs side by side.

Axes: ``settings`` values of epsilon; ``runs`` of each; the others as in
``step_policy.py``.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.alignment.ppo import gae, policy_loss, value_loss, whiten
from snippets.alignment.step_policy import (
    LENGTH,
    VOCAB,
    divergence,
    expected_reward,
    sample,
    step_log_probs,
)
from snippets.alignment.step_values import earned, look_up


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

    rewards: Float[Tensor, "batches settings runs"]
    moved: Float[Tensor, "batches settings runs"]
    outside: Float[Tensor, "batches settings runs"]


def train(
    epsilons: tuple[float, ...],
    steps: int,
    runs: int = 12,
    batches: int = 25,
    answers: int = 16,
    learning_rate: float = 0.1,
) -> Course:
    """Train from a uniform policy, with several ``steps`` on each whole batch.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> train((0.2, 1e9), steps=2, runs=3, batches=4).rewards.shape
    torch.Size([4, 2, 3])
    """
    sizes = len(epsilons), runs
    logits = torch.zeros(*sizes, VOCAB + 1, VOCAB, requires_grad=True)
    critic = torch.zeros(*sizes, LENGTH, VOCAB + 1, requires_grad=True)
    adam = torch.optim.Adam([logits, critic], learning_rate)
    rewards, moved, outside = [], [], []
    for _ in range(batches):
        before = logits.detach().clone()
        tokens = sample(logits.flatten(0, 1), answers).unflatten(0, sizes)
        chosen = torch.ones_like(tokens).bool()
        with torch.no_grad():
            old, values = step_log_probs(logits, tokens), look_up(critic, tokens)
        advantages = gae(earned(tokens), values, chosen)
        labels = advantages + values, values, chosen
        returns, values, mask = (each.flatten(0, 2) for each in labels)
        weights = whiten(advantages, chosen)
        for _ in range(steps):
            now, found = step_log_probs(logits, tokens), look_up(critic, tokens)
            # sums over settings and runs: each has gradients of its own
            loss = value_loss(found.flatten(0, 2), values, returns, mask, torch.inf)
            loss = loss * len(epsilons)
            for n, epsilon in enumerate(epsilons):
                parts = (each[n].flatten(0, 1) for each in (now, old, weights, chosen))
                loss = loss + policy_loss(*parts, epsilon)
            adam.zero_grad()
            (loss * runs).backward()
            adam.step()
        with torch.no_grad():
            rewards.append(expected_reward(logits))
            moved.append(divergence(logits, before))
            ratio = (step_log_probs(logits, tokens) - old).exp()
            outside.append(((ratio - 1).abs() > 0.2).float().mean(dim=(-1, -2)))
    return Course(*map(torch.stack, (rewards, moved, outside)))
