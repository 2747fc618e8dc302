"""Sampling: from the scores of a language model to a distribution to draw from.

Top-k: Fan, Lewis and Dauphin (2018), https://doi.org/10.18653/v1/P18-1082. Top-p, or
nucleus sampling: Holtzman et al. (2020), https://arxiv.org/abs/1904.09751. Min-p:
Nguyen et al. (2025), https://arxiv.org/abs/2407.01082.

Glossary::

    u of Holtzman           logits        scores before the softmax
    t                       temperature
    V^(k), V^(p)            k, p          top_k, top_p of libraries
    p_base of Nguyen        min_p

Axes: ``batch``, ``vocab``. A removed token has the logit minus infinity.
"""

from math import inf, log

import torch
from jaxtyping import Float
from torch import Tensor


def check(logits: Float[Tensor, "*batch vocab"]) -> None:
    """Refuse logits that are no distribution.

    Raises
    ------
    ValueError
        If the vocabulary is empty, a logit is NaN or plus infinity, or no token is
        left.
    """
    if logits.shape[-1] == 0:
        raise ValueError(f"logits of shape {tuple(logits.shape)} have no vocabulary")
    if bad := int((logits.isnan() | (logits == inf)).sum()):
        raise ValueError(f"{bad} logits are NaN or plus infinity")
    if rows := int((logits == -inf).all(dim=-1).sum()):
        raise ValueError(f"{rows} rows have no token left: all logits are -inf")


def probabilities(
    logits: Float[Tensor, "*batch vocab"],
) -> Float[Tensor, "*batch vocab"]:
    """The softmax, in single precision or better.

    Examples
    --------
    >>> probabilities(torch.tensor([log(3.0), 0.0, -inf]))
    tensor([0.7500, 0.2500, 0.0000])
    """
    check(logits)
    return logits.softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def apply_temperature(
    logits: Float[Tensor, "*batch vocab"], temperature: float
) -> Float[Tensor, "*batch vocab"]:
    """Divide the distances to the largest logit by the temperature.

    The largest logit becomes zero, so that no small temperature overflows.

    Examples
    --------
    >>> apply_temperature(torch.tensor([3.0, 1.0]), 0.5)
    tensor([ 0., -4.])
    """
    check(logits)
    if temperature == 0:
        raise ValueError("temperature=0.0: take logits.argmax(-1), greedy decoding")
    limits = torch.finfo(logits.dtype)
    if not limits.tiny <= temperature <= limits.max:
        raise ValueError(f"temperature={temperature} is not positive and finite")
    return (logits - logits.amax(-1, keepdim=True)) / temperature


def keep_top_k(
    logits: Float[Tensor, "*batch vocab"], k: int
) -> Float[Tensor, "*batch vocab"]:
    """Remove tokens below the k-th largest logit; tokens equal to it stay.

    Examples
    --------
    >>> keep_top_k(torch.tensor([2.0, 0.0, 1.0, 1.0]), 2)
    tensor([2., -inf, 1., 1.])
    """
    check(logits)
    if k < 1:
        raise ValueError(f"k={k} keeps no token; leave top-k out to keep all")
    lowest = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < lowest, -inf)


def keep_top_p(
    logits: Float[Tensor, "*batch vocab"], p: float
) -> Float[Tensor, "*batch vocab"]:
    """Keep the fewest most probable tokens that reach p, and those equal to the last.

    Examples
    --------
    >>> keep_top_p(torch.tensor([0.2, 0.5, 0.1, 0.2]).log(), 0.6).exp()
    tensor([0.2000, 0.5000, 0.0000, 0.2000])
    """
    if not 0 < p <= 1:
        raise ValueError(f"p={p} is not in (0, 1]")
    ascending = logits.sort(dim=-1).values
    mass = probabilities(ascending).cumsum(-1)  # of a token and all that are smaller
    # p = 1 keeps all, also a probability that is rounded to 0
    removed = ((mass <= 1 - p) & (p < 1)).sum(-1, keepdim=True)
    lowest = ascending.gather(-1, removed.clamp(max=logits.shape[-1] - 1))
    return logits.masked_fill(logits < lowest, -inf)


def keep_min_p(
    logits: Float[Tensor, "*batch vocab"], min_p: float
) -> Float[Tensor, "*batch vocab"]:
    """Remove tokens less probable than min_p times the most probable one.

    Examples
    --------
    >>> keep_min_p(torch.tensor([0.6, 0.25, 0.15]).log(), 0.4).exp()
    tensor([0.6000, 0.2500, 0.0000])
    """
    check(logits)
    if not 0 <= min_p <= 1:
        raise ValueError(f"min_p={min_p} is not in [0, 1]")
    wide = torch.promote_types(logits.dtype, torch.float32)
    distance = log(min_p) if min_p else -inf
    lowest = logits.amax(-1, keepdim=True).to(wide) + distance
    return logits.masked_fill(logits < lowest, -inf)
