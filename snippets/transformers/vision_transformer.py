"""Vision transformer (ViT): a transformer whose tokens are patches of an image.

Dosovitskiy et al. (2021), https://arxiv.org/abs/2010.11929, section 3.

Symbols of the paper -> names here::

    D    d_model
    L    depth
    z_0  output of embeddings
    z_l  output of layers[l - 1]
    LN   layernorm

Parameters have the names of ``ViTModel`` in transformers 5, so that its weights load.

Axes::

    batch     independent images (any number of leading axes)
    channels  colors of a pixel
    height, width  pixels of an image
    tokens    the class token, then the patches, row by row
    d_model   features of a token
"""

from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from snippets.transformers.vit_embeddings import Embeddings, patch_grid
from snippets.transformers.vit_layer import Layer


class VisionTransformer(nn.Module):
    """Embeddings, ``depth`` layers and a final normalization.

    Parameters
    ----------
    image_size
        Height and width in pixels.
    eps
        Added to the variance in normalizations; the default is ``ViTConfig``'s.

    Raises
    ------
    ValueError
        If the patch does not divide the sides, the heads do not divide ``d_model``,
        or images have another size or other channels.

    Examples
    --------
    >>> vit = VisionTransformer(
    ...     image_size=(32, 32), patch_size=8, d_model=12, depth=1, heads=3, d_ff=24)
    >>> vit(torch.randn(2, 3, 32, 32)).shape
    torch.Size([2, 17, 12])
    """

    def __init__(
        self,
        *,
        image_size: tuple[int, int],
        patch_size: int,
        d_model: int,
        depth: int,
        heads: int,
        d_ff: int,
        channels: int = 3,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        if heads < 1 or d_model % heads:
            message = f"{d_model} features cannot be split into {heads} heads"
            raise ValueError(message)
        if min(depth, channels, d_ff, d_model) < 1:
            given = f"{depth=}, {channels=}, {d_ff=}, {d_model=}"
            raise ValueError(f"{given} must be positive")
        self.embeddings = Embeddings(
            image_size=image_size,
            channels=channels,
            patch_size=patch_size,
            d_model=d_model,
        )
        self.layers = nn.ModuleList(
            Layer(d_model, heads, d_ff, eps) for _ in range(depth)
        )
        self.layernorm = nn.LayerNorm(d_model, eps)

    def forward(
        self, images: Float[Tensor, "*batch channels height width"]
    ) -> Float[Tensor, "*batch tokens d_model"]:
        x = self.embeddings(images)
        for layer in self.layers:
            x = layer(x)
        return self.layernorm(x)


def resize_positions(
    table: Float[Tensor, "tokens d_model"],
    old: tuple[int, int],
    new: tuple[int, int],
) -> Float[Tensor, "new_tokens d_model"]:
    """Stretch the positions from one grid of patches to another, as an image.

    The weights are bicubic, as in transformers and timm; the paper's own code is
    linear in each direction. The row of the class token stays as it is.

    Raises
    ------
    ValueError
        If the rows are not one for the class token and one for each place of the
        old grid, or if a grid is empty.
    """
    if min(*old, *new) < 1 or len(table) != 1 + old[0] * old[1]:
        raise ValueError(f"{len(table)} rows, grids {old} and {new}")
    image = table[1:].T.unflatten(1, old)[None]  # (1, d_model, rows, columns)
    image = interpolate(image, size=new, mode="bicubic", align_corners=False)
    return torch.cat([table[:1], image[0].flatten(1).T])


def resized(model: VisionTransformer, image_size: tuple[int, int]) -> VisionTransformer:
    """A copy of the model for images of another size."""
    model = deepcopy(model)
    part = model.embeddings
    new = patch_grid(*image_size, part.patch_embeddings.patch_size)
    table = part.position_embeddings.detach()[0]
    table = resize_positions(table, part.grid, new)
    trained = part.position_embeddings.requires_grad  # frozen ones stay frozen
    part.grid, part.position_embeddings = new, nn.Parameter(table[None], trained)
    return model
