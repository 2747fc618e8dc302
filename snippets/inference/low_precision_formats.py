"""Numbers in 8, 6 and 4 bits: small floating-point grids, and scales for blocks.

OCP 8-bit Floating Point Specification 1.0 (2023); OCP Microscaling Formats (MX)
Specification 1.0 (2023), section 6.3 and table 1; Rouhani et al. (2023),
https://arxiv.org/abs/2310.10537; NVFP4 as in NVIDIA et al. (2025),
https://arxiv.org/abs/2509.25149

Symbols of the specification and names here::

    E, M        ``exponent_bits``, ``mantissa_bits``
    P_i         elements, stored as ``codes``
    X           ``scale`` of a block
    k           ``block``
    emax_elem   exponent of ``largest``
    amax        ``peak``, the largest magnitude of a block

Axes::

    rows    any axes before the last
    values  the last axis, along which products are summed; ``blocks * block``
    blocks  runs of neighboring values that share a scale
    block   values of one run
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


class Minifloat(NamedTuple):
    """A floating-point format: a sign bit, then the exponent, then the mantissa.

    The ``reserved`` highest codes of each sign are no finite numbers.
    """

    exponent_bits: int
    mantissa_bits: int
    bias: int
    reserved: int = 0

    @property
    def bits(self) -> int:
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def top(self) -> int:
        """The code of the largest finite number."""
        return 2 ** (self.bits - 1) - 1 - self.reserved

    @property
    def largest(self) -> float:
        return decode(torch.tensor(self.top, dtype=torch.uint8), self).item()


E4M3 = Minifloat(4, 3, bias=7, reserved=1)  # NaN, and no infinity
E5M2 = Minifloat(5, 2, bias=15, reserved=4)  # infinity and three NaN
E3M2 = Minifloat(3, 2, bias=3)
E2M3 = Minifloat(2, 3, bias=1)
E2M1 = Minifloat(2, 1, bias=1)


class Blocks(NamedTuple):
    """Codes, a scale for each block, and one for the whole tensor."""

    codes: UInt8[Tensor, "*rows blocks block"]
    scale: Float[Tensor, "*rows blocks 1"]
    tensor_scale: Float[Tensor, ""]


def decode(codes: UInt8[Tensor, "*rows"], form: Minifloat) -> Float[Tensor, "*rows"]:
    """The numbers that ``codes`` stand for.

    Examples
    --------
    >>> decode(torch.arange(8, dtype=torch.uint8), E2M1).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """
    M, sign_place = form.mantissa_bits, form.bits - 1
    sign, code = codes.int() >> sign_place, codes.int() & (2**sign_place - 1)
    field, mantissa = code >> M, code & (2**M - 1)
    fraction = mantissa / 2**M + (field > 0)  # subnormal: no leading one
    size = torch.ldexp(fraction, field.clamp(min=1) - form.bias)
    size = torch.where(code > form.top, torch.nan, size)
    if form.reserved > 1:
        size = torch.where(code == form.top + 1, torch.inf, size)
    return size * (1 - 2 * sign)


def encode(values: Float[Tensor, "*rows"], form: Minifloat) -> UInt8[Tensor, "*rows"]:
    """The nearest code; ties go to the even code, larger values to the largest.

    Raises
    ------
    ValueError
        If a value is NaN, for which only some formats have a code.

    Examples
    --------
    >>> encode(torch.tensor([2.4, 2.5, 3.5, -1e9]), E2M1).tolist()
    [4, 4, 6, 15]
    """
    if values.isnan().any():
        raise ValueError(f"{values.isnan().sum()} of {values.numel()} values are NaN")
    M, lowest = form.mantissa_bits, 1 - form.bias
    size = values.to(torch.promote_types(values.dtype, torch.float32)).abs()
    size = size.clamp(max=form.largest)
    exponent = (torch.frexp(size).exponent - 1).clamp(min=lowest)
    exponent = torch.where(size > 0, exponent, lowest)
    steps = torch.ldexp(size, M - exponent).round().int()  # of 2^(exponent - M)
    code = (exponent - lowest) * 2**M + steps
    return (code + values.signbit() * 2 ** (form.bits - 1)).to(torch.uint8)


def split_blocks(
    values: Float[Tensor, "*rows values"], block: int
) -> tuple[Float[Tensor, "*rows blocks block"], Float[Tensor, "*rows blocks 1"]]:
    """Neighboring values together, in 32 bits or more, and each block's peak.

    Raises
    ------
    ValueError
        If ``block`` does not divide the last axis, or a value is not finite in 32 bits.
    """
    size = values.shape[-1]
    if block < 1 or size < 1 or size % block:
        raise ValueError(f"{size} values do not split into blocks of {block}")
    if not (finite := values.float().isfinite()).all():
        raise ValueError(f"{(~finite).sum()} values are NaN or infinite in 32 bits")
    values = values.to(torch.promote_types(values.dtype, torch.float32))
    split = values.unflatten(-1, (-1, block))
    return split, split.abs().amax(dim=-1, keepdim=True)


def mx_scale(peak: Float[Tensor, "*rows"], form: Minifloat) -> Float[Tensor, "*rows"]:
    """The power of two that the specification takes; an E8M0 number.

    Examples
    --------
    >>> mx_scale(torch.tensor([4.0, 7.9, 8.0]), E2M1).tolist()
    [1.0, 1.0, 2.0]
    """
    largest = torch.tensor(form.largest)
    peak = peak.to(torch.promote_types(peak.dtype, torch.float32))
    exponent = torch.frexp(peak).exponent - torch.frexp(largest).exponent
    exponent = torch.where(peak > 0, exponent, -127).clamp(-127, 127)
    return torch.ldexp(torch.ones_like(peak), exponent)


def mx_quantize(
    values: Float[Tensor, "*rows values"], form: Minifloat, block: int = 32
) -> Blocks:
    """MXFP8, MXFP6 or MXFP4: the scale of each block is a power of two."""
    split, peak = split_blocks(values, block)
    scale = mx_scale(peak, form)
    return Blocks(encode(split / scale, form), scale, torch.ones(()))


def nvfp4_quantize(values: Float[Tensor, "*rows values"], block: int = 16) -> Blocks:
    """NVFP4: scales are E4M3 numbers, themselves scaled by one FP32 number.

    A block whose scale rounds to zero becomes zero.
    """
    split, peak = split_blocks(values, block)
    highest = torch.cat([peak.flatten(), peak.new_zeros(1)]).max()  # 0 without rows
    tensor_scale = highest.float() / (E2M1.largest * E4M3.largest)
    tensor_scale = torch.where(tensor_scale > 0, tensor_scale, 1.0)
    scale = decode(encode(peak / E2M1.largest / tensor_scale, E4M3), E4M3)
    whole = scale * tensor_scale
    elements = torch.where(whole > 0, split / whole, 0.0)
    return Blocks(encode(elements, E2M1), scale, tensor_scale)


def float_quantize(
    values: Float[Tensor, "*rows values"], form: Minifloat, block: int
) -> Blocks:
    """FP8 as it is served: an FP32 scale maps each block's peak to the largest."""
    split, peak = split_blocks(values, block)
    scale = torch.where(peak > 0, peak / form.largest, 1.0)
    scale = torch.where(scale > 0, scale, 1.0)
    return Blocks(encode(split / scale, form), scale, torch.ones(()))


def dequantize(blocks: Blocks, form: Minifloat) -> Float[Tensor, "*rows values"]:
    """The values that codes and scales stand for."""
    elements = decode(blocks.codes, form)
    return (elements * (blocks.scale * blocks.tensor_scale)).flatten(-2)


def bits_per_value(element: int, scale: int, block: int) -> float:
    """Bits of an element with its share of the block's scale.

    Examples
    --------
    >>> bits_per_value(element=4, scale=8, block=32)
    4.25
    """
    return element + scale / block
