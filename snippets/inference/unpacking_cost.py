"""Cost of unpacking: when four bits are faster than sixteen, and when slower.

Frantar et al. (2024), https://arxiv.org/abs/2408.11743

Symbols of the page and names here::

    M, K, N  ``tokens``, ``inputs``, ``outputs`` of a layer
    F, F_u   ``flops`` of the matrix units, ``scalar`` of the units that unpack
    beta     ``bandwidth``
    c, M_t   ``operations`` per unpacking, ``tokens_per_unpack``
"""

import math
from dataclasses import dataclass

from snippets.inference.quantization import bits_per_weight


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a processor does in a second, and what a kernel makes of it.

    Parameters
    ----------
    flops
        Operations of the units that multiply matrices.
    bandwidth
        Bytes from memory.
    scalar
        Operations of the units that unpack.
    tokens_per_unpack
        Tokens that are multiplied with a weight before it is forgotten.
    operations
        What unpacking one weight takes.

    Raises
    ------
    ValueError
        If anything of this is zero or negative.
    """

    flops: float
    bandwidth: float
    scalar: float
    tokens_per_unpack: int
    operations: float = 2.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"no machine with {name}={value}")


def time_16(machine: Machine, tokens: int, inputs: int, outputs: int) -> float:
    """Seconds of a layer with 16-bit weights: the slower of arithmetic and reading.

    Examples
    --------
    >>> slow = Machine(flops=8.0, bandwidth=2.0, scalar=4.0, tokens_per_unpack=3)
    >>> time_16(slow, tokens=1, inputs=10, outputs=6)  # 2 (60 + 16) bytes
    76.0
    """
    compute = 2 * tokens * inputs * outputs / machine.flops
    read = 2 * (inputs * outputs + tokens * (inputs + outputs)) / machine.bandwidth
    return max(compute, read)


def unpack_time(machine: Machine, tokens: int, inputs: int, outputs: int) -> float:
    """Seconds of unpacking, again for every ``tokens_per_unpack`` tokens."""
    times = math.ceil(tokens / machine.tokens_per_unpack)
    return machine.operations * inputs * outputs * times / machine.scalar


def packed_bytes(tokens: int, inputs: int, outputs: int, group: int) -> float:
    """Bytes of packed weights, and of inputs and outputs in 16 bits."""
    weights = inputs * outputs * bits_per_weight(4, group) / 8
    return weights + 2 * tokens * (inputs + outputs)


def time_4(
    machine: Machine, tokens: int, inputs: int, outputs: int, group: int = 128
) -> float:
    """Seconds with packed weights: fewer bytes to read, and unpacking on top."""
    compute = 2 * tokens * inputs * outputs / machine.flops
    unpack = unpack_time(machine, tokens, inputs, outputs)
    read = packed_bytes(tokens, inputs, outputs, group) / machine.bandwidth
    return max(compute + unpack, read)


def time_4_overlapped(
    machine: Machine, tokens: int, inputs: int, outputs: int, group: int = 128
) -> float:
    """Seconds if products, unpacking and reading all run at the same time."""
    unpack = unpack_time(machine, tokens, inputs, outputs)
    products = 2 * tokens * inputs * outputs / machine.flops
    read = packed_bytes(tokens, inputs, outputs, group) / machine.bandwidth
    return max(products, unpack, read)
