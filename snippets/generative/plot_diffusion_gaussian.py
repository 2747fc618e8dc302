"""
What the best denoiser does with normal data
============================================

A figure of :doc:`/generative/diffusion`. Left: regression finds the closed form of the
best prediction of the noise. Right: how wide the samples of three samplers are if they
use it; computed, without drawing a sample.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import torch

from snippets.generative.diffusion import add_noise, from_noise, gaussian_noise
from snippets.generative.diffusion_samplers import ddim_step, ddpm_step
from snippets.generative.noise_schedules import linear_schedule, trailing_steps

STD, COUNTS = 0.35, [5, 10, 20, 50, 100, 200, 500, 1000]
random = torch.Generator().manual_seed(0)
level, mean = torch.tensor(0.4), torch.tensor(1.5)
x_0 = mean + STD * torch.randn(100_000, generator=random)
noise = torch.randn(len(x_0), generator=random)
x_t = add_noise(x_0, noise, level)
design = torch.stack([x_t, torch.ones_like(x_t)], dim=1)
slope, intercept = torch.linalg.lstsq(design, noise[:, None]).solution[:, 0]
best_0, best_1 = gaussian_noise(torch.tensor([0.0, 1.0]), level, mean, STD)

alpha_bar = linear_schedule(1000).double()
zero, ends = torch.zeros(()).double(), torch.tensor([0.0, 1.0]).double()


def sample_std(kind: str, count: int) -> float:
    """Steps are linear, so each maps a variance to factor**2 * variance + added."""
    chosen = trailing_steps(len(alpha_bar), count)
    levels = [*alpha_bar[chosen], torch.ones(()).double()]
    variance = torch.ones(()).double()
    for a, b in pairwise(levels):
        parts = from_noise(ends, gaussian_noise(ends, a, zero, STD), a)
        if kind == "DDIM":
            low, high = ddim_step(parts, a, b)
            added = zero
        else:
            large = kind == "DDPM, large variance"
            low, high = ddpm_step(ends, parts.x_0, a, b, 0 * ends, large=large)
            noisy, _ = ddpm_step(ends, parts.x_0, a, b, 0 * ends + 1, large=large)
            added = (noisy - low).square()
        variance = (high - low).square() * variance + added
    return variance.sqrt().item()


kinds = ["DDIM", "DDPM, small variance", "DDPM, large variance"]
std = {kind: [sample_std(kind, n) for n in COUNTS] for kind in kinds}

fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
left.plot(x_t[:400], noise[:400], ".", color="0.6", markersize=3)
line = torch.tensor([-1.5, 3.5])
left.plot(line, best_0 + (best_1 - best_0) * line, "C0", label="closed form")
left.plot(line, intercept + slope * line, "C1--", label="regression")
left.set(xlabel="noisy value $x_t$", ylabel="noise in it")
left.legend(loc="lower right")
for kind, style in zip(kinds, ("o-", "s--", "^:"), strict=True):
    right.plot(COUNTS, std[kind], style, markersize=4, label=kind)
right.axhline(STD, color="0.5")
right.set(xscale="log", xlabel="steps", ylabel="standard deviation", ylim=(0, 0.8))
right.legend()
fig.set_label(
    "Left: noise against noisy value, with two lines that coincide, of slope "
    f"{slope:.2f} and {best_1 - best_0:.2f}. Right: standard deviation of samples for "
    f"{COUNTS[0]} and {COUNTS[-1]} steps; it should be {STD}. "
    + " ".join(f"{k}: {v[0]:.2f} and {v[-1]:.2f}." for k, v in std.items())
)
measured = {"slope": slope, "slope_best": best_1 - best_0}
for kind, name in zip(kinds[1:], ("small", "large"), strict=True):
    measured |= {f"{name}_20": std[kind][2], f"{name}_1000": std[kind][-1]}
measured |= {"ddim_20": std["DDIM"][2], "ddim_100": std["DDIM"][4]}
assert 0 < measured["large_20"] - STD < STD - measured["ddim_20"]
assert abs(slope - (best_1 - best_0)) < 0.01
assert all(a < b < STD for a, b in zip(std[kinds[1]], std["DDIM"], strict=True))
