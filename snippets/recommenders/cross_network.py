"""DCN V2: layers that multiply features; and periodic embeddings of numbers.

Wang et al. (2020), DCN V2, https://arxiv.org/abs/2008.13535, section 3.2; Gorishniy et
al. (2022), On Embeddings for Numerical Features, https://arxiv.org/abs/2203.05556,
section 3.3.

Symbols::

    x_0       x_0, the input of the first layer       x_l   x
    W_l, b_l  layers[l].weight, layers[l].bias
    c         frequencies, for each feature its own   sigma their spread at the start

Axes::

    batch     rows of a table
    features  columns of a table; all are numbers
    wide      features that the cross layers multiply
    embedded  features after each number has become a vector
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def check_sizes(**sizes: int | float) -> None:
    """Raise a ValueError that names the sizes if one of them is not above 0.

    All modules of this file call it.
    """
    if not all(size > 0 for size in sizes.values()):
        raise ValueError(f"sizes must be positive, got {sizes}")


class CrossNetwork(nn.Module):
    """Layers that multiply the first input with a linear map of the last output.

    With ``layers`` layers, an output is a polynomial of degree ``layers + 1``.

    Examples
    --------
    >>> cross = CrossNetwork(features=2, layers=1)
    >>> with torch.no_grad():
    ...     _ = cross.layers[0].weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    ...     _ = cross.layers[0].bias.zero_()
    >>> cross(torch.tensor([[2.0, 3.0]])).tolist()  # 2 x 3 + 2, and 3
    [[8.0, 3.0]]
    """

    def __init__(self, *, features: int, layers: int) -> None:
        super().__init__()
        check_sizes(features=features, layers=layers)
        self.layers = nn.ModuleList(
            nn.Linear(features, features) for _ in range(layers)
        )

    def forward(
        self,
        x_0: Float[Tensor, "batch wide"],
    ) -> Float[Tensor, "batch wide"]:
        x = x_0
        for layer in self.layers:
            x = x_0 * layer(x) + x
        return x


class PeriodicEmbedding(nn.Module):
    """PLR: each number becomes sines and cosines, then a linear layer, then ReLU.

    Parameters
    ----------
    frequencies
        Sines for each feature, and as many cosines.
    size
        Entries of the vector of each feature.
    sigma
        Standard deviation of the frequencies at the start, in periods for each unit
        of the feature. Small values give smooth functions.

    Examples
    --------
    >>> embed = PeriodicEmbedding(features=3, frequencies=8, size=4, sigma=0.1)
    >>> embed(torch.zeros(5, 3)).shape
    torch.Size([5, 12])
    """

    def __init__(
        self, *, features: int, frequencies: int, size: int, sigma: float
    ) -> None:
        super().__init__()
        check_sizes(features=features, frequencies=frequencies)
        check_sizes(size=size, sigma=sigma)
        bound = 1 / math.sqrt(2 * frequencies)  # as nn.Linear begins
        drawn = sigma * torch.randn(features, frequencies)
        self.frequencies = nn.Parameter(drawn)
        self.weight = nn.Parameter(torch.empty(features, 2 * frequencies, size))
        self.bias = nn.Parameter(torch.empty(features, size))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(
        self, x: Float[Tensor, "batch features"]
    ) -> Float[Tensor, "batch embedded"]:
        angle = 2 * torch.pi * x[..., None] * self.frequencies
        waves = torch.cat([angle.sin(), angle.cos()], dim=-1)
        vectors = torch.einsum("bfw,fws->bfs", waves, self.weight) + self.bias
        return vectors.relu().flatten(1)


class TableNetwork(nn.Module):
    """DCN V2 in its stacked form: cross layers, then a network with one hidden layer.

    Parameters
    ----------
    embed
        Turns the ``numbers`` first columns into ``wide`` ones; the other columns, such
        as indicators, join after it. ``nn.Identity()`` leaves the numbers as they are.

    Examples
    --------
    >>> embed = PeriodicEmbedding(features=3, frequencies=8, size=4, sigma=0.1)
    >>> network = TableNetwork(
    ...     embed, numbers=3, wide=14, layers=2, hidden=32, outputs=16
    ... )
    >>> network(torch.zeros(6, 5)).shape  # 3 numbers become 12, and 2 indicators
    torch.Size([6, 16])
    """

    def __init__(
        self,
        embed: nn.Module,
        *,
        numbers: int,
        wide: int,
        layers: int,
        hidden: int,
        outputs: int,
    ) -> None:
        super().__init__()
        check_sizes(numbers=numbers, hidden=hidden, outputs=outputs)
        self.embed, self.numbers = embed, numbers
        self.cross = CrossNetwork(features=wide, layers=layers)
        self.deep = nn.Sequential(
            nn.Linear(wide, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(
        self, x: Float[Tensor, "batch features"]
    ) -> Float[Tensor, "batch outputs"]:
        numbers, rest = x[:, : self.numbers], x[:, self.numbers :]
        return self.deep(self.cross(torch.cat([self.embed(numbers), rest], dim=1)))
