"""Group relative policy optimization (GRPO): advantages from a group, a clipped loss.

Source: Shao et al., DeepSeekMath (2024).

.. code-block:: rst

   .. snippet:: alignment.grpo.group_advantages

Paper's symbol → our name::

    r_i                    rewards, one for each answer
    Â_i                    advantages, one for each answer
    π_θ, π_old, π_ref      log_probs, old_log_probs, ref_log_probs: logarithms, by token
    ε, β                   epsilon, beta
    o_i, |o_i|             an answer, and its number of tokens: the sum of a row of mask

Axes::

    prompts  questions of a batch
    group    answers to the same prompt (G)
    N        answers of a batch, prompts · group
    T        tokens of an answer, padding included
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from snippets.alignment.kl_estimators import k3

LARGEST_LOG_RATIO = 10.0  # a larger one could overflow in half precision


def group_advantages(
    rewards: Float[Tensor, "prompts group"], delta: float = 1e-4
) -> Float[Tensor, "prompts group"]:
    """How many standard deviations each reward lies above the mean of its group.

    The standard deviation is that of a sample (divided by group - 1), plus ``delta``.
    A group whose rewards are all equal gets exact zeros.

    Raises
    ------
    ValueError
        If a group has fewer than two answers, or a reward is not finite.

    Examples
    --------
    >>> group_advantages(torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]))
    tensor([[ 1.4997, -0.4999, -0.4999, -0.4999],
            [ 0.0000,  0.0000,  0.0000,  0.0000]])
    """
    dead = dead_groups(rewards)
    centered = rewards - rewards.mean(1, keepdim=True)
    scaled = centered / (rewards.std(1, keepdim=True) + delta)
    return scaled.masked_fill(dead[:, None], 0.0)  # no rounding errors


def dead_groups(rewards: Float[Tensor, "prompts group"]) -> Bool[Tensor, " prompts"]:
    """True for each group whose rewards are all equal.

    Raises
    ------
    ValueError
        If a group has fewer than two answers, or a reward is not finite.

    Examples
    --------
    >>> dead_groups(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.1, 0.1]]))
    tensor([False,  True,  True])
    """
    if rewards.shape[1] < 2:
        raise ValueError(f"groups of {rewards.shape[1]}: nothing to compare with")
    wrong = rewards[~rewards.isfinite()]
    if len(wrong):
        raise ValueError(f"reward {wrong[0].item()}")
    return (rewards == rewards[:, :1]).all(1)


def clipped_loss(
    log_ratio: Float[Tensor, "N T"],
    advantages: Float[Tensor, "*answers"],
    epsilon: float = 0.2,
) -> Float[Tensor, "N T"]:
    """Of each token, -min(r A, clip(r) A) with r = exp(log_ratio).

    Raises
    ------
    ValueError
        If ``epsilon`` is not positive, or there is not one advantage for each answer.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon {epsilon} is not positive")
    if advantages.shape != log_ratio.shape[:1]:
        raise ValueError(f"advantages of shape {tuple(advantages.shape)}")
    ratio = log_ratio.clamp(max=LARGEST_LOG_RATIO).exp()
    clipped = ratio.clamp(1 - epsilon, 1 + epsilon)
    return -torch.minimum(ratio * advantages[:, None], clipped * advantages[:, None])


def mean_over_answers(
    values: Float[Tensor, "N T"], mask: Bool[Tensor, "N T"]
) -> Float[Tensor, ""]:
    """Mean over the tokens of each answer, then over the answers.

    Raises
    ------
    ValueError
        If an answer has no token.
    """
    lengths = mask.sum(1)
    if not lengths.all():
        raise ValueError(f"answer {lengths.argmin().item()} has no token")
    return (values.where(mask, 0.0).sum(1) / lengths).mean()


def grpo_loss(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, " N"],
    mask: Bool[Tensor, "N T"],
    epsilon: float = 0.2,
    ref_log_probs: Float[Tensor, "N T"] | None = None,
    beta: float = 0.04,
) -> Float[Tensor, ""]:
    """The clipped loss, plus beta · k3 if there is a reference, averaged by answer.

    Parameters
    ----------
    log_probs
        Of the tokens of each answer, under the policy that is trained.
    old_log_probs
        The same, under the policy that drew the answers.
    advantages
        One for each answer; each of its tokens gets it.
    mask
        True for the tokens that the policy chose. Others may hold anything.

    Raises
    ------
    ValueError
        If ``beta`` is negative, ``epsilon`` is not positive, or an answer has no token.
    """
    if not beta >= 0:
        raise ValueError(f"beta {beta} is not zero or positive")
    log_ratio = (log_probs - old_log_probs).where(mask, 0.0)  # before exp: no inf · 0
    loss = clipped_loss(log_ratio, advantages, epsilon)
    if ref_log_probs is not None:
        loss = loss + beta * k3(
            log_probs.where(mask, 0.0), ref_log_probs.where(mask, 0.0)
        )
    return mean_over_answers(loss, mask)
