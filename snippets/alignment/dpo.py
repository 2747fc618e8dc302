"""Losses of preference optimization: DPO, IPO, and KTO, from logits to the loss.

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

    batch    answers, each after its prompt
    seq      tokens of a prompt and its answer
    vocab    tokens that there are
    others   answers that were written to other prompts
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid

from snippets.training.pretraining import IGNORED


def check_positive(**values: float) -> None:
    """Raise a ValueError that names the first value that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")


def completion_logps(
    logits: Float[Tensor, "batch seq vocab"], labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, " batch"]:
    """Log-probability of each answer: the sum over its tokens.

    The logits of position t - 1 answer for the label of position t. Labels of the
    prompt and of padding are IGNORED, that of the end of the answer is not.

    Raises
    ------
    ValueError
        If a row has no label, or its first token is one: no logits answer for it.
    """
    kept = labels != IGNORED
    if not kept.any(dim=-1).all():
        raise ValueError(f"labels in each row: {kept.sum(dim=-1).tolist()}")
    if kept[:, 0].any():
        raise ValueError("the first token is a label, but nothing predicts it")
    dtype = torch.promote_types(logits.dtype, torch.float32)
    logp = logits[:, :-1].log_softmax(dim=-1, dtype=dtype)
    index = labels[:, 1:].where(kept[:, 1:], 0)
    chosen = logp.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    return chosen.where(kept[:, 1:], 0).sum(dim=-1)


def log_ratios(
    logits: Tensor, ref_logits: Tensor, labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, " batch"]:
    """How far the policy has moved from the reference: log pi_theta / pi_ref.

    Both logits have the axes batch, seq, and vocab. The reference has no gradient.

    Raises
    ------
    ValueError
        If the two have other shapes, or an answer is impossible to one of them.
    """
    if logits.shape != ref_logits.shape:
        shapes = tuple(logits.shape), tuple(ref_logits.shape)
        raise ValueError(
            "policy and reference have logits of {} and {}".format(*shapes)
        )
    reference = completion_logps(ref_logits.detach(), labels)
    ratios = completion_logps(logits, labels) - reference
    if not ratios.isfinite().all():
        raise ValueError(f"log ratios must be finite, got {ratios.tolist()}")
    return ratios


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
    return -logsigmoid(beta * (chosen_logratios - rejected_logratios))


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
    return (chosen_logratios - rejected_logratios - 1 / (2 * tau)) ** 2


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
    return logratios.detach().mean().clamp(min=0)


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
    gain = beta * (logratios - kl)
    desirable_loss = desirable_weight * torch.sigmoid(-gain)  # 1 - sigmoid(gain)
    undesirable_loss = undesirable_weight * torch.sigmoid(gain)
    return torch.where(desirable, desirable_loss, undesirable_loss)
