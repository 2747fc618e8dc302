"""What a vision transformer reads: from an image to tokens with positions.

Dosovitskiy et al. (2021), https://arxiv.org/abs/2010.11929, section 3.1, equation 1.

Symbols of the paper -> names here::

    x in R^(H x W x C)  images, with the channels first
    P                   patch_size
    N                   patches
    D                   d_model
    E                   patch_embeddings.projection
    x_class             cls_token
    E_pos               position_embeddings, the row of the class token first

Parameters have the names of ``ViTEmbeddings`` in transformers 5.

Axes::

    batch      independent images (any number of leading axes)
    channels   colors of a pixel
    height, width  pixels of an image
    patches    patches of an image, row by row
    pixels     numbers in a patch: ``channels * patch_size**2``, channel by channel
    tokens     ``1 + patches``: the class token comes first
    d_model    features of a token
"""

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn


def patch_grid(height: int, width: int, patch_size: int) -> tuple[int, int]:
    """Rows and columns of patches.

    Raises
    ------
    ValueError
        If the patch does not divide both sides.
    """
    if patch_size < 1:
        raise ValueError(f"{patch_size=} must be positive")
    if min(height, width) < 1 or height % patch_size or width % patch_size:
        raise ValueError(f"{height} x {width} pixels, but {patch_size=}")
    return height // patch_size, width // patch_size


def patchify(
    images: Real[Tensor, "*batch channels height width"], patch_size: int
) -> Real[Tensor, "*batch patches pixels"]:
    """Cut images into squares, row by row, and flatten each square.

    Examples
    --------
    >>> patchify(torch.arange(16).reshape(1, 4, 4), patch_size=2)
    tensor([[ 0,  1,  4,  5],
            [ 2,  3,  6,  7],
            [ 8,  9, 12, 13],
            [10, 11, 14, 15]])
    """
    rows, columns = patch_grid(*images.shape[-2:], patch_size)
    x = images.unflatten(-1, (columns, patch_size))
    x = x.unflatten(-3, (rows, patch_size))
    x = x.movedim((-4, -2), (-5, -4))  # rows, columns, channels, P, P
    return x.flatten(-3).flatten(-3, -2)


class PatchEmbeddings(nn.Module):
    """A linear map of each flattened patch."""

    def __init__(self, *, channels: int, patch_size: int, d_model: int) -> None:
        super().__init__()
        self.patch_size, self.channels = patch_size, channels
        self.projection = nn.Linear(channels * patch_size**2, d_model)

    def forward(
        self, images: Float[Tensor, "*batch channels height width"]
    ) -> Float[Tensor, "*batch patches d_model"]:
        if images.shape[-3] != self.channels:
            given = images.shape[-3]
            raise ValueError(f"{given} channels instead of {self.channels}")
        return self.projection(patchify(images, self.patch_size))


class Embeddings(nn.Module):
    """Class token and patches, each with the position that belongs to it."""

    def __init__(
        self,
        *,
        image_size: tuple[int, int],
        channels: int,
        patch_size: int,
        d_model: int,
    ) -> None:
        super().__init__()
        self.grid = patch_grid(*image_size, patch_size)
        tokens = 1 + self.grid[0] * self.grid[1]
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, d_model))
        rows = 0.02 * torch.randn(1, tokens, d_model)
        self.position_embeddings = nn.Parameter(rows)
        self.patch_embeddings = PatchEmbeddings(
            channels=channels, patch_size=patch_size, d_model=d_model
        )

    def forward(
        self, images: Float[Tensor, "*batch channels height width"]
    ) -> Float[Tensor, "*batch tokens d_model"]:
        patch_size = self.patch_embeddings.patch_size
        if patch_grid(*images.shape[-2:], patch_size) != self.grid:
            sides = " x ".join(str(n * patch_size) for n in self.grid)
            given = tuple(images.shape[-2:])
            raise ValueError(f"image of {given}, not {sides} pixels")
        x = self.patch_embeddings(images)
        cls = self.cls_token[0].expand(*x.shape[:-2], 1, -1)
        return torch.cat([cls, x], dim=-2) + self.position_embeddings[0]
