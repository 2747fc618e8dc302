"""Expert parallelism: a mixture of experts whose experts lie on several ranks.

Lepikhin et al. (2020), GShard, https://arxiv.org/abs/2006.16668 (all-to-all);
Jiang et al. (2024), Mixtral, https://arxiv.org/abs/2401.04088 (top-k of a softmax)

The names are those of transformers' ``MixtralSparseMoeBlock``: a router ``gate``, and
``experts`` with the stacked matrices ``gate_up_proj`` and ``down_proj``.

Axes::

    tokens   rows of this rank; every rank has its own number of them
    top_k    experts that a token visits
    pairs    of a token and an expert that it visits, ``tokens * top_k``
    experts  those of all ranks; each rank holds an equal share
"""

from copy import deepcopy

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributed import all_to_all_single

from snippets.transformers import expert_blocks


class Experts(expert_blocks.Experts):
    """Gated feed-forward networks, applied to rows that each visit one of them."""

    def forward(
        self, x: Float[Tensor, "pairs d_model"], index: Int[Tensor, " pairs"]
    ) -> Float[Tensor, "pairs d_model"]:
        """Each row by the expert that ``index`` names."""
        y = torch.zeros_like(x)
        for expert in index.unique().tolist():
            rows = index == expert
            y[rows] = self.one(expert, x[rows])
        return y


class SparseMoeBlock(nn.Module):
    """A router and its experts, all on one rank.

    Examples
    --------
    >>> block = SparseMoeBlock(experts=8, top_k=2, d_model=24, d_ff=40)
    >>> block(torch.randn(5, 24)).shape
    torch.Size([5, 24])
    """

    def __init__(self, *, experts: int, top_k: int, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.top_k = top_k
        self.gate = nn.Linear(d_model, experts, bias=False)
        self.experts = Experts(experts=experts, d_model=d_model, d_ff=d_ff)

    def route(
        self, x: Float[Tensor, "tokens d_model"]
    ) -> tuple[Float[Tensor, "tokens top_k"], Int[Tensor, "tokens top_k"]]:
        """Weights, which sum to one, and numbers of the experts of each token.

        In bfloat16 many probabilities would be equal, and the best k undecided.
        """
        probability = self.gate(x).softmax(dim=-1, dtype=torch.float32)
        weight, index = probability.topk(self.top_k, dim=-1)
        return weight / weight.sum(dim=-1, keepdim=True), index

    def forward(
        self, x: Float[Tensor, "tokens d_model"]
    ) -> Float[Tensor, "tokens d_model"]:
        weight, index = self.route(x)
        pairs = x.repeat_interleave(self.top_k, dim=0)
        y = self.experts(pairs, index.flatten()).view(*index.shape, -1)
        return (weight[..., None] * y).sum(dim=1).to(x.dtype)


def shard_experts(block: SparseMoeBlock, rank: int, ranks: int) -> SparseMoeBlock:
    """The whole router, and the experts that one of ``ranks`` holds.

    Raises
    ------
    ValueError
        If the experts cannot be shared evenly.
    """
    experts = block.gate.out_features
    if experts % ranks:
        raise ValueError(f"{ranks} ranks cannot share {experts} experts")
    part = deepcopy(block)
    for name, stacked in block.experts.named_parameters():
        mine = stacked.chunk(ranks, dim=0)[rank].detach().clone()
        setattr(part.experts, name, nn.Parameter(mine))
    return part


@torch.no_grad()
def expert_parallel(
    part: SparseMoeBlock, x: Float[Tensor, "tokens d_model"]
) -> Float[Tensor, "tokens d_model"]:
    """Dispatch rows to the ranks of their experts, compute, and combine."""
    weight, index = part.route(x)
    order = index.flatten().argsort(stable=True)  # pairs by expert, thus by rank
    token = order // part.top_k
    counts = index.flatten().bincount(minlength=part.gate.out_features)
    counts = counts.view(dist.get_world_size(), -1)  # by rank, by its experts
    coming = torch.empty_like(counts)
    all_to_all_single(coming, counts)
    send, receive = counts.sum(dim=1).tolist(), coming.sum(dim=1).tolist()

    rows = x.new_empty(sum(receive), x.shape[1])
    all_to_all_single(rows, x[token], receive, send)  # dispatch
    local = torch.arange(counts.shape[1]).repeat(len(counts))
    y = part.experts(rows, local.repeat_interleave(coming.flatten()))
    back = torch.empty_like(x[token])
    all_to_all_single(back, y, send, receive)  # combine

    back = weight.flatten()[order, None] * back
    total = torch.zeros_like(x, dtype=back.dtype)
    return total.index_add_(0, token, back).to(x.dtype)


@torch.no_grad()
def data_parallel_attention_on_ranks(
    attention: nn.Module, block: SparseMoeBlock, requests: Tensor
) -> Tensor:
    """Each rank attends for its own requests; the experts belong to all ranks."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    x = requests.tensor_split(ranks)[rank]
    x = x + attention(x)
    part = shard_experts(block, rank, ranks)
    return x + expert_parallel(part, x.flatten(0, 1)).view_as(x)
