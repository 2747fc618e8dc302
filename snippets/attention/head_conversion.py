"""Converting a multi-head model to fewer key/value heads, on the recall task.

A trained model (:mod:`snippets.attention.recall_task`) has eight heads in each of two
layers. Its key and value projections are replaced by those of fewer heads; all other
weights are kept.

Ainslie et al. (2023), https://arxiv.org/abs/2305.13245, section 2.1.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.attention.grouped_query_attention import (
    GroupedQueryAttention,
    pool_heads,
)
from snippets.attention.recall_task import Recaller, train

HEADS, STEPS, RATE = 8, 320, 3e-3
UPTRAINING = (0, 16, 32, 64)  # steps after conversion: up to 20 % of ``STEPS``


def recaller(kv_heads: int) -> Recaller:
    """New model of width 64 with eight query heads and ``kv_heads`` key/value heads."""
    return Recaller(GroupedQueryAttention, heads=HEADS, kv_heads=kv_heads)


def trained_model(seed: int) -> tuple[Recaller, float]:
    """Multi-head model after 320 steps, and its accuracy."""
    torch.manual_seed(seed)
    model = recaller(HEADS)
    return model, train(model, [STEPS], seed=seed, rate=RATE)[0]


def convert(
    trained: Recaller, kv_heads: int, pool: Callable[..., Tensor] | None = pool_heads
) -> Recaller:
    """Model with ``kv_heads`` heads, its projections made by ``pool`` from old ones.

    Parameters
    ----------
    pool
        Called as ``pool(weight, heads=8, kv_heads=kv_heads)``. With ``None``, key and
        value projections are new and random.

    Examples
    --------
    Conversion to as many heads as before changes nothing:

    >>> from snippets.attention.recall_task import accuracy
    >>> model = recaller(8)
    >>> accuracy(convert(model, 8)) == accuracy(model)
    True
    """
    model, weights = recaller(kv_heads), trained.state_dict()
    for name in [n for n in weights if n.endswith(("key.weight", "value.weight"))]:
        weight = weights.pop(name)
        if pool is not None:
            weights[name] = pool(weight, heads=HEADS, kv_heads=kv_heads)
    model.load_state_dict(weights, strict=False)
    return model


def uptrain(model: Recaller, seed: int) -> list[float]:
    """Accuracy after each number of steps in ``UPTRAINING``, on new texts."""
    return train(model, UPTRAINING, seed=seed + 50, rate=RATE)


def keep_head(head: int) -> Callable[..., Float[Tensor, "head_dim d_model"]]:
    """For :func:`convert` to one head: keep that head of the eight."""
    return lambda weight, heads, kv_heads: weight.unflatten(0, (heads, -1))[head]


def pool_and_rescale(
    weight: Float[Tensor, "rows d_model"], *, heads: int, kv_heads: int
) -> Float[Tensor, "pooled_rows d_model"]:
    """Mean of heads, times the root of their number.

    The mean of n orthogonal vectors of equal norm is shorter than they are by the
    square root of n; the factor restores the norm.
    """
    pooled = pool_heads(weight, heads=heads, kv_heads=kv_heads)
    return (heads / kv_heads) ** 0.5 * pooled


def norm_of_mean(weight: Float[Tensor, "rows d_model"], *, heads: int) -> float:
    """Norm of the mean of the heads, as a share of the mean of their norms.

    Examples
    --------
    Equal heads, and two that are orthogonal:

    >>> norm_of_mean(torch.ones(2, 3), heads=2)
    1.0
    >>> round(norm_of_mean(torch.eye(2), heads=2), 3)
    0.707
    """
    parts = weight.detach().unflatten(0, (heads, -1))
    return (parts.mean(0).norm() / parts.norm(dim=(1, 2)).mean()).item()
