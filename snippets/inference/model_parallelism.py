"""Model parallelism: one transformer on several ranks, by its width or by its depth.

Shoeybi et al. (2019), https://arxiv.org/abs/1909.08053 (tensor parallelism);
Huang et al. (2018), https://arxiv.org/abs/1811.06965 (pipelines, microbatches)

=========  ==================================================
paper      here
=========  ==================================================
A, B       ``gate_proj`` and ``up_proj``, ``down_proj``
f          the activation, SiLU with a gate
g          ``all_reduce``
M, K       ``microbatches``, ``stages``
=========  ==================================================

The functions named ``on_ranks`` run in each process of a ``torch.distributed`` group
and hold all weights at first, to be short; a server would load its own part only.

Axes: ``batch``, ``seq``, ``d_model``; ``ranks`` are the processes, one for each device.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from snippets.attention.grouped_query_attention import GroupedQueryAttention


class Layer(nn.Module):
    """Attention and a gated feed-forward network, each behind a norm.

    Examples
    --------
    >>> layer = Layer(d_model=24, heads=6, kv_heads=2, d_ff=40)
    >>> layer(torch.randn(3, 5, 24)).shape
    torch.Size([3, 5, 24])
    """

    def __init__(self, *, d_model: int, heads: int, kv_heads: int, d_ff: int) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(d_model)
        self.self_attn = GroupedQueryAttention(
            d_model=d_model, heads=heads, kv_heads=kv_heads
        )
        self.post_attention_layernorm = nn.RMSNorm(d_model)
        self.gate_proj = nn.Linear(d_model, d_ff, bias=False)
        self.up_proj = nn.Linear(d_model, d_ff, bias=False)
        self.down_proj = nn.Linear(d_ff, d_model, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        all_reduce: Callable[[Tensor], Tensor] = lambda part: part,
    ) -> Float[Tensor, "batch seq d_model"]:
        """``all_reduce`` adds up the parts when this layer is one of several shards."""
        x = x + all_reduce(self.self_attn(self.input_layernorm(x)))
        hidden = self.post_attention_layernorm(x)
        hidden = silu(self.gate_proj(hidden)) * self.up_proj(hidden)
        return x + all_reduce(self.down_proj(hidden))


def shard(layer: Layer, rank: int, ranks: int) -> Layer:
    """The heads and hidden features that one of ``ranks`` computes.

    Raises
    ------
    ValueError
        If key heads or hidden features cannot be shared evenly.

    Examples
    --------
    >>> part = shard(Layer(d_model=24, heads=6, kv_heads=2, d_ff=40), rank=1, ranks=2)
    >>> part.self_attn.query.weight.shape, part.self_attn.out.weight.shape
    (torch.Size([12, 24]), torch.Size([24, 12]))
    >>> part.up_proj.weight.shape, part.down_proj.weight.shape
    (torch.Size([20, 24]), torch.Size([24, 20]))
    """
    kv_heads, d_ff = layer.self_attn.kv_heads, layer.up_proj.out_features
    if kv_heads % ranks or d_ff % ranks:
        raise ValueError(f"{ranks} ranks cannot share {kv_heads=}, {d_ff=}")
    part = deepcopy(layer)
    attn = part.self_attn
    attn.heads, attn.kv_heads = attn.heads // ranks, attn.kv_heads // ranks
    for linear in (attn.query, attn.key, attn.value, part.gate_proj, part.up_proj):
        linear.weight = nn.Parameter(linear.weight.chunk(ranks, dim=0)[rank])
    for linear in (attn.out, part.down_proj):
        linear.weight = nn.Parameter(linear.weight.chunk(ranks, dim=1)[rank])
    return part


def all_reduce(part: Tensor) -> Tensor:
    """The sum of what all ranks bring, on each of them."""
    dist.all_reduce(part)
    return part


@torch.no_grad()
def tensor_parallel_on_ranks(layers: nn.ModuleList, x: Tensor) -> Tensor:
    """Each rank computes its share of every layer."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    for layer in layers:
        x = shard(layer, rank, ranks)(x, all_reduce)
    return x


@torch.no_grad()
def pipeline_on_ranks(layers: nn.ModuleList, microbatches: list[Tensor]) -> Tensor:
    """Each rank computes some layers; the last rank returns the output of all.

    Raises
    ------
    ValueError
        If a rank would have no layer.
    """
    rank, ranks = dist.get_rank(), dist.get_world_size()
    if ranks > len(layers):
        raise ValueError(f"{ranks} ranks cannot share {len(layers)} layers")
    mine = torch.arange(len(layers)).tensor_split(ranks)[rank].tolist()
    outputs = []
    for x in microbatches:
        if rank > 0:
            x = torch.empty_like(x)
            dist.recv(x, rank - 1)
        for index in mine:
            x = layers[index](x)
        if rank < ranks - 1:
            dist.send(x, rank + 1)
        outputs.append(x)
    return torch.cat(outputs)


def ring_all_reduce(part: Tensor) -> tuple[Tensor, int]:
    """The same sum by messages to the right neighbor, and how many bytes it sent.

    In the first half of the steps each piece collects its sum on the way around the
    ring, in the second half the finished pieces go around once more.
    """
    rank, ranks = dist.get_rank(), dist.get_world_size()
    pieces, sent = list(part.flatten().tensor_split(ranks)), 0
    for step in range(2 * (ranks - 1)):
        leaving = pieces[(rank - step) % ranks]
        place = (rank - step - 1) % ranks
        arriving = torch.empty_like(pieces[place])
        message = dist.isend(leaving.contiguous(), (rank + 1) % ranks)
        dist.recv(arriving, (rank - 1) % ranks)
        message.wait()
        sent += leaving.nbytes
        collecting = step < ranks - 1
        pieces[place] = pieces[place] + arriving if collecting else arriving
    return torch.cat(pieces).view_as(part), sent


def ring_bytes(message: float | int, ranks: int) -> float:
    """Bytes that each of ``ranks`` sends for one all-reduce of ``message`` bytes.

    Examples
    --------
    >>> [ring_bytes(8192, ranks) for ranks in (1, 2, 4, 8)]
    [0.0, 8192.0, 12288.0, 14336.0]
    """
    return 2 * (ranks - 1) / ranks * message


def pipeline_bubble(stages: int, microbatches: int) -> float:
    """Share of the time that a stage idles while a pipeline fills and drains once.

    Examples
    --------
    >>> pipeline_bubble(4, 1), pipeline_bubble(4, 12)
    (0.75, 0.2)
    """
    return (stages - 1) / (microbatches + stages - 1)
