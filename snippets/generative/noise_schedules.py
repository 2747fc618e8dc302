"""How much of the signal is left after each step of the forward process.

Linear: Ho, Jain and Abbeel (2020), https://arxiv.org/abs/2006.11239. Cosine:
Nichol and Dhariwal (2021), https://arxiv.org/abs/2102.09672, equation 17. Zero terminal
signal-to-noise ratio (SNR), trailing steps: Lin et al. (2024),
https://arxiv.org/abs/2305.08891.

Symbols::

    beta_t       beta       share of variance that step t replaces by noise
    alpha-bar_t  alpha_bar  product of 1 - beta up to step t

Axes::

    steps  of the forward process
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def linear_schedule(
    steps: int, first: float = 1e-4, last: float = 0.02
) -> Float[Tensor, " steps"]:
    """alpha-bar of each step if beta rises linearly; defaults are for 1000 steps.

    Raises
    ------
    ValueError
        If there is no step, or not 0 < first <= last < 1.
    """
    if steps < 1 or not 0 < first <= last < 1:
        raise ValueError(f"no schedule of {steps=} from {first=} to {last=}")
    return (1 - torch.linspace(first, last, steps)).cumprod(0)


def cosine_schedule(steps: int, largest: float = 0.999) -> Float[Tensor, " steps"]:
    """alpha-bar along a squared cosine; no beta exceeds ``largest``.

    Raises
    ------
    ValueError
        If there is no step, or not 0 < largest <= 1.
    """
    if steps < 1 or not 0 < largest <= 1:
        raise ValueError(f"no schedule of {steps=} with {largest=}")
    time = torch.arange(steps + 1, dtype=torch.double) / steps
    curve = ((time + 0.008) / 1.008 * math.pi / 2).cos().square()
    beta = (1 - curve[1:] / curve[:-1]).clamp(max=largest)
    return (1 - beta).cumprod(0).float()


def zero_terminal_snr(alpha_bar: Float[Tensor, " steps"]) -> Float[Tensor, " steps"]:
    """Shift and stretch sqrt(alpha-bar): the first value stays, the last becomes 0.

    Raises
    ------
    ValueError
        If the first value is not above the last.
    """
    root = alpha_bar.sqrt()
    if not root[0] > root[-1]:
        raise ValueError(f"alpha-bar from {alpha_bar[0]} to {alpha_bar[-1]}")
    return ((root - root[-1]) * root[0] / (root[0] - root[-1])).square()


def check_schedule(alpha_bar: Float[Tensor, " steps"], tolerance: float = 0.01) -> None:
    """Refuse a schedule from whose end N(0, I) differs too much.

    Raises
    ------
    ValueError
        If alpha-bar is empty, not finite, does not fall, leaves [0, 1), or ends
        above ``tolerance``.
    """
    if not len(alpha_bar) or not alpha_bar.isfinite().all():
        raise ValueError(f"no finite schedule: {alpha_bar}")
    if not (alpha_bar.diff() < 0).all() or alpha_bar[0] >= 1 or alpha_bar[-1] < 0:
        raise ValueError(f"alpha-bar must fall within [0, 1): {alpha_bar}")
    if alpha_bar[-1] > tolerance:
        raise ValueError(
            f"the last alpha-bar is {alpha_bar[-1]:.4f}, above {tolerance}: "
            "samples cannot start from N(0, I)"
        )


def trailing_steps(steps: int, count: int) -> list[int]:
    """``count`` of the steps, from the last one down.

    Raises
    ------
    ValueError
        If not 1 <= count <= steps.

    Examples
    --------
    >>> trailing_steps(10, 4)
    [9, 7, 4, 1]
    """
    if not 1 <= count <= steps:
        raise ValueError(f"no {count} of {steps} steps")
    return [round(steps - i * steps / count) - 1 for i in range(count)]
