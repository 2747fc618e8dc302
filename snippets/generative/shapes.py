"""Small color images of one shape, whose content is known: shape, color, place.

Four shapes, four colors and four quadrants. A shape of 6 x 6 pixels lies in a quadrant
of 8 x 8, shifted by 0 to 2 pixels to the right and down.

Axes::

    batch     images
    channels  red, green, blue, from 0 to 1
    height    rows of pixels, from the top
    width     columns of pixels, from the left
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

SHAPES = ("square", "disk", "triangle", "cross")
COLORS = ("red", "green", "blue", "yellow")
PLACES = ("upper left", "upper right", "lower left", "lower right")
SIDE, SIZE, SHIFTS = 16, 6, 3  # of the image, of a shape, and possible shifts
KINDS = torch.cartesian_prod(*[torch.arange(4)] * 3)  # all 64: shape, color, place
RGB = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [1.0, 1.0, 0]])


class Drawn(NamedTuple):
    """Images and what is in them: numbers of shape, color and place."""

    images: Float[Tensor, "batch channels height width"]
    labels: Int[Tensor, "batch 3"]


def masks() -> Float[Tensor, "shapes size size"]:
    """Each shape as ones on zeros."""
    row, column = torch.meshgrid(*[torch.arange(SIZE) - 2.5] * 2, indexing="ij")
    square = torch.ones(SIZE, SIZE, dtype=torch.bool)
    disk = row**2 + column**2 < 9
    triangle = column.abs() <= (row + 3.5) / 2
    cross = (row.abs() < 1) | (column.abs() < 1)
    return torch.stack([square, disk, triangle, cross]).float()


def render(
    labels: Int[Tensor, "batch 3"], shifts: Int[Tensor, "batch 2"]
) -> Float[Tensor, "batch channels height width"]:
    """Images of the shape, color and place in each row of ``labels``.

    Parameters
    ----------
    shifts
        Pixels down and to the right within the quadrant, 0 to 2.

    Raises
    ------
    ValueError
        If a label or a shift is out of range.
    """
    if len(labels) and (labels.min() < 0 or labels.max() > 3):
        raise ValueError(f"labels {labels.min()} to {labels.max()} are not all 0 to 3")
    if len(shifts) and (shifts.min() < 0 or shifts.max() >= SHIFTS):
        raise ValueError(f"shifts {shifts.min()} to {shifts.max()} are not all 0 to 2")
    shape, color, place = labels.T
    corner = torch.stack([place // 2, place % 2], 1) * (SIDE // 2) + shifts
    offset = torch.arange(SIZE)
    rows = corner[:, 0, None, None] + offset[:, None]
    columns = corner[:, 1, None, None] + offset
    gray = torch.zeros(len(labels), SIDE, SIDE)
    gray[torch.arange(len(labels))[:, None, None], rows, columns] = masks()[shape]
    return RGB[color][:, :, None, None] * gray[:, None]


def draw_shapes(count: int, generator: torch.Generator) -> Drawn:
    """Images with random labels and shifts, all equally likely.

    Raises
    ------
    ValueError
        If ``count`` is below 1.

    Examples
    --------
    >>> drawn = draw_shapes(5, torch.Generator().manual_seed(0))
    >>> drawn.images.shape, caption(drawn.labels[0])
    (torch.Size([5, 3, 16, 16]), 'yellow square, upper right')
    """
    if count < 1:
        raise ValueError(f"{count} images")
    labels = torch.randint(4, (count, 3), generator=generator)
    shifts = torch.randint(SHIFTS, (count, 2), generator=generator)
    return Drawn(render(labels, shifts), labels)


def caption(label: Int[Tensor, " 3"]) -> str:
    """The label in words.

    Examples
    --------
    >>> import torch
    >>> caption(torch.tensor([1, 0, 2]))
    'red disk, lower left'
    """
    shape, color, place = label.tolist()
    return f"{COLORS[color]} {SHAPES[shape]}, {PLACES[place]}"
