"""How many tokens an image has, and how squares of patches become one token.

Chen et al. (2024), InternVL 1.5, https://arxiv.org/abs/2404.16821, where the operation
is called pixel shuffle; InternVL 2.5 calls it pixel unshuffle.

Axes::

    channels  features of a patch, or colors of a pixel
    rows, columns  patches of an image
    height, width  pixels of an image
"""

from jaxtyping import Float
from torch import Tensor

from snippets.transformers.vit_embeddings import patch_grid


def visual_tokens(height: int, width: int, patch_size: int, factor: int = 1) -> int:
    """Visual tokens of an image, if ``factor**2`` neighboring patches share one.

    Raises
    ------
    ValueError
        If the patches, or the squares of patches, do not fill the image.

    Examples
    --------
    >>> visual_tokens(336, 336, patch_size=14)
    576
    >>> visual_tokens(448, 448, patch_size=14, factor=2)
    256
    """
    rows, columns = patch_grid(height, width, patch_size)
    if factor < 1 or rows % factor or columns % factor:
        raise ValueError(f"{rows} x {columns} patches, but {factor=}")
    return rows * columns // factor**2


def pixel_unshuffle(
    features: Float[Tensor, "*batch rows columns channels"], factor: int = 2
) -> Float[Tensor, "*batch fewer_rows fewer_columns more_channels"]:
    """Join squares of patches into one token each, with all their channels.

    All channels of one patch stay together, as in InternVL. The function of the same
    name in PyTorch has the patches of one channel together.

    Raises
    ------
    ValueError
        If the squares do not fill the grid.

    Examples
    --------
    >>> import torch
    >>> pixel_unshuffle(torch.tensor([[[1., -1.], [2., -2.]], [[3., -3.], [4., -4.]]]))
    tensor([[[ 1., -1.,  2., -2.,  3., -3.,  4., -4.]]])
    """
    rows, columns = features.shape[-3:-1]
    if factor < 1 or rows % factor or columns % factor:
        raise ValueError(f"{rows} x {columns} patches, but {factor=}")
    x = features.unflatten(-2, (columns // factor, factor))
    x = x.unflatten(-4, (rows // factor, factor))
    x = x.transpose(-4, -3)  # rows, columns, row in square, column in square, channels
    return x.flatten(-3)
