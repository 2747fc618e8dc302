"""A policy over answers that can all be listed: everything is computed, nothing drawn.

The gradient and its estimates are those of a softmax over logits, one for each answer
:cite:p:`williams1992simple`. The best constant baseline is a case of that of
:cite:t:`greensmith2004variance`. For the optimum with a KL penalty as a Bayesian
posterior, see :cite:t:`korbak2022rl`.

Glossary::

    R(y)      rewards     of the answers
    pi        probs       of the policy, or log_probs
    pi_ref    reference   log-probabilities of the model where training begins
    b         baseline    what the reward of an answer is compared with
    beta      beta        price of one nat of KL divergence

Axes: ``Y`` all possible answers.
"""

import torch
from jaxtyping import Float
from torch import Tensor


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
    one = torch.eye(len(rewards), dtype=probs.dtype, device=probs.device)
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
    possible = reference > -torch.inf
    best = rewards.where(possible, -torch.inf).amax(-1, keepdim=True)
    # at most 0, so that a tiny beta does not overflow
    tilt = ((rewards - best) / beta).where(possible, 0)
    return (reference + tilt).log_softmax(-1)


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
