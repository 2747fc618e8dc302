"""The losses of Dr. GRPO, DAPO, GSPO, SAPO, and CISPO: parts of beyond_grpo.py joined.

Sources: Liu et al., Dr. GRPO (2025); Yu et al., DAPO (2025); Zheng et al., GSPO (2025);
Gao et al., SAPO (2025); MiniMax, CISPO (2025).

.. code-block:: rst

   .. snippet:: alignment.beyond_grpo_losses.gspo_loss

Papers' symbol → our name::

    r_i,t(θ) = π_θ / π_old      exp(masked_log_ratio), of one token
    s_i(θ)                      exp(sequence_log_ratio), of one answer
    Â_i                         advantages, one for each answer
    ε_low, ε_high               low, high
    τ_pos, τ_neg                positive, negative

Axes::

    N  answers of a batch
    T  tokens of an answer, padding included
"""

from jaxtyping import Bool, Float
from torch import Tensor

from snippets.alignment.beyond_grpo import (
    capped_weight,
    mean_over_places,
    mean_over_tokens,
    soft_gate,
    two_sided_clip,
)
from snippets.alignment.grpo import mean_over_answers


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
