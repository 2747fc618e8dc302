"""Trained models whose keys and values are made from fewer numbers per token.

Axes::

    rows     features of all key (or value) heads
    d_model  features of a token
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.head_conversion import pool_and_rescale
from snippets.attention.multi_head_latent_attention import compress
from snippets.attention.recall_task import Recaller, accuracy

Weight = Float[Tensor, "rows d_model"]
Reduce = Callable[[Weight, Weight], tuple[Weight, Weight]]


def accuracy_after(reduce: Reduce, trained: Recaller, kv_heads: int = 8) -> float:
    """Accuracy of a copy in which each layer has reduced key and value weights."""
    model, weights = Recaller(GroupedQueryAttention, kv_heads=kv_heads), {}
    for name, weight in trained.state_dict().items():
        weights.setdefault(name, weight)
        if name.endswith("key.weight"):
            value = name.replace("key", "value")
            pair = reduce(weight, trained.state_dict()[value])
            weights[name], weights[value] = pair
    model.load_state_dict(weights)
    return accuracy(model)


def best_directions(latent_dim: int) -> Reduce:
    """Keys and values from the latent that loses least of their weights."""

    def reduce(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        down, up = compress(torch.cat([key, value]), latent_dim)
        return tuple((up @ down).chunk(2))

    return reduce


def random_directions(latent_dim: int) -> Reduce:
    """Keys and values from random combinations of a token's features."""

    def reduce(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        basis, _ = torch.linalg.qr(torch.randn(key.shape[1], latent_dim))
        return key @ basis @ basis.T, value @ basis @ basis.T

    return reduce


def means_of_heads(kv_heads: int, heads: int = 8) -> Reduce:
    """Fewer heads, each the mean of neighboring ones with its norm restored."""

    def reduce(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        sizes = {"heads": heads, "kv_heads": kv_heads}
        return pool_and_rescale(key, **sizes), pool_and_rescale(value, **sizes)

    return reduce
