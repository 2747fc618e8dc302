"""Semantic IDs: a path of codes for each item, computed from its content.

Residual quantization and the RQ-VAE as in Singh et al. (2023),
https://arxiv.org/abs/2306.08121, with the loss of van den Oord et al. (2017),
https://arxiv.org/abs/1711.00937, summed over levels.

Glossary::

    x            x                     content embedding of an item
    z            z                     latent vector, from the encoder
    r_l          residuals[l - 1]      what is left for level l
    e_{l, k}     codebooks[l - 1, k]   entry k of level l
    c_l          codes[:, l - 1]       number of the nearest entry
    z hat        quantized             sum of the chosen entries
    sg           detach
    beta         commitment            weight of the encoder's term

Axes::

    runs      models that are trained side by side, if any
    batch     items
    levels    codebooks, from coarse to fine
    codes     entries of a codebook
    dim       width of a latent vector
    features  width of a content embedding
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Latents = Float[Tensor, "*runs batch dim"]
Codebooks = Float[Tensor, "*runs levels codes dim"]
Content = Float[Tensor, "*runs batch features"]


class Quantized(NamedTuple):
    codes: Int[Tensor, "*runs batch levels"]
    quantized: Latents
    residuals: Float[Tensor, "*runs levels batch dim"]
    """What each level was given."""
    entries: Float[Tensor, "*runs levels batch dim"]
    """What each level chose."""


def single(values: Tensor) -> Tensor:
    """The values in single precision, unless they are more precise."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def check_finite(z: Tensor) -> None:
    """Raise a ValueError if a number is infinite or NaN."""
    wrong = (~torch.isfinite(z)).sum()
    if wrong:
        raise ValueError(f"{wrong} of {z.numel()} numbers are not finite")


def nearest_entry(
    x: Latents, codebook: Float[Tensor, "*runs codes dim"]
) -> Int[Tensor, "*runs batch"]:
    """Number of the entry at the least distance, the lowest one in a tie."""
    wide, codebook = single(x), single(codebook)
    exact = "donot_use_mm_for_euclid_dist"  # no difference of large squares
    return torch.cdist(wide, codebook, compute_mode=exact).argmin(dim=-1)


def residual_quantize(z: Latents, codebooks: Codebooks) -> Quantized:
    """Quantize, then quantize what is left, level by level.

    Examples
    --------
    The entry nearest to 4.6 is 5. What is left, -0.4, is nearest to -0.5:

    >>> codebooks = torch.tensor([[[0.0], [5.0]], [[-0.5], [0.5]]])
    >>> found = residual_quantize(torch.tensor([[4.6]]), codebooks)
    >>> found.codes.tolist(), found.quantized.tolist()
    ([[1, 0]], [[4.5]])
    """
    check_finite(z)
    check_finite(codebooks)  # NaN would be the nearest entry
    residual, codes, residuals, entries = z, [], [], []
    for codebook in codebooks.unbind(dim=-3):
        code = nearest_entry(residual, codebook)
        entry = codebook.take_along_dim(code[..., None], dim=-2)
        codes.append(code)
        residuals.append(residual)
        entries.append(entry)
        residual = residual - entry.detach()  # later levels do not move this entry
    chosen = torch.stack(entries, dim=-3)
    return Quantized(
        torch.stack(codes, dim=-1),
        chosen.sum(dim=-3),
        torch.stack(residuals, dim=-3),
        chosen,
    )


def quantization_loss(found: Quantized, commitment: float) -> Float[Tensor, "*runs"]:
    """Pull entries toward their residuals, and residuals toward their entries."""
    to_residual = (found.residuals.detach() - found.entries).square()
    to_entry = (found.residuals - found.entries.detach()).square()
    return (to_residual + commitment * to_entry).sum(dim=(-3, -1)).mean(dim=-1)


def straight_through(z: Latents, quantized: Latents) -> Latents:
    """The quantized vectors, with the gradient of ``z``."""
    return z + (quantized - z).detach()


def rqvae_loss(
    x: Content,
    encoder: Callable[[Content], Latents],
    decoder: Callable[[Latents], Content],
    codebooks: Codebooks,
    commitment: float = 0.25,
) -> tuple[Float[Tensor, "*runs"], Quantized]:
    """Squared error of the reconstruction, plus the loss of the quantizer."""
    z = encoder(x)
    found = residual_quantize(z, codebooks)
    decoded = decoder(straight_through(z, found.quantized))
    reconstruction = (x - decoded).square().sum(dim=-1).mean(dim=-1)
    return reconstruction + quantization_loss(found, commitment), found


class RQVAE(nn.Module):
    """Encoder, residual quantizer and decoder."""

    def __init__(self, features: int, hidden: int, dim: int, levels: int, codes: int):
        super().__init__()
        self.encoder = two_layers(features, hidden, dim)
        self.decoder = two_layers(dim, hidden, features)
        self.codebooks = nn.Parameter(torch.randn(levels, codes, dim))

    def forward(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, ""]:
        loss, _ = rqvae_loss(x, self.encoder, self.decoder, self.codebooks)
        return loss

    @torch.no_grad()
    def ids(self, x: Float[Tensor, "batch features"]) -> Int[Tensor, "batch levels"]:
        """Semantic ID of each item."""
        return residual_quantize(self.encoder(x), self.codebooks).codes


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
    return nn.Sequential(first, nn.ReLU(), second)
