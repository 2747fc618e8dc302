"""Sinusoidal positional encoding: sines and cosines of many frequencies.

Vaswani et al. (2017), https://arxiv.org/abs/1706.03762

Symbols::

    pos       positions
    d_model   d_model
    i         index of a pair of features, a sine and a cosine
    PE        what :func:`sinusoidal` returns
    k         offset

Axes::

    batch    independent sequences
    seq      positions
    d_model  features of a token; even
    pairs    pairs of features, one for each frequency; ``d_model / 2``
"""

import math

import torch
from jaxtyping import Float64, Num
from torch import Tensor


def frequencies(d_model: int, base: float = 10_000.0) -> Float64[Tensor, " pairs"]:
    """Frequency of each pair of features, in radians per position.

    Raises
    ------
    ValueError
        If ``d_model`` is not a positive even number.

    Examples
    --------
    >>> frequencies(4)
    tensor([1.0000, 0.0100], dtype=torch.float64)
    """
    if d_model < 2 or d_model % 2:
        raise ValueError(f"sines and cosines come in pairs: {d_model=}")
    exponent = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
    return base**-exponent


def sinusoidal(
    positions: Num[Tensor, "*batch seq"], d_model: int, base: float = 10_000.0
) -> Num[Tensor, "*batch seq d_model"]:
    """Encode ``positions``: feature 2i is the sine of pair i, 2i + 1 its cosine.

    Positions need not start at zero, nor be whole. The encoding has their type if that
    is a floating one, else torch's default. Angles are computed in 64 bits.

    Raises
    ------
    ValueError
        If ``d_model`` is not a positive even number.

    Examples
    --------
    At position 0 all angles are zero:

    >>> sinusoidal(torch.tensor([0]), d_model=6)
    tensor([[0., 1., 0., 1., 0., 1.]])
    """
    angles = positions.double()[..., None] * frequencies(d_model, base)
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)
    floating = positions.is_floating_point()
    dtype = positions.dtype if floating else torch.get_default_dtype()
    return pairs.flatten(-2).to(dtype)


def shift_matrix(
    offset: int | float, d_model: int, base: float = 10_000.0
) -> Float64[Tensor, "d_model d_model"]:
    """Matrix that moves every encoding by ``offset``: a rotation of each pair.

    Examples
    --------
    A quarter turn moves the angle 0 (sine 0, cosine 1) to 90 degrees:

    >>> quarter = shift_matrix(math.pi / 2, d_model=2)
    >>> (quarter @ torch.tensor([0.0, 1.0]).double()).round().tolist()
    [1.0, 0.0]
    """
    angles = (offset * frequencies(d_model, base)).tolist()
    rotations = [
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        for angle in angles
    ]
    blocks = torch.tensor(rotations, dtype=torch.float64)
    return torch.block_diag(*blocks)


def similarity(
    offsets: Num[Tensor, "*shape"], d_model: int, base: float = 10_000.0
) -> Float64[Tensor, "*shape"]:
    """Dot product of two encodings that are ``offsets`` apart.

    Examples
    --------
    >>> similarity(torch.tensor([0]), d_model=64).item()
    32.0
    """
    angles = offsets.double()[..., None] * frequencies(d_model, base)
    return angles.cos().sum(dim=-1)
