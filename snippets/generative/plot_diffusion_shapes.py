"""
A small U-Net draws shapes
==========================

A figure of :doc:`/generative/diffusion`: a network that predicts v learns to draw
images of a shape, given its name, color and place. One run.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import torch

from snippets.generative import shapes
from snippets.generative.diffusion import Parts, add_noise, from_v, v_target
from snippets.generative.diffusion_samplers import ddim_step
from snippets.generative.noise_schedules import (
    cosine_schedule,
    trailing_steps,
    zero_terminal_snr,
)
from snippets.generative.tiny_unet import TinyUNet

STEPS, UPDATES, BATCH, CALLS = 100, 500, 16, 20
alpha_bar = zero_terminal_snr(cosine_schedule(STEPS))
torch.manual_seed(0)
random = torch.Generator().manual_seed(1)
model = TinyUNet()
optimizer = torch.optim.Adam(model.parameters(), 5e-3, fused=True)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, UPDATES)
losses = []
for _ in range(UPDATES):
    images, labels = shapes.draw_shapes(BATCH, random)
    parts = Parts(2 * images - 1, torch.randn(images.shape, generator=random))
    t = torch.randint(STEPS, (BATCH,), generator=random)
    level = alpha_bar[t].view(-1, 1, 1, 1)
    found = model(add_noise(*parts, level), t, labels)
    loss = (found - v_target(parts, level)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())

labels = torch.cartesian_prod(*[torch.arange(4)] * 3)
x = torch.randn(len(labels), 3, shapes.SIDE, shapes.SIDE, generator=random)
levels, seen = torch.cat([alpha_bar, torch.ones(1)]), [x]
chosen = [*trailing_steps(STEPS, CALLS), STEPS]
with torch.no_grad():
    for t, target in pairwise(chosen):
        v = model(x, torch.full((len(x),), t), labels)
        x = ddim_step(from_v(x, v, levels[t]), levels[t], levels[target])
        seen.append(x)

shifts = torch.cartesian_prod(torch.arange(3), torch.arange(3))
clean = shapes.render(labels.repeat_interleave(9, 0), shifts.repeat(64, 1))
nearest = torch.cdist(x.flatten(1), 2 * clean.flatten(1) - 1).argmin(1) // 9
right = (labels[nearest] == labels).float().mean(0)  # shape, color, place

rows, moments = [0, 22, 41, 63], [0, 10, 14, 17, 20]
fig, axes = plt.subplots(4, 5, figsize=(6, 5.2), layout="constrained")
for row, number in zip(axes, rows, strict=True):
    for ax, moment in zip(row, moments, strict=True):
        picture = (seen[moment][number] + 1) / 2
        ax.imshow(picture.clamp(0, 1).permute(1, 2, 0))
        ax.set(xticks=[], yticks=[])
    what, where = shapes.caption(labels[number]).split(", ")
    row[0].set_ylabel(f"{what},\n{where}", rotation=0, ha="right", va="center")
for ax, moment in zip(axes[0], moments, strict=True):
    ax.set_title(f"{moment} steps", fontsize="medium")
fig.set_label(
    "Four rows of five pictures, from noise to a shape: "
    + "; ".join(shapes.caption(labels[number]) for number in rows)
    + ". In the last picture of each row, color and place can be seen; the outline of "
    "the shape is rough."
)
measured = dict(zip(("shape", "color", "place"), right, strict=True))
measured["shapes_loss"] = sum(losses[-50:]) / 50
measured["shapes_weights"] = sum(p.numel() for p in model.parameters()) / 1000
assert measured["shapes_loss"] < 0.15 < 0.8 < right[1:].min()
