"""Losses after GRPO: Dr. GRPO, DAPO, GSPO, SAPO, and CISPO.

Sources: Liu et al., Dr. GRPO (2025); Yu et al., DAPO (2025); Zheng et al., GSPO (2025);
Gao et al., SAPO (2025); MiniMax, CISPO (2025).

.. code-block:: rst

   .. snippet:: alignment.beyond_grpo.dapo_loss

Papers' symbol → our name::

    r_i,t(θ) = π_θ / π_old      exp(log_ratio), of one token
    s_i(θ)                      exp(sequence_log_ratio), of one answer
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

from snippets.alignment.grpo import dead_groups, mean_over_answers

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
        If a bound is not positive, or ``low`` is not below 1.
    """
    if not (0 < low < 1 and high > 0):
        raise ValueError(f"bounds low {low}, high {high}")
    ratio, advantages = log_ratio.exp(), advantages[:, None]
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
    return -4 / tau * torch.sigmoid(tau * (log_ratio.exp() - 1)) * advantages


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


def masked_log_ratio(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    mask: Bool[Tensor, "N T"],
) -> Float[Tensor, "N T"]:
    """Logarithm of each token's ratio, 0 behind the end of an answer."""
    return (log_probs - old_log_probs).where(mask, 0.0)


def sequence_log_ratio(
    log_ratio: Float[Tensor, "N T"], mask: Bool[Tensor, "N T"]
) -> Float[Tensor, "N T"]:
    """Each answer's mean over its tokens, repeated for all of them (GSPO)."""
    total = log_ratio.where(mask, 0.0).sum(1, keepdim=True)
    mean = total / mask.sum(1, keepdim=True).clamp(min=1)
    return mean.expand_as(log_ratio)


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
        If an answer has more than ``longest`` tokens.
    """
    most = int(mask.sum(1).max())
    if most > longest:
        raise ValueError(f"answer of {most} tokens, longest is {longest}")
    return values.where(mask, 0.0).sum() / (len(values) * longest)


# The losses


def dr_grpo_loss(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    mask: Bool[Tensor, "N T"],
    longest: int,
    epsilon: float = 0.2,
) -> Float[Tensor, ""]:
    """Clipped as in GRPO, divided by a constant; take ``centered_advantages``."""
    log_ratio = masked_log_ratio(log_probs, old_log_probs, mask)
    values = two_sided_clip(log_ratio, advantages, epsilon, epsilon)
    return mean_over_places(values, mask, longest)


def dapo_loss(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    mask: Bool[Tensor, "N T"],
    low: float = 0.2,
    high: float = 0.28,
    total: int | None = None,
) -> Float[Tensor, ""]:
    """Clipped with a higher upper bound, averaged over all tokens of the batch."""
    log_ratio = masked_log_ratio(log_probs, old_log_probs, mask)
    values = two_sided_clip(log_ratio, advantages, low, high)
    return mean_over_tokens(values, mask, total)


def gspo_loss(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    mask: Bool[Tensor, "N T"],
    low: float = 3e-4,
    high: float = 4e-4,
) -> Float[Tensor, ""]:
    """Clipped by answer: one ratio for all of its tokens."""
    log_ratio = masked_log_ratio(log_probs, old_log_probs, mask)
    log_ratio = sequence_log_ratio(log_ratio, mask)
    return mean_over_answers(two_sided_clip(log_ratio, advantages, low, high), mask)


def sapo_loss(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    mask: Bool[Tensor, "N T"],
    positive: float = 1.0,
    negative: float = 1.05,
) -> Float[Tensor, ""]:
    """A smooth gate instead of the clip, averaged by answer."""
    log_ratio = masked_log_ratio(log_probs, old_log_probs, mask)
    values = soft_gate(log_ratio, advantages, positive, negative)
    return mean_over_answers(values, mask)


def cispo_loss(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    mask: Bool[Tensor, "N T"],
    largest: float = 5.0,
    total: int | None = None,
) -> Float[Tensor, ""]:
    """Policy gradient with a capped ratio as weight, averaged over all tokens."""
    log_ratio = masked_log_ratio(log_probs, old_log_probs, mask)
    own = log_probs.where(mask, 0.0)
    return mean_over_tokens(
        capped_weight(log_ratio, own, advantages, largest), mask, total
    )


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
