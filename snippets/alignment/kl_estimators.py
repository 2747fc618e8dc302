"""Estimates of a Kullback-Leibler (KL) divergence from drawn tokens.

Source: Schulman, Approximating KL Divergence (2020).

.. code-block:: rst

   .. snippet:: alignment.kl_estimators.k3

Note's symbol → our name::

    log q    log_probs, of the policy, which drew the tokens
    log p    ref_log_probs, of the reference
    r        u = p / q

Axes: ``vocab``, tokens that there are.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def k1(
    log_probs: Float[Tensor, "*shape"], ref_log_probs: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """-log u, where u is the reference's probability over the policy's.

    Its mean over samples of the policy is KL(policy || reference). It can be negative.
    """
    return log_probs - ref_log_probs


def k2(
    log_probs: Float[Tensor, "*shape"], ref_log_probs: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """(log u)² / 2: biased, never negative."""
    return (ref_log_probs - log_probs).square() / 2


def k3(
    log_probs: Float[Tensor, "*shape"], ref_log_probs: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """u - 1 - log u: the mean of k1, and never negative.

    Examples
    --------
    >>> k3(torch.tensor(0.5).log(), torch.tensor(0.25).log())  # 1/2 - 1 + ln 2
    tensor(0.1931)
    """
    log_u = ref_log_probs - log_probs
    return log_u.expm1() - log_u  # expm1: no cancellation near u = 1


def kl_divergence(
    log_probs: Float[Tensor, "*shape vocab"],
    ref_log_probs: Float[Tensor, "*shape ref_vocab"],
) -> Float[Tensor, "*shape"]:
    """KL(policy || reference) of whole distributions, in nats: the sum over all tokens.

    Raises
    ------
    ValueError
        If the reference has another vocabulary.
    """
    sizes = log_probs.shape[-1], ref_log_probs.shape[-1]
    if sizes[0] != sizes[1]:
        raise ValueError(f"policy of {sizes[0]} tokens, reference of {sizes[1]}")
    possible = log_probs.isfinite()  # 0 log 0 is 0
    ratio = torch.where(possible, log_probs - ref_log_probs, 0.0)
    return (log_probs.exp() * ratio).sum(-1)
