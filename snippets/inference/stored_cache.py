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
from torch import Tensor, nn

from snippets.attention.grouped_query_attention import GroupedQueryAttention


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
