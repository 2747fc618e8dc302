"""What GRPO's successors change: advantages, token losses, divisors, a reward.

Sources: Liu et al., Dr. GRPO (2025); Yu et al., DAPO (2025); Zheng et al., GSPO (2025);
Gao et al., SAPO (2025); MiniMax, CISPO (2025).

.. code-block:: rst

   .. snippet:: alignment.beyond_grpo.mean_over_tokens

Papers' symbol → our name::

    r_i,t(θ) = π_θ / π_old      exp(log_ratio), of one token
    Â_i                         advantages, one for each answer
    ε_low, ε_high               low, high
    τ_pos, τ_neg                positive, negative
    L_max, L_cache              longest, buffer
    |o_i|                       tokens of an answer: the sum of a row of mask

Axes::

    prompts  questions of a batch
    group    answers to the same prompt (G)
    N        answers of a batch, prompts · group
    T        tokens of an answer, padding included
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from snippets.alignment.grpo import LARGEST_LOG_RATIO, dead_groups

# Advantages


def centered_advantages(
    rewards: Float[Tensor, "prompts group"],
) -> Float[Tensor, "prompts group"]:
    """Each reward minus the mean of its group (Dr. GRPO).

    A group whose rewards are all equal gets exact zeros.

    Raises
    ------
    ValueError
        If a group has fewer than two answers, or a reward is not finite.

    Examples
    --------
    >>> centered_advantages(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    tensor([[ 0.7500, -0.2500, -0.2500, -0.2500]])
    """
    dead = dead_groups(rewards)
    centered = rewards - rewards.mean(1, keepdim=True)
    return centered.masked_fill(dead[:, None], 0.0)


# What a token contributes


def two_sided_clip(
    log_ratio: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    low: float = 0.2,
    high: float = 0.28,
) -> Float[Tensor, "N T"]:
    """-min(r A, clip(r, 1 - low, 1 + high) A) with r = exp(log_ratio).

    Raises
    ------
    ValueError
        If ``low`` is not below 1, or a bound is lost when it is added to 1: zero,
        negative, or too small for the type of ``log_ratio``.
    """
    smallest = torch.finfo(log_ratio.dtype).eps
    if not (smallest <= low < 1 and high >= smallest):
        raise ValueError(f"bounds low {low}, high {high} for {log_ratio.dtype}")
    ratio = log_ratio.clamp(max=LARGEST_LOG_RATIO).exp()
    advantages = advantages[:, None]
    clipped = ratio.clamp(1 - low, 1 + high)
    return -torch.minimum(ratio * advantages, clipped * advantages)


def soft_gate(
    log_ratio: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    positive: float = 1.0,
    negative: float = 1.05,
) -> Float[Tensor, "N T"]:
    """-4/τ sigmoid(τ (r - 1)) A (SAPO), with τ chosen by the sign of the advantage.

    Raises
    ------
    ValueError
        If a temperature is not positive.
    """
    if not (positive > 0 and negative > 0):
        raise ValueError(f"temperatures {positive}, {negative}")
    advantages = advantages[:, None]
    tau = torch.where(advantages > 0, positive, negative).to(log_ratio)
    ratio = log_ratio.clamp(max=LARGEST_LOG_RATIO).exp()
    return -4 / tau * torch.sigmoid(tau * (ratio - 1)) * advantages


def capped_weight(
    log_ratio: Float[Tensor, "N T"],
    log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    largest: float = 5.0,
) -> Float[Tensor, "N T"]:
    """-min(r, largest) A log π (CISPO): the gradient sees log π only.

    Raises
    ------
    ValueError
        If ``largest`` is below 1: it would bound the ratio of unchanged tokens.
    """
    if not largest >= 1:
        raise ValueError(f"largest ratio {largest} is below 1")
    weight = log_ratio.detach().exp().clamp(max=largest)
    return -weight * advantages[:, None] * log_probs


# From tokens to one number


def mean_over_tokens(
    values: Float[Tensor, "N T"],
    mask: Bool[Tensor, "N T"],
    total: int | None = None,
) -> Float[Tensor, ""]:
    """Sum over all tokens, divided by how many tokens there are (DAPO).

    Parameters
    ----------
    total
        Tokens of the whole batch, if this is only a part of it.

    Raises
    ------
    ValueError
        If there is no token, or ``total`` is below the tokens that are here.
    """
    here = int(mask.sum())
    total = here if total is None else total
    if total < max(here, 1):
        raise ValueError(f"total of {total} tokens, {here} of them here")
    return values.where(mask, 0.0).sum() / total


def mean_over_places(
    values: Float[Tensor, "N T"], mask: Bool[Tensor, "N T"], longest: int
) -> Float[Tensor, ""]:
    """Sum over all tokens, divided by N · longest, a constant (Dr. GRPO).

    Raises
    ------
    ValueError
        If an answer has more than ``longest`` tokens, or ``longest`` is below 1.
    """
    most = int(mask.sum(1).max())
    if longest < max(most, 1):
        raise ValueError(f"answer of {most} tokens, longest is {longest}")
    return values.where(mask, 0.0).sum() / (len(values) * longest)


# A reward


def overlong_penalty(
    lengths: Int[Tensor, " N"], longest: int, buffer: int
) -> Float[Tensor, " N"]:
    """0 up to ``longest - buffer`` tokens, then falling, -1 from ``longest`` on (DAPO).

    Raises
    ------
    ValueError
        If ``buffer`` is not from 1 to ``longest``.

    Examples
    --------
    >>> overlong_penalty(torch.tensor([70, 80, 95, 100, 130]), longest=100, buffer=20)
    tensor([ 0.0000,  0.0000, -0.7500, -1.0000, -1.0000])
    """
    if not 1 <= buffer <= longest:
        raise ValueError(f"buffer of {buffer} tokens, longest is {longest}")
    return ((longest - buffer - lengths) / buffer).clamp(-1, 0)
