"""Diffusion: noising, conversions, guidance, steps of DDPM, DDIM and flows.

Ho, Jain and Abbeel (2020), https://arxiv.org/abs/2006.11239; DDIM: Song, Meng and Ermon
(2020), https://arxiv.org/abs/2010.02502; guidance: Ho and Salimans (2022),
https://arxiv.org/abs/2207.12598; v: Salimans and Ho (2022),
https://arxiv.org/abs/2202.00512. Flows: the direction of time is that of diffusers.

Symbols::

    alpha-bar_t       alpha_bar       share of the signal's variance that is left
    alpha-bar_(t-1)   alpha_bar_prev  the same, after the step; 1 means clean
    x_t, x_0          x_t, x_0        noisy and clean sample
    epsilon           noise           standard normal, as large as the sample
    v                 v               sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x_0
    z                 fresh           noise that a step adds
    u, sigma          u, sigma        velocity of the flow, and its share of noise

Steps t count from 0: the last of T steps is T - 1. Axes::

    steps  of the forward process
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.generative.noise_schedules import check_schedule, trailing_steps

Level = Float[Tensor, ""] | float


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
    """Classifier-free guidance; scale 0 ignores the label, 1 is conditional.

    The paper's w is ``scale - 1``.
    """
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


def check_step(alpha_bar: Level, alpha_bar_prev: Level) -> None:
    """Refuse a step that does not remove noise.

    Raises
    ------
    ValueError
        If not 0 <= alpha_bar < alpha_bar_prev <= 1.
    """
    if not 0 <= alpha_bar < alpha_bar_prev <= 1:
        raise ValueError(f"no step from {alpha_bar=} to {alpha_bar_prev=}")


def ddpm_step(
    x_t: Float[Tensor, "*shape"],
    x_0: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, ""],
    alpha_bar_prev: Float[Tensor, ""],
    fresh: Float[Tensor, "*shape"],
    *,
    large: bool = False,
) -> Float[Tensor, "*shape"]:
    """Draw the sample before x_t, given the predicted x_0.

    Parameters
    ----------
    large
        Add variance beta_t, instead of that of the forward process given x_0.

    Raises
    ------
    ValueError
        If the step does not remove noise.
    """
    check_step(alpha_bar, alpha_bar_prev)
    alpha = alpha_bar / alpha_bar_prev
    beta = 1 - alpha
    kept = (1 - alpha_bar_prev) / (1 - alpha_bar)
    mean = alpha_bar_prev.sqrt() * beta / (1 - alpha_bar) * x_0
    mean = mean + alpha.sqrt() * kept * x_t
    if alpha_bar_prev == 1:
        return mean  # the last step adds no noise
    variance = beta if large else beta * kept
    return mean + variance.sqrt() * fresh


def ddim_step(
    parts: Parts,
    alpha_bar: Float[Tensor, ""],
    alpha_bar_prev: Float[Tensor, ""],
    *,
    eta: float = 0.0,
    fresh: Float[Tensor, "*shape"] | None = None,
) -> Float[Tensor, "*shape"]:
    """Mix the predicted parts anew, with less noise; ``eta`` adds fresh noise.

    Raises
    ------
    ValueError
        If the step does not remove noise, ``eta`` is not in [0, 1], or it needs
        fresh noise and has none.
    """
    check_step(alpha_bar, alpha_bar_prev)
    if not 0 <= eta <= 1 or (eta > 0 and fresh is None):
        raise ValueError(f"{eta=} is not in [0, 1], or has no fresh noise")
    kept = (1 - alpha_bar_prev) / (1 - alpha_bar)
    sigma = eta * (kept * (1 - alpha_bar / alpha_bar_prev)).sqrt()
    old = (1 - alpha_bar_prev - sigma**2).clamp(min=0).sqrt()
    x = alpha_bar_prev.sqrt() * parts.x_0 + old * parts.noise
    return x if fresh is None or eta == 0 else x + sigma * fresh


def sample_ddpm(
    predict: Callable[[Tensor, int], Parts],
    x_T: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, " steps"],
    generator: torch.Generator,
    *,
    large: bool = False,
) -> Float[Tensor, "*shape"]:
    """All steps from noise to a sample, each with fresh noise."""
    check_schedule(alpha_bar)
    levels = torch.cat([alpha_bar.new_ones(1), alpha_bar])
    x = x_T
    for t in reversed(range(len(alpha_bar))):
        fresh = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x_0 = predict(x, t).x_0
        x = ddpm_step(x, x_0, levels[t + 1], levels[t], fresh, large=large)
    return x


def sample_ddim(
    predict: Callable[[Tensor, int], Parts],
    x_T: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, " steps"],
    count: int,
    *,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*shape"]:
    """From noise to a sample by ``count`` of the steps."""
    check_schedule(alpha_bar)
    chosen = trailing_steps(len(alpha_bar), count)
    x, one = x_T, alpha_bar.new_ones(())
    for i, t in enumerate(chosen):
        target = alpha_bar[chosen[i + 1]] if i + 1 < count else one
        fresh = None
        if eta:
            fresh = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = ddim_step(predict(x, t), alpha_bar[t], target, eta=eta, fresh=fresh)
    return x


def from_flow(
    x: Float[Tensor, "*shape"],
    u: Float[Tensor, "*shape"],
    sigma: Float[Tensor, "*#shape"],
) -> Parts:
    """The parts, if ``x = (1 - sigma) x_0 + sigma noise`` and ``u = noise - x_0``."""
    return Parts(x - sigma * u, x + (1 - sigma) * u)


def flow_step(
    x: Float[Tensor, "*shape"], u: Float[Tensor, "*shape"], sigma: Level, target: Level
) -> Float[Tensor, "*shape"]:
    """An Euler step along the velocity, from ``sigma`` to ``target``.

    Raises
    ------
    ValueError
        If not 0 <= target < sigma <= 1.
    """
    if not 0 <= target < sigma <= 1:
        raise ValueError(f"no step from {sigma=} to {target=}")
    return x + (target - sigma) * u


def flow_sigma(alpha_bar: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Noise share of the flow at the signal-to-noise ratio of ``alpha_bar``."""
    signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    return spread / (signal + spread)
