"""Rotary position embedding: rotate queries and keys, so that scores see distances.

Su et al. (2021), https://arxiv.org/abs/2104.09864; position interpolation: Chen et al.
(2023), https://arxiv.org/abs/2306.15595; YaRN: Peng et al. (2023),
https://arxiv.org/abs/2309.00071; Llama 3.1: type ``llama3`` of transformers

Symbols::

    theta_i  frequencies      d  head_dim        s  factor
    m, n     positions        b  base            L  trained

Axes::

    batch     anything in front: sequences, heads, or nothing
    seq       positions
    head_dim  features of one head; even
    pairs     features that are rotated together; ``head_dim / 2``
"""

import math

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor


def check_even(head_dim: int) -> None:
    if head_dim < 2 or head_dim % 2:
        raise ValueError(f"{head_dim=} features cannot be paired")


def frequencies(head_dim: int, base: float = 10000.0) -> Float[Tensor, " pairs"]:
    """Radians per position of each pair: 1 for the first, almost 1 / base at last.

    Raises
    ------
    ValueError
        If ``head_dim`` is odd or not positive.

    Examples
    --------
    >>> frequencies(head_dim=4, base=100.0)
    tensor([1.0000, 0.1000], dtype=torch.float64)
    """
    check_even(head_dim)
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
    return base**-exponents


def angles(
    positions: Real[Tensor, " seq"], frequencies: Float[Tensor, " pairs"]
) -> Float[Tensor, "seq pairs"]:
    """Radians by which each pair is rotated at each position, whole or not.

    Raises
    ------
    ValueError
        If ``frequencies`` have 16 bits: their product with a position of a long text
        would be wrong by whole turns. If ``positions`` are 16-bit floating point, which
        rounds those of a long text.
    """
    if positions.is_floating_point() and positions.dtype.itemsize < 4:
        rounded = f"positions in {positions.dtype} are rounded"
        raise ValueError(f"{rounded}: use integers or at least 32 bits")
    if frequencies.dtype.itemsize < 4:
        raise ValueError(f"angles in {frequencies.dtype} are wrong by whole turns")
    return positions.to(frequencies)[:, None] * frequencies


def check_sizes(x: Tensor, angles: Tensor) -> None:
    seq, pairs = angles.shape
    if x.shape[-2:] != (seq, 2 * pairs):
        shape = tuple(x.shape)
        raise ValueError(f"{seq} angles of {pairs} pairs cannot rotate {shape}")
    if angles.dtype.itemsize < 4:
        raise ValueError(f"angles in {angles.dtype} are rounded: use at least 32 bits")


def rotate(
    x: Float[Tensor, "*batch seq head_dim"], angles: Float[Tensor, "seq pairs"]
) -> Float[Tensor, "*batch seq head_dim"]:
    """Rotate each pair of *neighboring* features, 2i and 2i + 1, by its angle.

    Raises
    ------
    ValueError
        If ``angles`` are not those of the positions and pairs of ``x``, or have 16
        bits.

    Examples
    --------
    A quarter turn of the first pair, half a turn of the second:

    >>> quarter = torch.tensor([[math.pi / 2, math.pi]])
    >>> rotate(torch.tensor([[1.0, 0.0, 5.0, 6.0]]), quarter).round()
    tensor([[-0.,  1., -5., -6.]])
    """
    check_sizes(x, angles)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    x1, x2 = x[..., 0::2], x[..., 1::2]
    rotated = x1 * cos - x2 * sin, x1 * sin + x2 * cos
    return torch.stack(rotated, dim=-1).flatten(-2)


def rotate_halves(
    x: Float[Tensor, "*batch seq head_dim"], angles: Float[Tensor, "seq pairs"]
) -> Float[Tensor, "*batch seq head_dim"]:
    """Rotate pairs with a feature in each *half*: i and i + head_dim / 2.

    Raises
    ------
    ValueError
        If ``angles`` are not those of the positions and pairs of ``x``, or have 16
        bits.
    """
    check_sizes(x, angles)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    x1, x2 = x.chunk(2, dim=-1)
    rotated = x1 * cos - x2 * sin, x1 * sin + x2 * cos
    return torch.cat(rotated, dim=-1)


