"""Rotary position embedding: turn queries and keys, so that scores see distances.

Su et al. (2021), https://arxiv.org/abs/2104.09864; YaRN: Peng et al. (2023),
https://arxiv.org/abs/2309.00071

Axes::

    batch     anything in front: sequences, heads, or nothing
    seq       positions
    head_dim  features of one head; even
    pairs     features that turn together; ``head_dim / 2``
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
    """Radians by which each pair turns at each position; fractions are allowed.

    Raises
    ------
    ValueError
        If ``frequencies`` have 16 bits: their product with a position of a long text
        would be wrong by whole turns.
    """
    if frequencies.dtype.itemsize < 4:
        raise ValueError(f"angles in {frequencies.dtype} are wrong by whole turns")
    return positions.to(frequencies)[:, None] * frequencies


def check_sizes(x: Tensor, angles: Tensor) -> None:
    seq, pairs = angles.shape
    if x.shape[-2:] != (seq, 2 * pairs):
        raise ValueError(f"{seq} angles of {pairs} pairs cannot turn {tuple(x.shape)}")


def rotate(
    x: Float[Tensor, "*batch seq head_dim"], angles: Float[Tensor, "seq pairs"]
) -> Float[Tensor, "*batch seq head_dim"]:
    """Turn each pair of *neighboring* features, 2i and 2i + 1, by its angle.

    Raises
    ------
    ValueError
        If ``angles`` are not those of the positions and pairs of ``x``.

    Examples
    --------
    A quarter turn of the first pair, half a turn of the second:

    >>> quarter = torch.tensor([[math.pi / 2, math.pi]])
    >>> rotate(torch.tensor([[1.0, 0.0, 5.0, 6.0]]), quarter).round()
    tensor([[-0.,  1., -5., -6.]])
    """
    check_sizes(x, angles)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., 0::2], x[..., 1::2]
    turned = first * cos - second * sin, first * sin + second * cos
    return torch.stack(turned, dim=-1).flatten(-2)


def rotate_halves(
    x: Float[Tensor, "*batch seq head_dim"], angles: Float[Tensor, "seq pairs"]
) -> Float[Tensor, "*batch seq head_dim"]:
    """Turn pairs of which one is in each *half*: features i and i + head_dim / 2.

    Raises
    ------
    ValueError
        If ``angles`` are not those of the positions and pairs of ``x``.
    """
    check_sizes(x, angles)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    turned = first * cos - second * sin, first * sin + second * cos
    return torch.cat(turned, dim=-1)


def split_order(head_dim: int) -> Int[Tensor, " head_dim"]:
    """Features in the order in which neighbors of one pair move into two halves.

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

    It is the mean length of the sums of the first 1, 2, ... turned unit hands.

    Examples
    --------
    One hand makes half a turn, the other none, and their sum is zero:

    >>> decay_bound(torch.tensor([0, 1]), torch.tensor([math.pi, 0.0]))
    tensor([1.0000, 0.3333])
    """
    hands = torch.exp(1j * angles(distances, frequencies))
    sums = hands.cumsum(dim=-1).abs()
    return sums.mean(dim=-1) / ((len(frequencies) + 1) / 2)


def yarn_frequencies(
    head_dim: int, *, factor: float, trained: int, base: float = 10000.0
) -> Float[Tensor, " pairs"]:
    """Frequencies for a context ``factor`` times as long: only slow pairs slow down.

    Pairs that turn 32 times or more within the ``trained`` length stay, those that
    turn once or less are divided by ``factor``, and a ramp over the pairs joins them.

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
    ramp = ((torch.arange(len(plain)) - first) / (last - first)).clamp(0, 1)
    return plain * (1 - ramp) + plain / factor * ramp


def yarn_scale(factor: float) -> float:
    """What YaRN multiplies queries and keys by, to sharpen the longer softmax.

    Examples
    --------
    >>> round(yarn_scale(16.0), 3)
    1.277
    """
    return 0.1 * math.log(factor) + 1
