"""Proximal policy optimization (PPO): advantages with a critic, and clipped losses.

Sources: Schulman et al., GAE (2016); Schulman et al., PPO (2017). The clipped loss of
the policy is that of ``grpo.py``, here with an advantage for each token.

Glossary::

    r_t          rewards         of each token; most are zero
    V(s_t)       values          what the critic expects before token t
    Â_t          advantages      of each token
    gamma        gamma           discount of later rewards
    lambda       lam             how much later errors of the critic count
    epsilon      epsilon
    V_t^targ     returns         advantages plus values, the critic's labels

Axes::

    N   answers
    T   tokens of an answer, padding included
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from snippets.alignment.grpo import clipped_loss


def token_rewards(
    scores: Float[Tensor, "*runs N"],
    mask: Bool[Tensor, "*runs N T"],
    log_ratio: Float[Tensor, "*runs N T"] | None = None,
    beta: float = 0.0,
) -> Float[Tensor, "*runs N T"]:
    """The score at each answer's last token, minus beta · log_ratio at every token.

    Parameters
    ----------
    scores
        One for each answer.
    mask
        True for the tokens that the policy chose.
    log_ratio
        log(policy / reference) of each token.

    Raises
    ------
    ValueError
        If ``beta`` is not zero or positive, or an answer has no token.

    Examples
    --------
    >>> mask = torch.tensor([[True, True, False]])
    >>> token_rewards(torch.tensor([5.0]), mask)
    tensor([[0., 5., 0.]])
    """
    if not beta >= 0:
        raise ValueError(f"beta {beta} is not zero or positive")
    if not mask.any(-1).all():
        raise ValueError(f"answer {(~mask.any(-1)).nonzero()[0].tolist()} has no token")
    left = mask.flip(-1).cumsum(-1).flip(-1)  # tokens from here on
    rewards = scores[..., None] * (mask & (left == 1))
    if log_ratio is not None:
        rewards = rewards - beta * log_ratio.detach().where(mask, 0)
    return rewards


def gae(
    rewards: Float[Tensor, "..."],
    values: Float[Tensor, "*runs N T"],
    mask: Bool[Tensor, "*runs N T"],
    gamma: float = 1.0,
    lam: float = 0.95,
) -> Float[Tensor, "*runs N T"]:
    """Generalized advantage estimation; zero outside the mask.

    Parameters
    ----------
    rewards
        One for each token.
    values
        Of the prompt and the tokens before each token. Nothing follows the last token
        of an answer, so the value after it is zero.
    mask
        True for the tokens that the policy chose, which start at the first place.

    Raises
    ------
    ValueError
        If ``gamma`` or ``lam`` is not from 0 to 1, a mask has a gap, or there is not
        one reward for each token.

    Examples
    --------
    >>> rewards = torch.tensor([[0.0, 0.0, 1.0]])
    >>> values = torch.tensor([[0.2, 0.5, 0.8]])
    >>> gae(rewards, values, torch.ones(1, 3).bool(), lam=0.5)
    tensor([[0.5000, 0.4000, 0.2000]])
    """
    for name, number in {"gamma": gamma, "lam": lam}.items():
        if not 0 <= number <= 1:
            raise ValueError(f"{name} {number} is not from 0 to 1")
    if (mask[..., 1:] & ~mask[..., :-1]).any():
        raise ValueError("a mask has a gap: the chosen tokens must come first")
    if not rewards.shape == values.shape == mask.shape:
        raise ValueError(f"{tuple(rewards.shape)}: not a reward for each token")
    rewards, values = rewards.where(mask, 0), values.detach().where(mask, 0)
    after = torch.zeros_like(values[..., 0])  # value of what follows
    advantage = torch.zeros_like(after)
    found = []
    for t in reversed(range(values.shape[-1])):
        error = rewards[..., t] + gamma * after - values[..., t]
        advantage = error + gamma * lam * advantage
        after = values[..., t]
        found.append(advantage)
    return torch.stack(found[::-1], -1)


def whiten(
    values: Float[Tensor, "*runs N T"],
    mask: Bool[Tensor, "*runs N T"],
    delta: float = 1e-4,
) -> Float[Tensor, "*runs N T"]:
    """Subtract the mean over a run's chosen tokens, divide by the standard deviation.

    ``delta`` is added to the standard deviation. Sums are in float32 or wider.

    Raises
    ------
    ValueError
        If a run has no token.

    Examples
    --------
    >>> mask = torch.tensor([[True, True, False]])
    >>> whiten(torch.tensor([[1.0, 3.0, 100.0]]), mask)
    tensor([[-0.9999,  0.9999,  0.0000]])
    """
    count = mask.sum((-2, -1), keepdim=True)
    if not count.all():
        raise ValueError("no token to whiten")
    wide = values.to(torch.promote_types(values.dtype, torch.float))  # sums: no inf
    mean = wide.where(mask, 0).sum((-2, -1), keepdim=True) / count
    centered = (wide - mean).where(mask, 0)
    square = centered.square().sum((-2, -1), keepdim=True) / count
    return (centered / (square.sqrt() + delta)).to(values.dtype)


def policy_loss(
    log_probs: Float[Tensor, "N T"],
    old_log_probs: Float[Tensor, "N T"],
    advantages: Float[Tensor, "N T"],
    mask: Bool[Tensor, "N T"],
    epsilon: float = 0.2,
) -> Float[Tensor, ""]:
    """The clipped loss, averaged over all chosen tokens.

    Parameters
    ----------
    old_log_probs
        Under the policy that drew the answers.

    Raises
    ------
    ValueError
        If no token was chosen, or ``epsilon`` is not positive.
    """
    if not mask.any():
        raise ValueError("the mask leaves no token")
    log_ratio = (log_probs - old_log_probs)[mask]
    # for clipped_loss, each token is an answer of its own
    return clipped_loss(log_ratio[:, None], advantages[mask], epsilon).mean()


def value_loss(
    values: Float[Tensor, "N T"],
    old_values: Float[Tensor, "N T"],
    returns: Float[Tensor, "N T"],
    mask: Bool[Tensor, "N T"],
    epsilon: float = 0.2,
) -> Float[Tensor, ""]:
    """Half the squared error; of the value and the clipped value, the larger one.

    The clipped value lies within ``epsilon`` of the old one. An infinite ``epsilon``
    gives the plain squared error.

    Raises
    ------
    ValueError
        If no token was chosen, or ``epsilon`` is not positive.

    Examples
    --------
    >>> one = torch.ones(1, 1)
    >>> value_loss(0.9 * one, 0 * one, one, one.bool())  # (0.2 - 1)² / 2
    tensor(0.3200)
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon {epsilon} is not positive")
    if not mask.any():
        raise ValueError("the mask leaves no token")
    values, old, label = values[mask], old_values[mask], returns[mask]
    clipped = values.clamp(old - epsilon, old + epsilon)
    error = torch.maximum((values - label).square(), (clipped - label).square())
    return error.mean() / 2


def silent(
    log_ratio: Float[Tensor, "*shape"],
    advantages: Float[Tensor, "*shape"],
    epsilon: float = 0.2,
) -> Bool[Tensor, "*shape"]:
    """True where clipping to 1 ± epsilon takes the gradient away.

    Examples
    --------
    >>> ratio = torch.tensor([1.3, 1.3, 0.7, 0.7])
    >>> silent(ratio.log(), torch.tensor([1.0, -1.0, 1.0, -1.0]))
    tensor([ True, False, False,  True])
    """
    ratio = log_ratio.exp()
    above, below = ratio > 1 + epsilon, ratio < 1 - epsilon
    return torch.where(advantages > 0, above, (advantages < 0) & below)
