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
    >>> import torch
    >>> k3(torch.tensor(0.5).log(), torch.tensor(0.25).log())  # 1/2 - 1 + ln 2
    tensor(0.1931)
    """
    log_u = ref_log_probs - log_probs
    return log_u.expm1() - log_u  # expm1: no cancellation near u = 1
