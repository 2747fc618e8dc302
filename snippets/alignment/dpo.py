"""Losses of preference optimization: DPO, IPO, and KTO.

DPO is that of Rafailov et al. (2023), IPO of Azar et al. (2024), and KTO of
Ethayarajh et al. (2024). Arguments have the names that TRL gives them.

Glossary::

    y_w, y_l                    chosen, rejected   answers of a pair
    log pi_theta / pi_ref       logratios          summed over the answer's tokens
    beta                        beta               DPO, KTO: price of leaving pi_ref
    tau                         tau                IPO: the same; TRL calls it beta
    h_theta                     margin             difference of two log ratios
    z_0                         kl                 KTO: reference point
    lambda_D, lambda_U          desirable_weight, undesirable_weight

Axes::

    batch    pairs of answers, or answers
    others   answers that were written to other prompts

Half precision is computed in single precision.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid


def check_positive(**values: float) -> None:
    """Raise a ValueError that names the first value that is not above 0 and finite."""
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {value}")


def single(values: Tensor) -> Tensor:
    """The values in single precision, unless they are more precise."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def margins(chosen_logratios: Tensor, rejected_logratios: Tensor) -> Tensor:
    """Difference of the log ratios of each pair.

    Raises
    ------
    ValueError
        If there are not as many rejected answers as chosen ones.
    """
    shapes = tuple(chosen_logratios.shape), tuple(rejected_logratios.shape)
    if shapes[0] != shapes[1]:
        raise ValueError("{} chosen and {} rejected log ratios".format(*shapes))
    return single(chosen_logratios) - single(rejected_logratios)


def dpo_loss(
    chosen_logratios: Float[Tensor, "*batch"],
    rejected_logratios: Float[Tensor, "*batch"],
    beta: float,
) -> Float[Tensor, "*batch"]:
    """Negative log-likelihood of each preference under Bradley-Terry.

    Examples
    --------
    >>> dpo_loss(torch.tensor([2.0]), torch.tensor([-1.0]), beta=0.5)
    tensor([0.2014])
    """
    check_positive(beta=beta)
    return -logsigmoid(beta * margins(chosen_logratios, rejected_logratios))


def ipo_loss(
    chosen_logratios: Float[Tensor, "*batch"],
    rejected_logratios: Float[Tensor, "*batch"],
    tau: float,
) -> Float[Tensor, "*batch"]:
    """Squared distance of the margin from 1 / (2 tau).

    TRL passes log ratios that are divided by the number of tokens of the answer.

    Examples
    --------
    >>> ipo_loss(torch.tensor([2.0]), torch.tensor([-1.0]), tau=0.25)
    tensor([1.])
    """
    check_positive(tau=tau)
    return (margins(chosen_logratios, rejected_logratios) - 1 / (2 * tau)) ** 2


def kto_reference(logratios: Float[Tensor, " others"]) -> Float[Tensor, ""]:
    """Reference point of KTO: mean log ratio of answers to other prompts, at least 0.

    It estimates KL(pi_theta, pi_ref), and has no gradient.

    Raises
    ------
    ValueError
        If there is one answer only: it cannot have been written to another prompt.
    """
    if len(logratios) < 2:
        raise ValueError(f"two answers or more are needed, got {len(logratios)}")
    return single(logratios.detach()).mean().clamp(min=0)


def kto_loss(
    logratios: Float[Tensor, "*batch"],
    desirable: Bool[Tensor, "*batch"],
    kl: Float[Tensor, ""],
    beta: float,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> Float[Tensor, "*batch"]:
    """Loss of each answer that was labeled desirable or undesirable, without pairs.

    Examples
    --------
    >>> kto_loss(torch.zeros(2), torch.tensor([True, False]), torch.tensor(0.0), 0.1)
    tensor([0.5000, 0.5000])
    """
    check_positive(beta=beta, desirable_weight=desirable_weight)
    check_positive(undesirable_weight=undesirable_weight)
    gain = beta * (single(logratios) - kl)
    desirable_loss = desirable_weight * torch.sigmoid(-gain)
    undesirable_loss = undesirable_weight * torch.sigmoid(gain)
    return torch.where(desirable, desirable_loss, undesirable_loss)
