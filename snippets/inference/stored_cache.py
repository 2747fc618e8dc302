"""A model whose keys and values are stored with few bits, and an outlier in them.

Kivi: Liu et al. (2024), https://arxiv.org/abs/2402.02750, on the outliers of keys

Axes::

    batch   independent texts
    seq     tokens
    dim     coordinates of a key or a value
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.inference.turboquant import quantize, quantize_unbiased, random_rotation


class Stored(nn.Module):
    """Projects, and passes every vector through ``store``."""

    def __init__(self, project: nn.Module, store: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.project, self.store = project, store

    def forward(self, x: Float[Tensor, "batch seq d_model"]) -> Tensor:
        x = self.project(x)
        return self.store(x.flatten(0, 1)).view_as(x)


def enlarge_first_coordinate(mix: GroupedQueryAttention, factor: float) -> None:
    """Scale a coordinate of keys and values; undo it where they are read."""
    with torch.no_grad():
        mix.key.weight[0] *= factor
        mix.query.weight[0] /= factor
        mix.value.weight[0] *= factor
        mix.out.weight[:, 0] /= factor


def min_max(x: Float[Tensor, "batch dim"], bits: int) -> Float[Tensor, "batch dim"]:
    """Levels at equal distances from the smallest coordinate to the largest.

    Examples
    --------
    >>> min_max(torch.tensor([[0.0, 1.2, 3.0]]), bits=2)
    tensor([[0., 1., 3.]])
    """
    low, high = x.aminmax(dim=1, keepdim=True)
    step = (high - low) / (2**bits - 1)
    step = step.where(step > 0, 1)
    return low + step * ((x - low) / step).round()


def six_stores(
    dim: int, bits: int, random: Generator
) -> dict[str, Callable[[Tensor], Tensor]]:
    """TurboQuant and other ways to round the vectors of a batch, by name."""
    rotation = random_rotation(dim, random).float()
    signs = torch.randn(dim, dim, generator=random)
    return {
        "TurboQuant": lambda x: quantize(x, rotation, bits),
        "table, no rotation": lambda x: quantize(x, torch.eye(dim), bits),
        "rotation, min-max": lambda x: min_max(x @ rotation.T, bits) @ rotation,
        "min-max per channel": lambda x: min_max(x.T, bits).T,
        "TurboQuant, unbiased": lambda x: quantize_unbiased(x, rotation, signs, bits),
        "min-max per vector": lambda x: min_max(x, bits),
    }
