"""A policy that scores answers by their features, and DPO on pairs of similar answers.

The logit of answer y after prompt x is x W e, with the features x of the prompt, the
features e of the answer, and one trained matrix W for all prompts. The policy is that
of Razin et al. (2024) with fixed features and answers of one token.

Axes::

    runs      trained side by side, each with its own features
    prompts   each with one pair of answers
    answers   that each prompt can have: two a prompt, then the others
    features  of prompts and of answers
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.alignment.dpo import dpo_loss

Logps = Float[Tensor, "*runs prompts answers"]


class Features(NamedTuple):
    """Unit vectors. Answers 2 p and 2 p + 1 are chosen and rejected for prompt p."""

    prompts: Float[Tensor, "*runs prompts features"]
    answers: Float[Tensor, "*runs answers features"]


class Path(NamedTuple):
    """The policy before each update, and after the last."""

    chosen: Float[Tensor, "updates_1 runs"]
    rejected: Float[Tensor, "updates_1 runs"]
    weight: Float[Tensor, "*runs features features"]


def draw_features(
    cosine: Float[Tensor, " runs"],
    prompts: int,
    others: int,
    size: int,
    generator: torch.Generator,
) -> Features:
    """Random directions, but the two answers of a pair have the given cosine.

    Raises
    ------
    ValueError
        If a cosine is not above -1 and below 1.
    """
    if not (cosine.abs() < 1).all():
        raise ValueError(f"cosines must be between -1 and 1, got {cosine.tolist()}")
    shape = (len(cosine), 3 * prompts + others, size)
    drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
    x, chosen, other, rest = (drawn / drawn.norm(dim=-1, keepdim=True)).split(
        [prompts, prompts, prompts, others], dim=1
    )
    other = other - (other * chosen).sum(dim=-1, keepdim=True) * chosen
    other = other / other.norm(dim=-1, keepdim=True)
    c = cosine.double()[:, None, None]
    rejected = c * chosen + (1 - c**2).sqrt() * other
    pairs = torch.stack([chosen, rejected], dim=2).flatten(1, 2)
    return Features(x, torch.cat([pairs, rest], dim=1))


def log_policy(
    weight: Float[Tensor, "*runs features features"], data: Features
) -> Logps:
    """Log-probability of each answer after each prompt."""
    return (data.prompts @ weight @ data.answers.mT).log_softmax(dim=-1)


def pair_ratios(logp: Logps, ref_logp: Logps) -> Float[Tensor, "2 *runs prompts"]:
    """Log ratios of the chosen and of the rejected answer of each prompt."""
    ratios = logp - ref_logp
    prompts = ratios.shape[-2]
    chosen = ratios[..., : 2 * prompts : 2].diagonal(dim1=-2, dim2=-1)
    rejected = ratios[..., 1 : 2 * prompts : 2].diagonal(dim1=-2, dim2=-1)
    return torch.stack([chosen, rejected])


def train(
    data: Features,
    reference: Float[Tensor, "*runs features features"],
    rates: Float[Tensor, " runs"],
    *,
    beta: float,
    updates: int,
    likelihood: float = 0.0,
) -> Path:
    """Gradient descent on DPO, from the reference; each run has its learning rate.

    ``likelihood`` is the weight of -log pi(chosen), which is added to the loss.
    """
    weight = reference.clone().requires_grad_()
    ref_logp = log_policy(reference, data)
    seen = []
    for update in range(updates + 1):
        ratios = pair_ratios(log_policy(weight, data), ref_logp)
        seen.append(ratios.detach().mean(dim=-1))
        if update == updates:
            break
        loss = dpo_loss(*ratios, beta) - likelihood * ratios[0]
        (grad,) = torch.autograd.grad(loss.mean(dim=-1).sum(), weight)
        weight = (weight.detach() - rates[:, None, None] * grad).requires_grad_()
    chosen, rejected = torch.stack(seen, dim=1)
    return Path(chosen, rejected, weight.detach())
