"""Diffusion: noising, what a network may predict, guidance, and a closed form.

Ho, Jain and Abbeel (2020), https://arxiv.org/abs/2006.11239; guidance: Ho and Salimans
(2022), https://arxiv.org/abs/2207.12598; v: Salimans and Ho (2022),
https://arxiv.org/abs/2202.00512. Flows: the direction of time is that of diffusers.

Symbols::

    alpha-bar_t  alpha_bar  share of the signal's variance that is left
    x_t, x_0     x_t, x_0   noisy and clean sample
    epsilon      noise      standard normal, as large as the sample
    v            v          sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x_0
    u, sigma     u, sigma   velocity of the flow, and its share of noise
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


def add_noise(
    x_0: Float[Tensor, "*shape"],
    noise: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, "*#shape"],
) -> Float[Tensor, "*shape"]:
    """A sample of x_t, given x_0, in one step.

    Examples
    --------
    >>> import torch
    >>> add_noise(torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor(0.64))
    tensor([2.2000])
    """
    return alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * noise


class Parts(NamedTuple):
    """What a network takes a noisy sample to consist of."""

    x_0: Tensor
    noise: Tensor


def from_noise(
    x_t: Float[Tensor, "*shape"],
    noise: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, "*#shape"],
) -> Parts:
    """The parts, if the network predicts the noise.

    Raises
    ------
    ValueError
        If alpha-bar is 0: pure noise does not determine x_0.
    """
    if (alpha_bar <= 0).any():
        raise ValueError(f"x_0 does not follow from the noise at {alpha_bar=}")
    return Parts((x_t - (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt(), noise)


def from_x_0(
    x_t: Float[Tensor, "*shape"],
    x_0: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, "*#shape"],
) -> Parts:
    """The parts, if the network predicts the clean sample.

    Raises
    ------
    ValueError
        If alpha-bar is 1: there is no noise.
    """
    if (alpha_bar >= 1).any():
        raise ValueError(f"the noise does not follow from x_0 at {alpha_bar=}")
    return Parts(x_0, (x_t - alpha_bar.sqrt() * x_0) / (1 - alpha_bar).sqrt())


def from_v(
    x_t: Float[Tensor, "*shape"],
    v: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, "*#shape"],
) -> Parts:
    """The parts, if the network predicts v. Defined for every alpha-bar."""
    signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    return Parts(signal * x_t - spread * v, spread * x_t + signal * v)


def v_target(
    parts: Parts, alpha_bar: Float[Tensor, "*#shape"]
) -> Float[Tensor, "*shape"]:
    """What a network of v learns to predict."""
    return alpha_bar.sqrt() * parts.noise - (1 - alpha_bar).sqrt() * parts.x_0


def guide(
    null: Float[Tensor, "*shape"], conditional: Float[Tensor, "*shape"], scale: float
) -> Float[Tensor, "*shape"]:
    """Classifier-free guidance; 1 is conditional. The paper's w is ``scale - 1``."""
    return null + scale * (conditional - null)


def score(
    noise: Float[Tensor, "*shape"], alpha_bar: Float[Tensor, "*#shape"]
) -> Float[Tensor, "*shape"]:
    """Gradient of log p(x_t), if ``noise`` is the mean of the noise given x_t.

    Raises
    ------
    ValueError
        If alpha-bar is 1.
    """
    if (alpha_bar >= 1).any():
        raise ValueError(f"no noise, so no score, at {alpha_bar=}")
    return -noise / (1 - alpha_bar).sqrt()


def gaussian_noise(
    x_t: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, "*#shape"],
    mean: Float[Tensor, "*#shape"],
    std: float,
) -> Float[Tensor, "*shape"]:
    """The best prediction of the noise if x_0 is normal.

    Raises
    ------
    ValueError
        If ``std`` is negative, or x_t has no variance.
    """
    variance = alpha_bar * std**2 + 1 - alpha_bar
    if std < 0 or (variance <= 0).any():
        raise ValueError(f"x_t needs a positive variance: {std=}, {alpha_bar=}")
    return (1 - alpha_bar).sqrt() * (x_t - alpha_bar.sqrt() * mean) / variance


def from_flow(
    x: Float[Tensor, "*shape"],
    u: Float[Tensor, "*shape"],
    sigma: Float[Tensor, "*#shape"],
) -> Parts:
    """The parts, if ``x = (1 - sigma) x_0 + sigma noise`` and ``u = noise - x_0``."""
    return Parts(x - sigma * u, x + (1 - sigma) * u)


def flow_sigma(alpha_bar: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Noise share of the flow at the signal-to-noise ratio of ``alpha_bar``."""
    signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    return spread / (signal + spread)