def split_order(head_dim: int) -> Int[Tensor, " head_dim"]:
    """Order of features that turns pairs of neighbors into pairs across halves.

    Examples
    --------
    >>> split_order(6)
    tensor([0, 2, 4, 1, 3, 5])
    """
    check_even(head_dim)
    return torch.arange(head_dim).unflatten(0, (-1, 2)).T.flatten()


def decay_bound(
    distances: Real[Tensor, " seq"], frequencies: Float[Tensor, " pairs"]
) -> Float[Tensor, " seq"]:
    """Bound on the size of a score at a distance, relative to that at distance 0.

    It is the mean size of the sums of the first 1, 2, ... rotated unit numbers.

    Examples
    --------
    One makes half a turn, the other none, and their sum is zero:

    >>> decay_bound(torch.tensor([0, 1]), torch.tensor([math.pi, 0.0]))
    tensor([1.0000, 0.3333])
    """
    units = torch.exp(1j * angles(distances, frequencies))
    sums = units.cumsum(dim=-1).abs()
    return sums.mean(dim=-1) / ((len(frequencies) + 1) / 2)


def ntk_base(head_dim: int, factor: float, base: float = 10000.0) -> float:
    """NTK-aware base: it divides the lowest frequency by ``factor``.

    Raises
    ------
    ValueError
        If there is one pair only: its frequency is 1 for any base.

    Examples
    --------
    >>> round(ntk_base(head_dim=128, factor=4.0))
    40890
    >>> frequencies(4, ntk_base(4, factor=10.0, base=100.0))
    tensor([1.0000, 0.0100], dtype=torch.float64)
    """
    check_even(head_dim)
    if head_dim == 2:
        raise ValueError(f"{head_dim=} has one pair, which no base slows down")
    return base * factor ** (head_dim / (head_dim - 2))


def turns(
    frequencies: Float[Tensor, " pairs"], trained: int
) -> Float[Tensor, " pairs"]:
    """Full turns of each pair within the trained length."""
    return trained * frequencies / (2 * math.pi)


def ramp_by_turns(
    frequencies: Float[Tensor, " pairs"],
    *,
    factor: float,
    trained: int,
    slow: float,
    fast: float,
) -> Float[Tensor, " pairs"]:
    """Divide by ``factor`` below ``slow`` turns, by 1 above ``fast``, blend between.

    Llama 3.1 has 1 and 4 turns; the paper on YaRN has 1 and 32.

    Raises
    ------
    ValueError
        If ``slow`` is not less than ``fast``.

    Examples
    --------
    Pairs of 0.5, 2.5 and 10 turns:

    >>> speeds = torch.tensor([0.5, 2.5, 10.0]) * 2 * math.pi / 100
    >>> ramp_by_turns(speeds, factor=4.0, trained=100, slow=1.0, fast=4.0) / speeds
    tensor([0.2500, 0.6250, 1.0000])
    """
    if slow >= fast:
        raise ValueError(f"no ramp from {slow=} to {fast=} turns")
    kept = ((turns(frequencies, trained) - slow) / (fast - slow)).clamp(0, 1)
    return frequencies * kept + frequencies / factor * (1 - kept)


def yarn_frequencies(
    head_dim: int, *, factor: float, trained: int, base: float = 10000.0
) -> Float[Tensor, " pairs"]:
    """Frequencies of YaRN's published code: a ramp over the index of the pair.

    The ramp begins at the pair that makes 32 turns within the ``trained`` length and
    ends at the pair that makes one, both rounded outward to whole pairs. The paper's
    formula is ``ramp_by_turns`` with 1 and 32.

    Raises
    ------
    ValueError
        If no pair turns once within the trained length.
    """
    if trained <= 2 * math.pi:
        raise ValueError(f"no pair turns once within {trained=} positions")
    plain = frequencies(head_dim, base)

    def pair_that_turns(times: int) -> float:
        return head_dim / 2 * math.log(trained / (2 * math.pi * times), base)

    first = max(math.floor(pair_that_turns(32)), 0)
    last = math.ceil(pair_that_turns(1))
    kept = ((last - torch.arange(len(plain))) / (last - first)).clamp(0, 1)
    return plain * kept + plain / factor * (1 - kept)


def yarn_scale(factor: float) -> float:
    """Factor on queries and keys with which YaRN sharpens the longer softmax.

    Examples
    --------
    >>> round(yarn_scale(16.0), 3)
    1.277
    """
    return 0.1 * math.log(factor) + 1
