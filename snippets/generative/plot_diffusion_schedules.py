"""
Schedules, and what is wrong with an unfinished one
===================================================

A figure of :doc:`/generative/diffusion`. Left: three noise schedules. Right: where
samples end, by the share of the signal that the schedule leaves.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative.diffusion import from_noise, gaussian_noise
from snippets.generative.diffusion_samplers import ddim_step
from snippets.generative.labelled_circle import CLASSES, RADIUS, STD, centers
from snippets.generative.noise_schedules import (
    check_schedule,
    cosine_schedule,
    linear_schedule,
)

STEPS, COUNT = 100, 500  # of the forward process, and points of a class
LAST_BETAS = [0.02, 0.03, 0.045, 0.07, 0.1, 0.15]

random = torch.Generator().manual_seed(0)
center = centers()[torch.arange(CLASSES).repeat(COUNT)]


def reached(alpha_bar: torch.Tensor, eta: float) -> torch.Tensor:
    """As ``sample_ddim`` with the exact denoiser, but without its check."""
    levels = [torch.ones(()), *alpha_bar]
    x = torch.randn(center.shape, generator=random)
    for level, prev in zip(levels[:0:-1], levels[-2::-1], strict=True):
        parts = from_noise(x, gaussian_noise(x, level, center, STD), level)
        fresh = torch.randn(x.shape, generator=random)
        x = ddim_step(parts, level, prev, eta=eta, fresh=fresh)
    return (x * center).sum(1).mean() / RADIUS


schedules = [linear_schedule(STEPS, 1e-4, last) for last in LAST_BETAS]
ends = torch.stack([alpha_bar[-1] for alpha_bar in schedules])
radius = torch.tensor([[reached(s, eta) for s in schedules] for eta in (0.0, 1.0)])

fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
curves = {
    "linear to 0.1": linear_schedule(STEPS, 1e-4, 0.1),
    "cosine": cosine_schedule(STEPS),
    "linear to 0.02": linear_schedule(STEPS),
}
places = [(2, 0.3), (54, 0.5), (50, 0.85)]  # of the names
for (name, alpha_bar), style, place in zip(
    curves.items(), ("-", "--", ":"), places, strict=True
):
    left.plot(alpha_bar, style)
    left.text(*place, name)
left.set(xlabel="step", ylabel=r"signal that is left, $\bar\alpha_t$", ylim=(0, 1.02))
for row, name, style in zip(radius, ("DDIM", "DDPM"), ("o-", "s--"), strict=True):
    right.plot(ends, row, style, markersize=4, label=name)
right.axhline(RADIUS, color="0.5")
right.axvline(0.01, color="0.5", linestyle=":")
right.set(xscale="log", ylim=(1.4, 2.1))
right.set(xlabel=r"last $\bar\alpha$", ylabel="distance from the origin")
right.legend()
fig.set_label(
    "Left: share of the signal by step. It ends at "
    + ", ".join(f"{a[-1]:.4f} ({name})" for name, a in curves.items())
    + f". Right: mean distance of the classes from the origin, which should be {RADIUS}"
    f". It is {radius[0, 0]:.2f} (DDIM) and {radius[1, 0]:.2f} (DDPM) for a last "
    f"alpha-bar of {ends[0]:.2f}, and rises to {radius[0, -1]:.2f} and "
    f"{radius[1, -1]:.2f} for {ends[-1]:.4f}."
)
measured = {"unfinished_radius": radius[0, 0]}
root = torch.linspace(0.00085**0.5, 0.012**0.5, 1000)  # of Stable Diffusion 1
measured |= {"stable_end": (1 - root.square()).cumprod(0)[-1]}
check_schedule(schedules[4])
assert radius[0, 0] < 1.7 < 1.9 < radius[:, 4].min()
