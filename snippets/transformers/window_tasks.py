"""Two questions about small images, to see what shifts and relative positions do.

Each image has 4 x 4 patches of 2 x 2 pixels, and a little noise. In ``pairs``, two
neighboring patches are marked: have the marks the same color? In ``stripes``, every
second row or every second column of patches is bright: which of the two?

Axes::

    batch     independent images
    rows, columns  pixels of an image
    height, width  patches of an image
    classes   2 answers
"""

from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snippets.transformers.swin import SwinTransformer

SIDE, PATCH, COLORS = 4, 2, 3


class Pairs(NamedTuple):
    pixels: Float[Tensor, "batch 3 rows columns"]
    answers: Int[Tensor, " batch"]  # 1 if both marks have the same color
    across: Bool[Tensor, " batch"]  # the marks are in two different 2 x 2 windows


def enlarge(
    patches: Float[Tensor, "batch channels height width"], random: torch.Generator
) -> Float[Tensor, "batch channels rows columns"]:
    """Make each patch 2 x 2 pixels large, and add noise."""
    pixels = patches.repeat_interleave(PATCH, -1).repeat_interleave(PATCH, -2)
    return pixels + 0.05 * torch.randn(pixels.shape, generator=random)


def pairs(count: int, *, seed: int) -> Pairs:
    """Draw images with two marks, side by side or one below the other.

    Examples
    --------
    >>> pixels, answers, across = pairs(5, seed=0)
    >>> pixels.shape, answers.shape, across.shape
    (torch.Size([5, 3, 8, 8]), torch.Size([5]), torch.Size([5]))
    """
    random = torch.Generator().manual_seed(seed)
    draw = partial(torch.randint, size=(count,), generator=random)
    same, below = draw(2), draw(2)
    first = draw(COLORS)
    second = (first + (1 - same) * (1 + draw(COLORS - 1))) % COLORS
    along, beside = draw(SIDE - 1), draw(SIDE)  # along the line through both marks
    row = torch.where(below == 1, along, beside)
    column = torch.where(below == 1, beside, along)
    each = torch.arange(count)
    patches = torch.zeros(count, COLORS, SIDE, SIDE)
    patches[each, first, row, column] = 1
    patches[each, second, row + below, column + 1 - below] = 1
    return Pairs(enlarge(patches, random), same, along % 2 == 1)


def stripes(
    count: int, *, seed: int
) -> tuple[Float[Tensor, "batch 3 rows columns"], Int[Tensor, " batch"]]:
    """Draw images with gray stripes; the answer is 1 if they are columns."""
    random = torch.Generator().manual_seed(seed)
    phase, upright = torch.randint(2, (2, count), generator=random)
    bright = (torch.arange(SIDE) + phase[:, None]) % 2  # (count, SIDE)
    columns = bright[:, None, None].expand(count, COLORS, SIDE, SIDE).float()
    patches = torch.where(upright[:, None, None, None] == 1, columns, columns.mT)
    return enlarge(patches, random), upright


class Judge(nn.Module):
    """Two blocks with windows of 2 x 2 patches, and a linear layer on the mean."""

    def __init__(self, *, shift: bool = True, start: float = 0.02, seed: int) -> None:
        """Without a ``shift``, both blocks have the same windows.

        ``start`` is the standard deviation of the bias tables before training; tables
        of zeros are not trained.
        """
        super().__init__()
        torch.manual_seed(seed)
        sizes = {"d_model": 16, "window_size": 2, "patch_size": PATCH, "mlp_ratio": 2}
        self.swin = SwinTransformer(depths=(2,), heads=(2,), **sizes)
        for block in self.swin.encoder.layers[0].blocks:
            table = block.attention.relative_position_bias.relative_position_bias_table
            nn.init.normal_(table, std=start)
            table.requires_grad_(start > 0)
            if not shift:
                block.shift = 0
        self.classifier = nn.Linear(16, 2)

    def forward(
        self, images: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch classes"]:
        return self.classifier(self.swin(images).mean((-3, -2)))
