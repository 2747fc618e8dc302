"""REINFORCE, its baselines, and the optimum of a reward with a KL penalty.

REINFORCE with a baseline is from :cite:t:`williams1992simple`. The baseline that leaves
one answer out is from :cite:t:`kool2019buy`; :cite:t:`ahmadian2024back` use it for
language models.

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
    Y   all possible answers, listed in a table
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def policy_gradient_loss(
    log_probs: Float[Tensor, "*runs N T"],
    advantages: Float[Tensor, "*runs N"],
    mask: Bool[Tensor, "*runs N T"] | None = None,
) -> Float[Tensor, "*runs"]:
    """Minus the mean of advantage times log-probability of the answer.

    Its gradient is minus the REINFORCE estimate. Its value means nothing.

    Parameters
    ----------
    log_probs
        Of the tokens that were drawn, computed by the current policy.
    advantages
        Reward minus baseline.
    mask
        True for tokens that the policy chose; without it, all.

    Raises
    ------
    ValueError
        If the advantages have a gradient, or an answer has no token.

    Examples
    --------
    >>> log_probs = torch.tensor([[-1.0, -2.0], [-0.5, -0.25]])
    >>> policy_gradient_loss(log_probs, torch.tensor([1.0, -2.0]))
    tensor(0.7500)
    """
    if advantages.requires_grad:
        raise ValueError("advantages require a gradient: detach them, they are weights")
    if mask is not None:
        if not mask.any(-1).all():
            empty = (~mask.any(-1)).nonzero()[0].tolist()
            raise ValueError(f"the mask leaves no token of answer {empty}")
        log_probs = log_probs.where(mask, 0)
    return -(advantages * log_probs.sum(-1)).mean(-1)


def leave_one_out(rewards: Float[Tensor, "*groups G"]) -> Float[Tensor, "*groups G"]:
    """RLOO baseline: for each answer, the mean reward of the others in its group.

    Raises
    ------
    ValueError
        If a group has fewer than two answers.

    Examples
    --------
    >>> leave_one_out(torch.tensor([5.0, 6.0, 10.0]))
    tensor([8.0000, 7.5000, 5.5000])
    """
    size = rewards.shape[-1]
    if size < 2:
        raise ValueError(f"a group of {size}: leaving one out takes at least two")
    return (rewards.sum(-1, keepdim=True) - rewards) / (size - 1)


def penalized_rewards(
    rewards: Float[Tensor, "*runs N"],
    log_probs: Float[Tensor, "*runs N T"],
    reference: Float[Tensor, "*runs N T"],
    beta: float,
    mask: Bool[Tensor, "*runs N T"] | None = None,
) -> Float[Tensor, "*runs N"]:
    """Reward minus beta times log(pi / pi_ref) of each whole answer, as constants.

    The mean of the second term is beta times the KL divergence from the reference.

    Examples
    --------
    >>> ours, theirs = torch.tensor([[-1.0, -1.0]]), torch.tensor([[-2.0, -3.0]])
    >>> penalized_rewards(torch.tensor([1.0]), ours, theirs, beta=0.1)
    tensor([0.7000])
    """
    if beta < 0:
        raise ValueError(f"beta {beta} is negative: it would reward moving away")
    ratio = log_probs.detach() - reference.detach()
    if mask is not None:
        ratio = ratio.where(mask, 0)
    return rewards - beta * ratio.sum(-1)


def exact_gradient(
    probs: Float[Tensor, "*policies Y"], rewards: Float[Tensor, "*#policies Y"]
) -> Float[Tensor, "*policies Y"]:
    """Gradient of the mean reward with respect to the logits of a softmax policy.

    Examples
    --------
    >>> exact_gradient(torch.tensor([0.6, 0.3, 0.1]), torch.tensor([5.0, 6.0, 8.0]))
    tensor([-0.3600,  0.1200,  0.2400])
    """
    return probs * (rewards - (probs * rewards).sum(-1, keepdim=True))


def estimates(
    probs: Float[Tensor, "*policies Y"],
    rewards: Float[Tensor, " Y"],
    baseline: float | Float[Tensor, "*#policies 1"],
) -> Float[Tensor, "*policies Y Y"]:
    """Row y is the REINFORCE estimate of that gradient if answer y is drawn."""
    one = torch.eye(len(rewards), dtype=probs.dtype)
    scores = one - probs[..., None, :]  # row y: gradient of log pi(y)
    return (rewards - baseline)[..., None] * scores


def estimator_variance(
    probs: Float[Tensor, "*policies Y"],
    rewards: Float[Tensor, " Y"],
    baseline: float | Float[Tensor, "*#policies 1"],
) -> Float[Tensor, "*policies"]:
    """Expected squared distance of one estimate from the exact gradient."""
    exact = exact_gradient(probs, rewards)[..., None, :]
    error = (estimates(probs, rewards, baseline) - exact).square().sum(-1)
    return (probs * error).sum(-1)


def best_baseline(
    probs: Float[Tensor, "*policies Y"], rewards: Float[Tensor, " Y"]
) -> Float[Tensor, "*policies 1"]:
    """Constant with the least variance: mean reward, weighted by squared scores.

    Raises
    ------
    ValueError
        If one answer has probability 1: every estimate is then zero.

    Examples
    --------
    >>> best_baseline(torch.tensor([0.6, 0.3, 0.1]), torch.tensor([5.0, 6.0, 8.0]))
    tensor([6.1778])
    """
    scores = estimates(probs, torch.ones_like(rewards), 0.0)
    weights = probs * scores.square().sum(-1)
    total = weights.sum(-1, keepdim=True)
    if (total == 0).any():
        raise ValueError(f"one answer has probability 1 in {probs.tolist()}")
    return (weights * rewards).sum(-1, keepdim=True) / total


def tilted(
    reference: Float[Tensor, "*prompts Y"],
    rewards: Float[Tensor, "..."],
    beta: float,
) -> Float[Tensor, "*prompts Y"]:
    """Log-probabilities of the policy with the largest ``regularized_reward``.

    Parameters
    ----------
    reference
        Log-probabilities; -inf for answers that the reference never gives.

    Raises
    ------
    ValueError
        If ``beta`` is not positive, a reward is not finite, or the reference has
        other answers than the rewards.

    Examples
    --------
    >>> reference = torch.tensor([0.6, 0.3, 0.1]).log()
    >>> tilted(reference, torch.tensor([5.0, 6.0, 8.0]), beta=2.0).exp()
    tensor([0.3889, 0.3206, 0.2905])
    """
    if not beta > 0:
        raise ValueError(f"beta {beta} is not positive: there is no tilted optimum")
    if reference.shape != rewards.shape:
        sizes = tuple(reference.shape), tuple(rewards.shape)
        raise ValueError(f"reference and rewards list other answers: {sizes}")
    if not rewards.isfinite().all():
        raise ValueError(f"reward {rewards[~rewards.isfinite()][0]} is not finite")
    best = rewards.amax(-1, keepdim=True)  # a tiny beta must not overflow
    return (reference + (rewards - best) / beta).log_softmax(-1)


def regularized_reward(
    log_probs: Float[Tensor, "*prompts Y"],
    reference: Float[Tensor, "*prompts Y"],
    rewards: Float[Tensor, "*prompts Y"],
    beta: float,
) -> Float[Tensor, "*prompts"]:
    """Mean reward minus beta times the KL divergence from the reference, exactly."""
    mean = (log_probs.exp() * rewards).sum(-1)
    return mean - beta * kl_divergence(log_probs, reference)


def kl_divergence(
    log_probs: Float[Tensor, "*prompts Y"], reference: Float[Tensor, "*#prompts Y_ref"]
) -> Float[Tensor, "*prompts"]:
    """KL(pi || pi_ref) in nats; answers with probability zero under pi count zero.

    Raises
    ------
    ValueError
        If policy and reference list different numbers of answers.
    """
    if log_probs.shape[-1] != reference.shape[-1]:
        sizes = log_probs.shape[-1], reference.shape[-1]
        raise ValueError(f"policy and reference list other answers: {sizes}")
    given = log_probs > -torch.inf
    ratio = (log_probs - reference).where(given, 0)
    return (log_probs.exp() * ratio).sum(-1)
