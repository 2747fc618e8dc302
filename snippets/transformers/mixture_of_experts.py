"""Mixture of experts: which experts a token visits, and with which weights.

Shazeer et al. (2017), https://arxiv.org/abs/1701.06538; Lepikhin et al. (2020), GShard,
https://arxiv.org/abs/2006.16668; Fedus et al. (2021), Switch,
https://arxiv.org/abs/2101.03961; Zhou et al. (2022), expert choice,
https://arxiv.org/abs/2202.09368; DeepSeek-V3 (2024), https://arxiv.org/abs/2412.19437

Glossary::

    E           experts             how many experts there are
    k           top_k               how many of them a token visits
    h, h(x)     logits              products of a token and the rows of the router
    p_i         probability         softmax of the logits
    s_i         score               of DeepSeek-V3: sigmoid of the logits
    g_i         weight              of an expert's output in the sum
    T, the set  index               the experts that a token visits
    b_i         bias                e_score_correction_bias in transformers
    C           capacity            tokens that an expert has room for in a batch
    f_i         load / tokens       share of the tokens that visit an expert

Axes: ``tokens`` (of a batch, all sequences together), ``experts``, ``top_k``.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """In float32 at least: in bfloat16, scores of different logits can be equal."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Routing(NamedTuple):
    """For each token: the experts that it visits, and their weights."""

    weight: Float[Tensor, "tokens top_k"]
    index: Int[Tensor, "tokens top_k"]


def check_top_k(top_k: int, experts: int) -> None:
    """Refuse a number of visits that is not in 1..experts."""
    if not 1 <= top_k <= experts:
        raise ValueError(f"top_k={top_k} is not between 1 and {experts} experts")


def route(logits: Float[Tensor, "tokens experts"], top_k: int) -> Routing:
    """Visit the most probable experts; the weights sum to one.

    Examples
    --------
    >>> route(torch.tensor([[3.0, 1.0, 2.0]]).log(), top_k=2)
    Routing(weight=tensor([[0.6000, 0.4000]]), index=tensor([[0, 2]]))
    """
    check_top_k(top_k, logits.shape[-1])
    weight, index = wide(logits).softmax(dim=-1).topk(top_k, dim=-1)
    return Routing(weight / weight.sum(dim=-1, keepdim=True), index)


def keep_groups(
    choice: Float[Tensor, "tokens experts"], groups: int, kept: int
) -> Float[Tensor, "tokens experts"]:
    """Set to minus infinity what is not in the best groups of neighboring experts.

    The value of a group is the sum of its two best choices.
    """
    tokens, experts = choice.shape
    if groups < 1 or experts % groups or experts // groups < 2:
        raise ValueError(
            f"{experts} experts do not form {groups} groups of two or more"
        )
    if not 1 <= kept <= groups:
        raise ValueError(f"kept_groups={kept} is not between 1 and {groups} groups")
    grouped = choice.view(tokens, groups, -1)
    best = grouped.topk(2, dim=-1).values.sum(dim=-1).topk(kept, dim=-1).indices
    dropped = torch.ones_like(grouped[..., 0], dtype=torch.bool).scatter(
        -1, best, False
    )
    return grouped.masked_fill(dropped[..., None], -torch.inf).view(tokens, experts)


def route_with_bias(
    logits: Float[Tensor, "tokens experts"],
    bias: Float[Tensor, " experts"],
    top_k: int,
    *,
    groups: int = 1,
    kept_groups: int = 1,
    scale: float = 1.0,
) -> Routing:
    """Choose by score plus bias, but weight by the score alone: DeepSeek-V3."""
    experts = logits.shape[-1]
    score = wide(logits).sigmoid()
    choice = score + bias
    if (groups, kept_groups) != (1, 1):
        choice = keep_groups(choice, groups, kept_groups)
        experts = experts // groups * kept_groups
    check_top_k(top_k, experts)
    index = choice.topk(top_k, dim=-1).indices
    weight = score.gather(-1, index)
    total = weight.sum(dim=-1, keepdim=True) + 1e-20  # sigmoids can round to zero
    return Routing(scale * weight / total, index)


def expert_capacity(tokens: int, experts: int, top_k: int, factor: float) -> int:
    """Places of an expert in a batch: its fair share, times a factor, rounded up."""
    if min(tokens, experts, top_k) < 1 or not 0 < factor < math.inf:
        raise ValueError(
            f"capacity of tokens={tokens}, experts={experts}, top_k={top_k}, "
            f"factor={factor}: all must be positive"
        )
    share = factor * tokens * top_k / experts
    return math.ceil(share * (1 - 1e-12))  # 1.1 * 100 / 10 is 11


def within_capacity(
    index: Int[Tensor, "tokens top_k"], experts: int, capacity: int
) -> Bool[Tensor, "tokens top_k"]:
    """Which visits find a place: first choices before second, early tokens first."""
    if capacity < 1:
        raise ValueError(f"capacity={capacity}: every token would be dropped")
    queue = index.T.flatten()  # all first choices, then all second choices
    visits = queue[:, None] == torch.arange(experts, device=index.device)
    place = visits.cumsum(dim=0).gather(1, queue[:, None])
    return (place <= capacity).view(index.T.shape).T


class ExpertChoice(NamedTuple):
    """For each expert: the tokens that it takes, and their weights."""

    weight: Float[Tensor, "capacity experts"]
    token: Int[Tensor, "capacity experts"]


def expert_choice(
    logits: Float[Tensor, "tokens experts"], capacity: int
) -> ExpertChoice:
    """Each expert takes the tokens that give it the highest probability."""
    if not 1 <= capacity <= len(logits):
        raise ValueError(
            f"capacity={capacity} is not between 1 and {len(logits)} tokens"
        )
    weight, token = wide(logits).softmax(dim=-1).topk(capacity, dim=0)
    return ExpertChoice(weight, token)
