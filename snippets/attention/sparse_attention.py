"""Sparse attention: a cheap indexer chooses the few keys that a query reads.

DeepSeek-AI (2025), https://arxiv.org/abs/2512.02556

Axes::

    batch        independent sequences
    heads        query heads; all read the same key of a token
    index_heads  heads of the indexer
    q_len        query positions
    kv_len       key positions
    top_k        keys that each query reads
    index_dim    features of a head of the indexer
    width        features of a query and a key
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.attention.multi_head_latent_attention import (
    MultiHeadLatentAttention,
    causal_weights,
    scale,
)
from snippets.positions.rope import angles, frequencies, rotate_halves


def index_scores(
    query: Float[Tensor, "batch index_heads q_len index_dim"],
    key: Float[Tensor, "batch kv_len index_dim"],
    weight: Float[Tensor, "batch q_len index_heads"],
) -> Float[Tensor, "batch q_len kv_len"]:
    """How much each query wants each key; later keys have minus infinity.

    The last query stands at the last key.

    Raises
    ------
    ValueError
        If a query would see no key at all.

    Examples
    --------
    Two heads, of which the second has weight 10 and points away:

    >>> query = torch.tensor([[[[1.0]], [[-1.0]]]])
    >>> key, weight = torch.tensor([[[2.0], [3.0]]]), torch.tensor([[[1.0, 10.0]]])
    >>> index_scores(query, key, weight)
    tensor([[[2., 3.]]])
    """
    q_len, kv_len = query.shape[2], key.shape[1]
    if not 1 <= q_len <= kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")
    products = torch.einsum("bhqd,bkd->bhqk", query, key).relu()
    scores = torch.einsum("bhqk,bqh->bqk", products, weight)
    future = scores.new_ones(q_len, kv_len).triu(kv_len - q_len + 1).bool()
    return scores.masked_fill(future, -math.inf)


def choose(
    scores: Float[Tensor, "batch q_len kv_len"], top_k: int
) -> Int[Tensor, "batch q_len chosen"]:
    """Positions of the ``top_k`` largest scores, or of all if there are fewer.

    Where fewer keys than ``top_k`` are in the past, later ones fill the list.

    Raises
    ------
    ValueError
        If nothing is to be chosen.

    Examples
    --------
    >>> choose(torch.tensor([[[0.1, 0.7, 0.3]]]), top_k=2)
    tensor([[[1, 2]]])
    """
    if top_k < 1:
        raise ValueError(f"{top_k=} chooses nothing")
    return scores.topk(min(top_k, scores.shape[-1])).indices


def sparse_weights(
    query: Float[Tensor, "batch heads q_len width"],
    key: Float[Tensor, "batch kv_len width"],
    index: Int[Tensor, "batch q_len top_k"],
    scale: float,
) -> Float[Tensor, "batch heads q_len top_k"]:
    """Softmax over the chosen keys alone; those that are later get nothing."""
    q_len, kv_len = query.shape[2], key.shape[1]
    # (batch, q_len, top_k, width)
    chosen = key[torch.arange(len(key))[:, None, None], index]
    scores = torch.einsum("bhqw,bqkw->bhqk", scale * query, chosen)
    position = torch.arange(kv_len - q_len, kv_len, device=index.device)
    future = (index > position[:, None])[:, None]
    return scores.masked_fill(future, -math.inf).softmax(dim=-1)


def read(
    weights: Float[Tensor, "batch heads q_len top_k"],
    value: Float[Tensor, "batch kv_len value_dim"],
    index: Int[Tensor, "batch q_len top_k"],
) -> Float[Tensor, "batch heads q_len value_dim"]:
    """Weighted means of the chosen values."""
    # (batch, q_len, top_k, value_dim)
    chosen = value[torch.arange(len(value))[:, None, None], index]
    return torch.einsum("bhqk,bqkv->bhqv", weights, chosen)


def index_loss(
    scores: Float[Tensor, "batch q_len keys"],
    weights: Float[Tensor, "batch heads q_len keys"],
) -> Float[Tensor, ""]:
    """Divergence of the softmax of ``scores`` from the attention of all heads.

    Keys with a score of minus infinity take no part. The weights are the target, and
    no gradient flows into them.

    Examples
    --------
    Two heads that look at different keys, and an indexer that wants both alike:

    >>> weights = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    >>> index_loss(torch.tensor([[[3.0, 3.0]]]), weights)
    tensor(0.)
    """
    target = weights.detach().mean(dim=1)  # (batch, q_len, keys)
    guess = scores.log_softmax(dim=-1).masked_fill(scores == -math.inf, 0)
    return (torch.xlogy(target, target) - target * guess).sum(dim=-1).mean()


class LightningIndexer(nn.Module):
    """Queries of a few narrow heads, one key for all of them, and their weights.

    Raises
    ------
    ValueError
        If more features are to be turned than there are.
    """

    def __init__(
        self,
        *,
        d_model: int,
        query_dim: int,
        rope_dim: int,
        index_heads: int,
        index_dim: int,
    ) -> None:
        super().__init__()
        if rope_dim > index_dim:
            raise ValueError(f"cannot turn {rope_dim=} of {index_dim=} features")
        self.heads, self.frequencies = index_heads, frequencies(rope_dim)
        self.split = [rope_dim, index_dim - rope_dim]
        self.scale = (index_dim * index_heads) ** -0.5
        self.query = nn.Linear(query_dim, index_heads * index_dim, bias=False)
        self.key = nn.Linear(d_model, index_dim, bias=False)
        self.norm = nn.LayerNorm(index_dim, eps=1e-6)
        self.weight = nn.Linear(d_model, index_heads, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        query_latent: Float[Tensor, "batch seq query_dim"],
    ) -> Float[Tensor, "batch seq seq"]:
        """Scores of all pairs of positions."""
        query = self.query(query_latent)
        # (batch, index_heads, seq, index_dim)
        query = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key = self.norm(self.key(x))
        query, key = self.turn(query), self.turn(key)
        return index_scores(self.scale * query, key, self.weight(x))

    def turn(
        self, x: Float[Tensor, "*batch seq index_dim"]
    ) -> Float[Tensor, "*batch seq index_dim"]:
        """Turn the first features, of which the halves are pairs."""
        turned, rest = x.split(self.split, dim=-1)
        turns = angles(torch.arange(x.shape[-2]), self.frequencies).to(x.device)
        return torch.cat([rotate_halves(turned, turns), rest], dim=-1)


class SparseLatentAttention(MultiHeadLatentAttention):
    """Multi-head latent attention that reads only what its indexer chooses.

    Parameters
    ----------
    top_k
        Keys that each query reads.
    sizes
        As in multi-head latent attention.
    """

    def __init__(
        self, *, top_k: int, index_heads: int, index_dim: int, **sizes: int
    ) -> None:
        super().__init__(**sizes)
        self.top_k = top_k
        self.indexer = LightningIndexer(
            **{name: sizes[name] for name in ("d_model", "query_dim", "rope_dim")},
            index_heads=index_heads,
            index_dim=index_dim,
        )

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> tuple[Float[Tensor, "batch seq d_model"], Float[Tensor, ""]]:
        """The mixture, and the loss of the indexer on the keys that it chose."""
        scores = self.index(x)
        index = choose(scores, self.top_k)
        mixed, weights = self.attend(x, index)
        return mixed, index_loss(scores.gather(-1, index), weights)

    def attend(
        self,
        x: Float[Tensor, "batch seq d_model"],
        index: Int[Tensor, "batch seq top_k"],
    ) -> tuple[
        Float[Tensor, "batch seq d_model"], Float[Tensor, "batch heads seq top_k"]
    ]:
        """The mixture of the keys of ``index``, and their weights."""
        query, turned_query, latent, turned_key, up_key, up_value = self.parts(x)
        asked = torch.einsum("bhqn,hnc->bhqc", query, up_key)
        query = torch.cat([asked, turned_query], dim=-1)
        key = torch.cat([latent, turned_key], dim=-1)
        weights = sparse_weights(query, key, index, sum(self.query_parts) ** -0.5)
        mixed = torch.einsum("bhqc,hvc->bqhv", read(weights, latent, index), up_value)
        return self.o_proj(mixed.flatten(2)), weights

    def index(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq seq"]:
        """Scores of the indexer, cut off from what makes its input."""
        query_latent = self.q_a_layernorm(self.q_a_proj(x))
        return self.indexer(x.detach(), query_latent.detach())

    @torch.no_grad()
    def attention(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch heads seq seq"]:
        """The whole attention: what the indexer warms up to."""
        query, turned_query, latent, turned_key, up_key, _ = self.parts(x)
        query, turned_query = scale(query, turned_query)
        asked = torch.einsum("bhqn,hnc->bhqc", query, up_key)
        scores = torch.einsum("bhqc,blc->bhql", asked, latent)
        return causal_weights(scores, turned_query, turned_key)


def dense_multiplications(
    kv_len: int, heads: int, latent_dim: int, rope_dim: int
) -> int:
    """Multiplications of the (absorbed) attention of one new token.

    Examples
    --------
    >>> dense_multiplications(kv_len=1, heads=128, latent_dim=512, rope_dim=64)
    139264
    """
    return kv_len * heads * (2 * latent_dim + rope_dim)


def index_multiplications(kv_len: int, index_heads: int, index_dim: int) -> int:
    """Multiplications of the indexer for one new token: it looks at every key.

    Examples
    --------
    >>> index_multiplications(kv_len=1, index_heads=64, index_dim=128)
    8256
    """
    return kv_len * index_heads * (index_dim + 1)
