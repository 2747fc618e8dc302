"""TurboQuant: turn vectors at random, then round each coordinate by one fixed table.

Zandieh, Daliri, Hadian and Mirrokni (2025), https://arxiv.org/abs/2504.19874; the signs
of the residual: Zandieh, Daliri and Han (2024), https://arxiv.org/abs/2406.03482

Axes::

    batch   vectors
    dim     coordinates of a vector
    levels  values that a rounded coordinate can have; two to the power of ``bits``
    rows    random directions on which only a sign is kept
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import root
from scipy.stats import beta
from torch import Generator, Tensor


def chance_below(t: np.ndarray, dim: int) -> np.ndarray:
    """Chance that a coordinate of a random unit vector is below ``t``.

    Examples
    --------
    On a sphere in three dimensions every height is equally likely (Archimedes):

    >>> chance_below(np.array([-1.0, -0.5, 0.5]), dim=3)
    array([0.  , 0.25, 0.75])
    """
    half = (dim - 1) / 2
    return beta.cdf((1 + t) / 2, half, half)


def moment_above(t: np.ndarray, dim: int) -> np.ndarray:
    """Integral of the coordinate times its density, from ``t`` to 1."""
    log_scale = math.lgamma(dim / 2) - math.lgamma((dim - 1) / 2)
    scale = math.exp(log_scale) / math.sqrt(math.pi) / (dim - 1)
    return scale * (1 - t**2) ** ((dim - 1) / 2)


def cell_edges(levels: np.ndarray) -> np.ndarray:
    """Where rounding to the nearest level changes, with the ends of the range.

    Examples
    --------
    >>> cell_edges(np.array([-0.5, 0.1]))
    array([-1. , -0.2,  1. ])
    """
    return np.concatenate([[-1], (levels[1:] + levels[:-1]) / 2, [1]])


def cell_means(levels: np.ndarray, dim: int) -> np.ndarray:
    """Mean of what is rounded to each level."""
    edges = cell_edges(levels)
    return -np.diff(moment_above(edges, dim)) / np.diff(chance_below(edges, dim))


@cache
def codebook(bits: int, dim: int) -> Float[Tensor, " levels"]:
    """Levels with the least squared error for a coordinate of a random unit vector.

    Each level is the mean of what is rounded to it, and rounding goes to the nearest
    level (Lloyd and Max). SciPy's ``root`` finds the levels that satisfy both.

    Raises
    ------
    ValueError
        If there is no coordinate to choose for, or more levels than a byte can count.

    Examples
    --------
    >>> codebook(bits=2, dim=3)
    tensor([-0.7500, -0.2500,  0.2500,  0.7500], dtype=torch.float64)
    """
    if dim < 2 or not 0 <= bits <= 8:
        raise ValueError(f"two coordinates or more, 0 to 8 bits: {dim=}, {bits=}")
    middles = (np.arange(2**bits) + 0.5) / 2**bits
    spread = 2 * beta.ppf(middles, (dim - 1) / 2, (dim - 1) / 2) - 1
    found = root(lambda levels: cell_means(levels, dim) - levels, spread, tol=1e-12)
    return torch.from_numpy(found.x)


def distortion(bits: int, dim: int) -> float:
    """Expected squared error of a unit vector: what the levels do not catch.

    Examples
    --------
    >>> round(distortion(bits=2, dim=3), 4)  # three times 0.5**2 / 12
    0.0625
    """
    levels = codebook(bits, dim).numpy()
    chances = np.diff(chance_below(cell_edges(levels), dim))
    return float(1 - dim * (chances * levels**2).sum())


def random_rotation(
    dim: int, random: Generator | None = None
) -> Float[Tensor, "dim dim"]:
    """An orthogonal matrix, all of them equally likely."""
    gaussian = torch.randn(dim, dim, generator=random, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    return q * r.diagonal().sign()  # or the routine would choose the signs of q


class Rounded(NamedTuple):
    """What is stored of each vector: numbers of levels, and a length."""

    index: Int[Tensor, "batch dim"]
    length: Float[Tensor, "batch 1"]


def lengths(x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch 1"]:
    """Norms, in single precision at least: squares in half precision overflow."""
    kind = torch.promote_types(x.dtype, torch.float32)
    return torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=kind)


def encode(
    x: Float[Tensor, "batch dim"],
    rotation: Float[Tensor, "dim dim"],
    levels: Float[Tensor, " levels"],
) -> Rounded:
    """Turn, and find the nearest level of each coordinate."""
    length = lengths(x)
    unit = x / length.where(length > 0, 1)
    turned = unit.to(rotation) @ rotation.T
    edges = (levels[1:] + levels[:-1]) / 2
    return Rounded(torch.bucketize(turned, edges).to(torch.uint8), length)


def decode(
    code: Rounded,
    rotation: Float[Tensor, "dim dim"],
    levels: Float[Tensor, " levels"],
) -> Float[Tensor, "batch dim"]:
    """Look the levels up, turn back, and restore the length."""
    return code.length * (levels[code.index.int()] @ rotation)


class Sketch(NamedTuple):
    """Signs of random projections of each vector, and its length."""

    positive: Bool[Tensor, "batch rows"]
    length: Float[Tensor, "batch 1"]


def encode_signs(
    x: Float[Tensor, "batch dim"], projection: Float[Tensor, "rows dim"]
) -> Sketch:
    """One bit for each row of a Gaussian ``projection``."""
    return Sketch(x @ projection.T > 0, lengths(x))


def decode_signs(
    sketch: Sketch, projection: Float[Tensor, "rows dim"]
) -> Float[Tensor, "batch dim"]:
    """A vector whose inner products are right on average."""
    signs = 2 * sketch.positive.to(projection.dtype) - 1
    scale = math.sqrt(math.pi / 2) / len(projection)
    return scale * sketch.length * (signs @ projection)


def quantize(
    x: Float[Tensor, "batch dim"], rotation: Float[Tensor, "dim dim"], bits: int
) -> Float[Tensor, "batch dim"]:
    """What is left of ``x`` after storing it: the variant with the least error."""
    levels = codebook(bits, x.shape[1]).to(x.dtype)
    return decode(encode(x, rotation, levels), rotation, levels).to(x)


def quantize_unbiased(
    x: Float[Tensor, "batch dim"],
    rotation: Float[Tensor, "dim dim"],
    projection: Float[Tensor, "rows dim"],
    bits: int,
) -> Float[Tensor, "batch dim"]:
    """The variant for inner products: one bit less, and a sign for the residual.

    Raises
    ------
    ValueError
        If no bit is left for the signs.
    """
    if bits < 1:
        raise ValueError(f"the signs of the residual take one bit: {bits=}")
    rough = quantize(x, rotation, bits - 1)
    return rough + decode_signs(encode_signs(x - rough, projection), projection)


def bits_per_number(bits: int, dim: int, lengths: int = 1) -> float:
    """Bits for a coordinate, with ``lengths`` numbers of 16 bits for each vector.

    Examples
    --------
    >>> bits_per_number(3, dim=128), bits_per_number(3, dim=128, lengths=2)
    (3.125, 3.25)
    """
    return bits + 16 * lengths / dim
