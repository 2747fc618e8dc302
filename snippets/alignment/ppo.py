"""Proximal policy optimization (PPO): the clipped losses of policy and critic.

Source: Schulman et al., PPO (2017). The clipped loss of the policy is that of
``grpo.py``, here with an advantage for each token (``token_advantages.py``).

Glossary::

    Â_t          advantages      of each token
    epsilon      epsilon
    V(s_t)       values          what the critic expects before token t
    V_t^targ     returns         advantages plus values, the critic's labels

Axes::

    N   answers
    T   tokens of an answer, padding included
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from snippets.alignment.grpo import clipped_loss


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
