"""Small images with one object: which shape, which color, which quadrant?

Each image has 16 x 16 pixels, noise, and a colored object of 6 x 6 pixels, centered in
one of four places.

Axes::

    batch    independent images
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

ANSWERS = {"shape": 3, "color": 3, "quadrant": 4}
ROWS = [
    "###### ###### ###### ###### ###### ######",  # a square
    "..##.. ..##.. ###### ###### ..##.. ..##..",  # a plus sign
    "##..## ##..## ..##.. ..##.. ##..## ##..##",  # a cross
]
SHAPES = torch.tensor(
    [[[mark == "#" for mark in row] for row in rows.split()] for rows in ROWS]
).float()


class Images(NamedTuple):
    pixels: Float[Tensor, "batch 3 side side"]
    answers: Int[Tensor, "batch 3"]  # shape, color, quadrant


def images(
    count: int,
    centers: tuple[int, int] = (4, 12),
    side: int = 16,
    *,
    seed: int,
    noise: float = 0.2,
) -> Images:
    """Draw images whose object is centered at two of ``centers``, row and column.

    Examples
    --------
    >>> pixels, answers = images(5, seed=0)
    >>> pixels.shape, answers.shape
    (torch.Size([5, 3, 16, 16]), torch.Size([5, 3]))
    """
    random = torch.Generator().manual_seed(seed)
    answers = torch.stack(
        [torch.randint(n, (count,), generator=random) for n in ANSWERS.values()], dim=1
    )
    shape, color, quadrant = answers.T
    pixels = noise * torch.randn(count, 3, side, side, generator=random)
    inside = torch.arange(-3, 3)
    place = torch.tensor(centers)
    rows = place[quadrant // 2, None] + inside  # (count, 6)
    columns = place[quadrant % 2, None] + inside
    each = torch.arange(count)[:, None, None]
    pixels[each, color[:, None, None], rows[:, :, None], columns[:, None]] += SHAPES[
        shape
    ]
    return Images(pixels, answers)
