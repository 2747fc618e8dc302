"""Weights in four bits: groups with a scale each, and three ways to round.

GPTQ: Frantar et al. (2022), https://arxiv.org/abs/2210.17323; AWQ: Lin et al. (2023),
https://arxiv.org/abs/2306.00978

Symbols of the papers and names here::

    W, X             ``weight``, and ``inputs`` that were recorded, as rows
    H                ``moments`` of the inputs, up to a factor of 2 that cancels
    s, z             ``scale``, ``zero``
    g                ``group``
    lambda           ``damping``, relative to the mean of the diagonal
    s of AWQ         ``factor``
    alpha of AWQ     ``trial / trials``

Axes::

    outputs  rows of the weight, features that come out
    inputs   columns of the weight, features that go in; ``groups * group``
    groups   runs of neighboring columns that share a scale and a zero
    group    columns of one run
    samples  inputs that were recorded to measure errors with
    half     bytes of a row; ``inputs / 2``
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


class Quantized(NamedTuple):
    """Small integers, and for each group the scale and the zero that undo them."""

    codes: UInt8[Tensor, "outputs inputs"]
    scale: Float[Tensor, "outputs groups"]
    zero: Float[Tensor, "outputs groups"]


def bits_per_weight(bits: int, group: int) -> float:
    """Bits of a weight with its share of a scale and a zero of 16 bits each.

    Examples
    --------
    >>> bits_per_weight(bits=4, group=128)
    4.25
    """
    return bits + (16 + 16) / group


def split_groups(
    weight: Float[Tensor, "outputs inputs"], group: int
) -> Float[Tensor, "outputs groups group"]:
    """Neighboring columns together.

    Raises
    ------
    ValueError
        If ``group`` does not divide the columns.
    """
    inputs = weight.shape[1]
    if group < 1 or inputs % group:
        raise ValueError(f"{inputs} columns do not split into groups of {group}")
    return weight.unflatten(1, (-1, group))


def fit_grid(
    weight: Float[Tensor, "*rows group"], bits: int
) -> tuple[Float[Tensor, "*rows"], Float[Tensor, "*rows"]]:
    """Scale and zero with which the codes span each row; 0 stays 0.

    Examples
    --------
    >>> fit_grid(torch.tensor([-1.0, 0.3, 2.0]), bits=2)
    (tensor(1.), tensor(1.))
    """
    if not 1 <= bits <= 8:
        raise ValueError(f"{bits=} do not fit into a byte")
    low, high = weight.amin(dim=-1).clamp(max=0), weight.amax(dim=-1).clamp(min=0)
    scale = high / (2**bits - 1) - low / (2**bits - 1)  # high - low could overflow
    scale = torch.where(scale > 0, scale, 1.0)
    return scale, (-low / scale).round()


def encode(weight: Tensor, scale: Tensor, zero: Tensor, bits: int) -> Tensor:
    """The nearest code to each weight."""
    return ((weight / scale).round() + zero).clamp(0, 2**bits - 1)


def round_to_nearest(
    weight: Float[Tensor, "outputs inputs"], *, group: int, bits: int = 4
) -> Quantized:
    """Each weight to the nearest point of its group's grid."""
    split = split_groups(weight, group)
    scale, zero = fit_grid(split, bits)
    codes = encode(split, scale[..., None], zero[..., None], bits)
    return Quantized(codes.flatten(1).to(torch.uint8), scale, zero)


def dequantize(quantized: Quantized) -> Float[Tensor, "outputs inputs"]:
    """The weights that the codes stand for."""
    codes, scale, zero = quantized
    split = codes.unflatten(1, (scale.shape[1], -1)).to(scale)
    return ((split - zero[..., None]) * scale[..., None]).flatten(1)


