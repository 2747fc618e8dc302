"""Swin transformer: attention inside windows that shift, on maps that shrink.

Liu et al. (2021), https://arxiv.org/abs/2103.14030, section 3.

Symbols of the paper -> names here::

    h, w    height, width: rows and columns of tokens
    C       d_model, of the first stage
    M       window_size
    alpha   mlp_ratio
    Omega   multiplications

Parameters have the names of ``SwinModel`` in transformers 5, so that its weights load.

Axes::

    batch     independent images (any number of leading axes)
    channels  colors of a pixel
    rows, columns  pixels of an image
    height, width  tokens of a feature map
    d_model   features of a token
    d_out     features of a token of the last stage
"""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.transformers.shifted_windows import window_grid
from snippets.transformers.swin_block import Block
from snippets.transformers.vit_embeddings import PatchEmbeddings, patch_grid


class PatchMerging(nn.Module):
    """Each 2 x 2 tokens become one token of twice the width."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * d_model)
        self.reduction = nn.Linear(4 * d_model, 2 * d_model, bias=False)

    def forward(
        self, x: Float[Tensor, "*batch height width d_model"]
    ) -> Float[Tensor, "*batch height//2 width//2 2*d_model"]:
        height, width = x.shape[-3:-1]
        if height % 2 or width % 2:
            raise ValueError(f"{height} x {width} tokens cannot be merged in pairs")
        corners = [x[..., i::2, j::2, :] for j in (0, 1) for i in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, dim=-1)))


class SwinTransformer(nn.Module):
    """Patches, stages of blocks with merging in between, and a final normalization.

    Parameters
    ----------
    depths, heads
        Number of blocks, and of heads, in each stage. Each second block is shifted.
    d_model
        Width of the first stage; each merging doubles it. The MLPs are
        ``mlp_ratio`` times as wide.

    Raises
    ------
    ValueError
        If a size is not positive, or if there is not one number of heads for each
        stage. When the model is called: if patches, windows or pairs of tokens do not
        fill the image.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        heads: tuple[int, ...],
        d_model: int,
        window_size: int,
        patch_size: int = 4,
        channels: int = 3,
        mlp_ratio: int = 4,
    ) -> None:
        super().__init__()
        pixels = {"channels": channels, "patch_size": patch_size, "d_model": d_model}
        sizes = {"window_size": window_size, "mlp_ratio": mlp_ratio}
        for name, size in {**pixels, **sizes}.items():
            if size < 1:
                raise ValueError(f"{name}={size} must be positive")
        if not depths or len(depths) != len(heads) or min(depths) < 1:
            raise ValueError(f"{depths=}, {heads=}")
        parts = {"patch_embeddings": PatchEmbeddings(**pixels)}
        parts["norm"] = nn.LayerNorm(d_model)
        self.embeddings = nn.Sequential(OrderedDict(parts))
        stages = []
        for stage, (depth, count) in enumerate(zip(depths, heads, strict=True)):
            d = d_model * 2**stage
            if count < 1 or d % count:
                raise ValueError(f"{d} features cannot be split into {count} heads")
            shifts = [window_size // 2 if i % 2 else 0 for i in range(depth)]
            blocks = [Block(d, count, mlp_ratio * d, window_size, s) for s in shifts]
            parts = {"blocks": nn.Sequential(*blocks)}
            if stage < len(depths) - 1:
                parts["downsample"] = PatchMerging(d)
            stages.append(nn.Sequential(OrderedDict(parts)))
        self.encoder = nn.Sequential(OrderedDict(layers=nn.Sequential(*stages)))
        self.layernorm = nn.LayerNorm(d)

    def forward(
        self, images: Float[Tensor, "*batch channels rows columns"]
    ) -> Float[Tensor, "*batch height width d_out"]:
        patch_size = self.embeddings.patch_embeddings.patch_size
        grid = patch_grid(*images.shape[-2:], patch_size)
        x = self.embeddings(images).unflatten(-2, grid)
        return self.layernorm(self.encoder(x))


def multiplications(
    height: int, width: int, d_model: int, window_size: int | None = None
) -> int:
    """Multiplications of one attention layer: equations 1 and 2 of the paper.

    Without ``window_size``, each token attends to all tokens of the map.

    Examples
    --------
    >>> multiplications(8, 8, d_model=32) / multiplications(8, 8, 32, window_size=4)
    1.6
    """
    seen = height * width
    if window_size is not None:
        window_grid(height, width, window_size)  # must fit
        seen = window_size**2
    return height * width * d_model * (4 * d_model + 2 * seen)
