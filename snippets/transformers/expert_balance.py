"""Expert balance: how evenly experts are visited, and what makes it more even.

Fedus et al. (2021), Switch, https://arxiv.org/abs/2101.03961; Zoph et al. (2022),
z-loss, https://arxiv.org/abs/2202.08906; Wang et al. (2024), bias without a loss,
https://arxiv.org/abs/2408.15664

Glossary::

    E, N            experts             how many experts there are
    h(x)            logits              products of a token and the rows of the router
    p(x)            probability         softmax of the logits
    c_i             load                tokens that visit an expert
    f_i             share               load / tokens
    b_i             bias                e_score_correction_bias in transformers
    u               rate                of the update of the bias

Axes: ``tokens`` (of a batch, all sequences together), ``experts``, ``top_k``.
"""

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor

from snippets.transformers.mixture_of_experts import wide


def expert_load(
    index: Int[Tensor, "tokens top_k"], experts: int
) -> Int[Tensor, " experts"]:
    """How many tokens visit each expert."""
    each = torch.arange(experts, device=index.device)
    return (index[..., None] == each).sum(dim=(0, 1))


def max_violation(load: Real[Tensor, " experts"]) -> Float[Tensor, ""]:
    """MaxVio: by which share the largest load exceeds the mean load."""
    if not load.sum() > 0:
        raise ValueError(f"load={load.tolist()}: no token was routed")
    return load.max() / load.double().mean() - 1


def load_balancing_loss(
    probability: Float[Tensor, "tokens experts"], index: Int[Tensor, "tokens top_k"]
) -> Float[Tensor, ""]:
    """Switch: experts times the sum of share of tokens times mean probability.

    Examples
    --------
    >>> even = torch.full((4, 4), 0.25)
    >>> load_balancing_loss(even, torch.tensor([[0, 1], [1, 2], [2, 3], [3, 0]]))
    tensor(2.)
    """
    tokens, experts = probability.shape
    if not tokens:
        raise ValueError("tokens=0: an empty batch has no shares")
    if len(index) != tokens:
        raise ValueError(f"probability has {tokens} tokens, index has {len(index)}")
    mean = wide(probability).mean(dim=0)
    share = expert_load(index, experts).to(mean) / tokens
    return experts * (share * mean).sum()


def z_loss(logits: Float[Tensor, "tokens experts"]) -> Float[Tensor, ""]:
    """ST-MoE: mean square of the logarithm of the softmax's denominator."""
    return wide(logits).logsumexp(dim=-1).square().mean()


def update_bias(
    bias: Float[Tensor, " experts"],
    load: Real[Tensor, " experts"],
    rate: float | Float[Tensor, ""],
) -> Float[Tensor, " experts"]:
    """Raise the bias of experts below the mean load, lower that of those above.

    The result has at least float32: bfloat16 would lose small steps.

    Examples
    --------
    >>> update_bias(torch.zeros(3), torch.tensor([6, 2, 1]), rate=0.5)
    tensor([-0.5000,  0.5000,  0.5000])
    """
    return wide(bias) + rate * (load.double().mean() - load).sign().to(wide(bias))