def pack(codes: UInt8[Tensor, "outputs inputs"]) -> UInt8[Tensor, "outputs half"]:
    """Two codes of four bits in a byte, the first one in the low half.

    Examples
    --------
    >>> pack(torch.tensor([[3, 10]], dtype=torch.uint8))  # 3 + 16 * 10
    tensor([[163]], dtype=torch.uint8)
    """
    if codes.shape[1] % 2 or codes.max() > 15:
        raise ValueError(f"cannot pack {codes.shape[1]} codes up to {codes.max()}")
    return codes[:, 0::2] | codes[:, 1::2] << 4


def unpack(packed: UInt8[Tensor, "outputs half"]) -> UInt8[Tensor, "outputs inputs"]:
    """The work that every use of the weights has to do first: mask, shift, put."""
    return torch.stack([packed & 15, packed >> 4], dim=-1).flatten(1)


def check_inputs(inputs: Float[Tensor, "samples inputs"]) -> None:
    """Raise ``ValueError`` for inputs that are all zero, so no error would matter."""
    if not inputs.any():
        raise ValueError(f"{len(inputs)} recorded inputs, and all are zero")


def inverse_root(
    inputs: Float[Tensor, "samples inputs"], damping: float
) -> Float[Tensor, "inputs inputs"]:
    """Upper triangular U with U^T U the inverse of the damped second moments.

    Raises
    ------
    ValueError
        If all inputs are zero, so that no error would matter.
    """
    check_inputs(inputs)
    inputs = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
    moments = inputs.T @ inputs
    moments.diagonal().add_(damping * moments.diagonal().mean())
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(moments))
    return torch.linalg.cholesky(inverse, upper=True)


def gptq(
    weight: Float[Tensor, "outputs inputs"],
    inputs: Float[Tensor, "samples inputs"],
    *,
    group: int,
    bits: int = 4,
    damping: float = 0.01,
) -> Quantized:
    """Round column by column; columns to come make up for each rounding error."""
    split_groups(weight, group)
    root = inverse_root(inputs, damping)
    weight = weight.to(root, copy=True)
    codes, scales, zeros = torch.zeros_like(weight, dtype=torch.uint8), [], []
    for column in range(weight.shape[1]):
        if column % group == 0:
            scale, zero = fit_grid(weight[:, column : column + group], bits)
            scales.append(scale)
            zeros.append(zero)
        code = encode(weight[:, column], scale, zero, bits)
        error = (weight[:, column] - (code - zero) * scale) / root[column, column]
        weight[:, column + 1 :] -= torch.outer(error, root[column, column + 1 :])
        codes[:, column] = code.to(torch.uint8)
    return Quantized(codes, torch.stack(scales, 1), torch.stack(zeros, 1))


def output_error(
    approximate: Float[Tensor, "outputs inputs"],
    weight: Float[Tensor, "outputs inputs"],
    inputs: Float[Tensor, "samples inputs"],
) -> float:
    """Squared error of what the layer returns, relative to what it should."""
    inputs, weight = inputs.double(), weight.double()
    error = inputs @ (approximate.double() - weight).T
    return (error.square().sum() / (inputs @ weight.T).square().sum()).item()


def awq(
    weight: Float[Tensor, "outputs inputs"],
    inputs: Float[Tensor, "samples inputs"],
    *,
    group: int,
    bits: int = 4,
    trials: int = 20,
) -> tuple[Quantized, Float[Tensor, " inputs"]]:
    """Enlarge columns of large inputs before rounding; divide these by as much.

    The power of the input's size is searched in ``trials`` equal steps from 0. Inputs
    that are almost always zero count as a ten-thousandth of the largest.
    """
    check_inputs(inputs)
    size = inputs.abs().mean(dim=0)
    size = (size / size.max()).clamp(min=1e-4)
    best = None
    for trial in range(trials):
        factor = size ** (trial / trials)
        factor = factor / (factor.max() * factor.min()).sqrt()
        quantized = round_to_nearest(weight * factor, group=group, bits=bits)
        error = output_error(dequantize(quantized) / factor, weight, inputs)
        if best is None or error < best[0]:
            best = error, quantized, factor
    return best[1], best[2]
