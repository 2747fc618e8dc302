"""REINFORCE, the baseline of RLOO, and a KL penalty in the reward.

REINFORCE with a baseline is from :cite:t:`williams1992simple`. The baseline that leaves
one answer out is that of :cite:t:`kool2019buy`; :cite:t:`ahmadian2024back` use it for
language models. What can be computed exactly is in ``answer_table.py``.

Glossary::

    R(y, x)       rewards      of whole answers
    b             baseline     what the reward of an answer is compared with
    pi            log_probs    of the policy, which is trained
    pi_ref        reference    log-probabilities of the model where training begins
    beta          beta         price of one nat of KL divergence
    k             G            RLOO: answers to the same prompt

Axes::

    N   answers
    G   answers to one prompt
    T   tokens of an answer
"""

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor


def policy_gradient_loss(
    log_probs: Float[Tensor, "*runs N T"],
    advantages: Float[Tensor, "..."],
    mask: Bool[Tensor, "*runs N T"] | None = None,
) -> Float[Tensor, "*runs"]:
    """Minus the mean of advantage times log-probability of the answer.

    Its gradient is minus the REINFORCE estimate. Its value means nothing.

    Parameters
    ----------
    log_probs
        Of the tokens that were drawn, computed by the current policy.
    advantages
        Reward minus baseline, one for each answer.
    mask
        True for tokens that the policy chose; without it, all.

    Raises
    ------
    ValueError
        If the advantages have a gradient or are not one for each answer, or if there is
        no answer or an answer has no token.

    Examples
    --------
    >>> log_probs = torch.tensor([[-1.0, -2.0], [-0.5, -0.25]])
    >>> policy_gradient_loss(log_probs, torch.tensor([1.0, -2.0]))
    tensor(0.7500)
    """
    if advantages.requires_grad:
        raise ValueError("advantages require a gradient: detach them, they are weights")
    one_for_each_answer(advantages, log_probs)
    if mask is not None:
        if not mask.any(-1).all():
            empty = (~mask.any(-1)).nonzero()[0].tolist()
            raise ValueError(f"the mask leaves no token of answer {empty}")
        log_probs = log_probs.where(mask, 0)
    return -(advantages * log_probs.sum(-1)).mean(-1)


def leave_one_out(rewards: Num[Tensor, "*groups G"]) -> Float[Tensor, "*groups G"]:
    """RLOO baseline: for each answer, the mean reward of the others in its group.

    Raises
    ------
    ValueError
        If a group has fewer than two answers, or a reward is not finite.

    Examples
    --------
    >>> leave_one_out(torch.tensor([5.0, 6.0, 10.0]))
    tensor([8.0000, 7.5000, 5.5000])
    """
    size = rewards.shape[-1]
    if size < 2:
        raise ValueError(f"a group of {size}: leaving one out takes at least two")
    if not rewards.isfinite().all():
        raise ValueError(f"reward {rewards[~rewards.isfinite()][0]} is not finite")
    rewards = rewards + 0.0  # whole numbers become floating, as their mean must be
    itself = torch.eye(size, dtype=torch.bool, device=rewards.device)
    # not the sum of all minus one: beside a large reward, the others would be lost
    others = rewards[..., None, :].masked_fill(itself, 0)
    wide = torch.promote_types(rewards.dtype, torch.float)  # half precision: no inf
    return (others.sum(-1, dtype=wide) / (size - 1)).to(rewards.dtype)


def penalized_rewards(
    rewards: Float[Tensor, "..."],
    log_probs: Float[Tensor, "*runs N T"],
    reference: Float[Tensor, "..."],
    beta: float,
    mask: Bool[Tensor, "*runs N T"] | None = None,
) -> Float[Tensor, "*runs N"]:
    """Reward minus beta times log(pi / pi_ref) of each whole answer, as constants.

    The mean of the second term is beta times the KL divergence from the reference.

    Raises
    ------
    ValueError
        If ``beta`` is negative, the rewards are not one for each answer, or the
        reference has other tokens than the policy.

    Examples
    --------
    >>> ours, theirs = torch.tensor([[-1.0, -1.0]]), torch.tensor([[-2.0, -3.0]])
    >>> penalized_rewards(torch.tensor([1.0]), ours, theirs, beta=0.1)
    tensor([0.7000])
    """
    if not beta >= 0:
        raise ValueError(f"beta {beta} is not a price of at least zero")
    one_for_each_answer(rewards, log_probs)
    if reference.shape != log_probs.shape:
        sizes = tuple(reference.shape), tuple(log_probs.shape)
        raise ValueError(f"reference and policy have other tokens: {sizes}")
    ratio = log_probs.detach() - reference.detach()
    if mask is not None:
        ratio = ratio.where(mask, 0)
    return rewards - beta * ratio.sum(-1)


def one_for_each_answer(
    values: Float[Tensor, "..."], log_probs: Float[Tensor, "*runs N T"]
) -> None:
    """Refuse values that would be broadcast over answers, and answers of no token."""
    if not log_probs.numel():
        raise ValueError(f"no answer, or no token: {tuple(log_probs.shape)}")
    if values.shape != log_probs.shape[:-1]:
        sizes = tuple(values.shape), tuple(log_probs.shape)
        raise ValueError(f"not one number for each answer: {sizes}")
