"""A policy for tasks of several decisions that must all be right, and three rewards.

Williams (1992), REINFORCE, https://doi.org/10.1007/BF00992696;
Ng, Harada & Russell (1999), ICML (potential-based shaping)

An episode ends at its first wrong decision. The policy has one logit z for each
decision; it is right with probability sigmoid(z). All logits begin at 0, so that an
episode of 10 decisions succeeds with probability 1 / 1024. ``right`` is 1 for each
decision of an episode up to the first that is wrong, and 0 from there on.

Several runs are trained at once, along the axis ``runs``.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Right = Float[Tensor, "runs batch steps"]


def sparse(right: Right) -> Right:
    """Reward 1 after the last decision if all are right."""
    rewards = torch.zeros_like(right)
    rewards[..., -1] = right[..., -1]
    return rewards


def progress(right: Right) -> Right:
    """The sparse reward, and 1 / steps for each right decision, never taken back."""
    return sparse(right) + right / right.shape[-1]


def potential_based(right: Right) -> Right:
    """The sparse reward, and the potential after a decision minus that before it.

    The potential is the share of decisions that are done; after the episode it is 0.
    """
    steps = right.shape[-1]
    done = torch.arange(steps, dtype=right.dtype) / steps
    after = right * (done + 1 / steps)
    after[..., -1] = 0
    return sparse(right) + after - reached(right) * done


def reached(right: Right) -> Right:
    """Whether a decision was made at all: the first, and each after a right one."""
    return torch.cat([torch.ones_like(right[..., :1]), right[..., :-1]], dim=-1)


def advantages(right: Right, rewards: Right) -> Right:
    """Sum of the rewards from a decision on, minus its mean over the batch.

    Episodes that ended before the decision do not count.
    """
    to_go = rewards.flip(-1).cumsum(-1).flip(-1)
    made = reached(right)
    mean = (to_go * made).sum(1, keepdim=True) / made.sum(1, keepdim=True).clamp(min=1)
    return (to_go - mean) * made


def train(
    lags: Int[np.ndarray, "runs updates batch"],
    reward: Callable[[Right], Right] = sparse,
    *,
    seed: int = 0,
    steps: int = 10,
    rate: float = 8.0,
    corrected: bool = True,
) -> Float[Tensor, "runs updates"]:
    """Probability of success before each update.

    Sample i of an update is drawn from the policy of ``lags[..., i]`` updates ago. If
    ``corrected``, it is weighted by the probability of its decisions under the current
    policy, divided by that under the policy that drew it.

    Raises
    ------
    ValueError
        If a lag is negative, or reaches back before the first policy.
    """
    runs, updates, _ = lags.shape
    version = np.arange(updates)[:, None]
    if lags.size == 0 or lags.min() < 0 or (lags > version).any():
        raise ValueError(f"lags from {lags.min(initial=0)} to {lags.max(initial=0)}")
    random = torch.Generator().manual_seed(seed)
    logits = torch.zeros(runs, updates + 1, steps)
    row = torch.arange(runs)[:, None]
    for now in range(updates):
        old = logits[row, now - torch.from_numpy(lags[:, now])]
        draws = torch.rand(old.shape, generator=random)
        right = (draws < old.sigmoid()).float().cumprod(-1)
        current = logits[:, now, None]
        sign = 2 * right - 1
        ratio = (sign * current).sigmoid() / (sign * old).sigmoid()
        weight = torch.where(reached(right) > 0, ratio, 1).prod(-1, keepdim=True)
        weight = weight if corrected else torch.ones_like(weight)
        gradient = advantages(right, reward(right)) * (right - current.sigmoid())
        logits[:, now + 1] = logits[:, now] + rate * (weight * gradient).mean(1)
    return logits[:, :-1].sigmoid().prod(-1)
