"""A small U-Net that predicts the noise in an image, given step and labels.

Ronneberger, Fischer and Brox (2015), https://arxiv.org/abs/1505.04597: on the way down,
the maps become smaller; on the way up, each level also reads the map of its size from
the way down.

Axes::

    batch     images
    channels  of a map
    height    rows of a map
    width     columns of a map
    kinds     labels of an image, such as shape and color
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions with a shortcut; a vector for each image is added between."""

    def __init__(self, inputs: int, outputs: int, context: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.context = nn.Linear(context, outputs)
        self.norm = nn.GroupNorm(4, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(
        self,
        x: Float[Tensor, "batch inputs height width"],
        context: Float[Tensor, "batch features"],
    ) -> Float[Tensor, "batch outputs height width"]:
        hidden = self.norm(self.first(x)) + self.context(context)[:, :, None, None]
        return self.shortcut(x) + self.second(nn.functional.silu(hidden))


class TinyUNet(nn.Module):
    """Maps of full, half and quarter size; ``kinds`` labels of ``values`` values."""

    def __init__(
        self, kinds: int = 3, values: int = 4, width: int = 8, context: int = 32
    ) -> None:
        super().__init__()
        self.time = nn.Linear(16, context)
        self.labels = nn.ModuleList(nn.Embedding(values, context) for _ in range(kinds))
        self.down = nn.ModuleList(
            [Block(5, width, context), Block(width, 2 * width, context)]
        )
        self.middle = Block(2 * width, 4 * width, context)
        self.up = nn.ModuleList(
            [Block(6 * width, 2 * width, context), Block(3 * width, width, context)]
        )
        self.out = nn.Conv2d(width, 3, 1)

    def forward(
        self,
        x: Float[Tensor, "batch channels height width"],
        t: Int[Tensor, " batch"],
        labels: Int[Tensor, "batch kinds"],
    ) -> Float[Tensor, "batch channels height width"]:
        wave = t[:, None] * torch.logspace(0, -2.6, 8)
        context = self.time(torch.cat([wave.sin(), wave.cos()], dim=1))
        for number, table in enumerate(self.labels):
            context = context + table(labels[:, number])
        row = torch.linspace(-1, 1, x.shape[2]).view(1, 1, -1, 1)
        column = torch.linspace(-1, 1, x.shape[3]).view(1, 1, 1, -1)
        place = [axis.expand(len(x), 1, *x.shape[2:]) for axis in (row, column)]
        x = torch.cat([x, *place], dim=1)  # a convolution alone knows no place
        seen = []
        for block in self.down:
            x = block(x, context)
            seen.append(x)
            x = nn.functional.avg_pool2d(x, 2)
        x = self.middle(x, context)
        for block in self.up:
            x = nn.functional.interpolate(x, scale_factor=2)
            x = block(torch.cat([x, seen.pop()], dim=1), context)
        return self.out(x)
