"""Steps from noise to data: DDPM, DDIM and flows; whole samplers.

Ho, Jain and Abbeel (2020), https://arxiv.org/abs/2006.11239; DDIM: Song, Meng and Ermon
(2020), https://arxiv.org/abs/2010.02502.

Symbols, beside those of ``diffusion.py``::

    alpha-bar_(t-1)  alpha_bar_prev  the share of the signal after the step; 1: clean
    z                fresh           noise that a step adds

Steps t count from 0: the last of T steps is T - 1. Axes::

    steps  of the forward process
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.generative.diffusion import Parts
from snippets.generative.noise_schedules import check_schedule, trailing_steps

Level = Float[Tensor, ""] | float


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

    ``large`` adds variance beta_t, instead of that of the forward process given x_0.

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
