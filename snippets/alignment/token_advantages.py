"""Advantages of tokens from a critic: generalized advantage estimation (GAE).

Source: Schulman et al., GAE (2016).

Glossary::

    r_t          rewards         of each token; most are zero
    V(s_t)       values          what the critic expects before token t
    Â_t          advantages      of each token
    gamma        gamma           discount of later rewards
    lambda       lam             how much later errors of the critic count

Axes::

    runs  batches side by side
    N     answers
    T     tokens of an answer, padding included
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def token_rewards(
    scores: Float[Tensor, "..."],
    mask: Bool[Tensor, "*runs N T"],
    log_ratio: Float[Tensor, "..."] | None = None,
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
        If ``beta`` is not zero or positive, an answer has no token, or there is not one
        score for each answer or one log-ratio for each token.

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
    if scores.shape != mask.shape[:-1]:
        raise ValueError(f"{tuple(scores.shape)}: not a score for each answer")
    if log_ratio is not None and log_ratio.shape != mask.shape:
        raise ValueError(f"{tuple(log_ratio.shape)}: not a log-ratio for each token")
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
