"""
Points that become noise, and noise that becomes points
=======================================================

Animation for :doc:`/generative/diffusion`. Points of eight classes get noise in small
steps. Then other points start from noise, and the exact denoiser takes the steps back.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.generative.diffusion import from_noise, score
from snippets.generative.diffusion_samplers import ddpm_step
from snippets.generative.labelled_circle import centers, draw_points, exact_noise
from snippets.generative.noise_schedules import linear_schedule

STEPS, COUNT = 100, 240
random = torch.Generator().manual_seed(0)
alpha_bar = linear_schedule(STEPS, 1e-4, 0.1)
levels = torch.cat([torch.ones(1), alpha_bar])  # one more: before the first step


def draw_noise() -> torch.Tensor:
    return torch.randn(COUNT, 2, generator=random)


x, label = draw_points(COUNT, random)
forward, backward = [x], [draw_noise()]
for alpha in levels[1:] / levels[:-1]:
    x = alpha.sqrt() * x + (1 - alpha).sqrt() * draw_noise()
    forward.append(x)
x = backward[0]
for t in reversed(range(STEPS)):
    x_0 = from_noise(x, exact_noise(x, alpha_bar[t]), alpha_bar[t]).x_0
    x = ddpm_step(x, x_0, levels[t + 1], levels[t], draw_noise())
    backward.append(x)
reached = torch.cdist(backward[-1], centers()).argmin(1)
end_std = forward[-1].std()
assert abs(end_std - 1) < 0.1

fig, ax = plt.subplots(figsize=(4.6, 4.7), layout="constrained")
axis = torch.linspace(-3, 3, 13)
grid = torch.cartesian_prod(axis, axis)
arrows = ax.quiver(*grid.T, *torch.zeros_like(grid.T), color="0.6", scale=26)
colors = plt.get_cmap("tab10")
dots = ax.scatter(*forward[0].T, s=10, color=colors(label.numpy()))
ax.set(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal", xticks=[], yticks=[])
shown = [0, 2, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100]  # steps from clean
frames = [*((t, False) for t in shown), *((t, True) for t in reversed(shown))]


def draw(frame: int) -> None:
    t, back = frames[frame]
    points = backward[STEPS - t] if back else forward[t]
    dots.set_offsets(points)
    dots.set_color(colors((reached if back else label).numpy()))
    if t:
        field = score(exact_noise(grid, levels[t]), levels[t])
        field = field / field.norm(dim=1, keepdim=True).clamp(min=1)
    else:
        field = torch.zeros_like(grid)
    arrows.set_UVC(*field.T)
    way = "backward" if back else "forward"
    ax.set_title(f"{way}: step {t} of {STEPS}", fontsize=11)


animation = FuncAnimation(fig, draw, frames=len(frames), interval=500)
fig.set_label(
    f"{COUNT} points in eight groups on a circle spread until they form one cloud with "
    f"a standard deviation of {end_std:.2f}. Then another cloud, colored by the group "
    "that each point will reach, moves back to eight groups. Arrows show where the "
    "density of the points rises; they are at most 1 long."
)
