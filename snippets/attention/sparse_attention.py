"""Sparse attention: a cheap indexer selects the few keys that each query reads.

DeepSeek-AI (2025), https://arxiv.org/abs/2512.02556. Symbols of the paper and our
names::

    I_{t,s}    scores, the index scores
    q^I_{t,j}  query, of one head of the indexer
    k^I_s      key, shared by the heads of the indexer
    w^I_{t,j}  weight of a head, for one query; may be negative
    p_{t,s}    target, the attention of all heads

Axes::

    batch        independent sequences
    heads        query heads; all read the same key of a token
    index_heads  heads of the indexer
    q_len        query positions; the last query stands at the last key
    kv_len       key positions
    top_k        keys that each query reads
    index_dim    features of a head of the indexer
    width        features of a query and a key
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def index_scores(
    query: Float[Tensor, "batch index_heads q_len index_dim"],
    key: Float[Tensor, "batch kv_len index_dim"],
    weight: Float[Tensor, "batch q_len index_heads"],
) -> Float[Tensor, "batch q_len kv_len"]:
    """Estimate how much each query needs each key; future keys get minus infinity.

    Raises
    ------
    ValueError
        If a query would see no key at all.

    Examples
    --------
    Two heads. The second has weight 10, but its product is negative:

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


def select(
    scores: Float[Tensor, "batch q_len kv_len"], top_k: int
) -> Int[Tensor, "batch q_len selected"]:
    """Positions of the ``top_k`` largest scores, or of all if there are fewer.

    If fewer than ``top_k`` keys are in the past, future ones fill the list.

    Raises
    ------
    ValueError
        If nothing is to be selected.

    Examples
    --------
    >>> select(torch.tensor([[[0.1, 0.7, 0.3]]]), top_k=2)
    tensor([[[1, 2]]])
    """
    if top_k < 1:
        raise ValueError(f"{top_k=} selects nothing")
    return scores.topk(min(top_k, scores.shape[-1])).indices


def sparse_weights(
    query: Float[Tensor, "batch heads q_len width"],
    key: Float[Tensor, "batch kv_len width"],
    index: Int[Tensor, "batch q_len top_k"],
    scale: float,
) -> Float[Tensor, "batch heads q_len top_k"]:
    """Softmax over the selected keys alone; future ones get weight zero."""
    q_len, kv_len = query.shape[2], key.shape[1]
    # (batch, q_len, top_k, width)
    selected = key[torch.arange(len(key))[:, None, None], index]
    scores = torch.einsum("bhqw,bqkw->bhqk", scale * query, selected)
    position = torch.arange(kv_len - q_len, kv_len, device=index.device)
    future = (index > position[:, None])[:, None]
    return scores.masked_fill(future, -math.inf).softmax(dim=-1)


def read(
    weights: Float[Tensor, "batch heads q_len top_k"],
    value: Float[Tensor, "batch kv_len value_dim"],
    index: Int[Tensor, "batch q_len top_k"],
) -> Float[Tensor, "batch heads q_len value_dim"]:
    """Weighted means of the selected values."""
    # (batch, q_len, top_k, value_dim)
    selected = value[torch.arange(len(value))[:, None, None], index]
    return torch.einsum("bhqk,bqkv->bhqv", weights, selected)


def index_loss(
    scores: Float[Tensor, "batch q_len keys"],
    weights: Float[Tensor, "batch heads q_len keys"],
) -> Float[Tensor, ""]:
    """KL divergence of the softmax of ``scores`` from the attention of all heads.

    Keys with a score of minus infinity take no part. The weights are the target, and
    no gradient flows into them.

    Raises
    ------
    ValueError
        If a key with a score of minus infinity has weight: the divergence is infinite.

    Examples
    --------
    Two heads that attend to different keys, and an indexer that scores both alike:

    >>> weights = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    >>> index_loss(torch.tensor([[[3.0, 3.0]]]), weights)
    tensor(0.)
    """
    target = weights.detach().mean(dim=1)  # (batch, q_len, keys)
    masked = scores == -math.inf
    if (target[masked] > 0).any():
        raise ValueError("keys with weight are masked in the scores")
    guess = scores.log_softmax(dim=-1).masked_fill(masked, 0)
    return (torch.xlogy(target, target) - target * guess).sum(dim=-1).mean()


def dense_multiplications(
    kv_len: int, heads: int, latent_dim: int, rope_dim: int
) -> int:
    """Multiplications of the absorbed latent attention of one new token.

    Examples
    --------
    >>> dense_multiplications(kv_len=1, heads=128, latent_dim=512, rope_dim=64)
    139264
    """
    return kv_len * heads * (2 * latent_dim + rope_dim)


def index_multiplications(kv_len: int, index_heads: int, index_dim: int) -> int:
    """Multiplications of the indexer for one new token: it scores every key.

    Examples
    --------
    >>> index_multiplications(kv_len=1, index_heads=64, index_dim=128)
    8256
    """
    return kv_len * index_heads * (index_dim + 1)
