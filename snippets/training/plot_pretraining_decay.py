"""
Decay in AdamW, and decay through the gradient
==============================================

A figure of :doc:`/training/pretraining`. Three weights get random gradients with a mean
of zero, of different sizes. AdamW shrinks all three alike. If the decay is added to the
gradient instead, the smaller the gradients, the faster a weight shrinks.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.adamw import adamw_update

STEPS, LR, DECAY, WEIGHTS = 1000, 0.01, 0.1, 400
SIZES = [0.1, 1.0, 10.0]

torch.manual_seed(0)
sizes = torch.tensor(SIZES).repeat_interleave(WEIGHTS)
noise = torch.randn(STEPS, len(sizes)) * sizes
curves = {}
for decoupled in (True, False):
    weight = torch.ones_like(sizes)
    exp_avg, exp_avg_sq = torch.zeros(2, len(sizes))
    seen = [weight]
    for step, grad in enumerate(noise, start=1):
        if not decoupled:
            grad = grad + DECAY * weight
        weight, exp_avg, exp_avg_sq = adamw_update(
            weight,
            grad,
            exp_avg,
            exp_avg_sq,
            step,
            lr=LR,
            weight_decay=DECAY if decoupled else 0.0,
        )
        seen.append(weight)
    curves[decoupled] = torch.stack(seen).unflatten(1, (-1, WEIGHTS)).mean(-1)

factor = (1 - LR * DECAY) ** STEPS
fig, axes = plt.subplots(
    1, 2, figsize=(6.8, 3.0), sharex=True, sharey=True, layout="constrained"
)
for ax, decoupled in zip(axes, (True, False), strict=True):
    for number, size in enumerate(SIZES):
        curve, style = curves[decoupled][:, number], ["-", "--", ":"][number]
        ax.plot(curve, f"C{number}", linestyle=style, label=f"{size:g}")
    ax.set(xlabel="updates")
axes[0].set(title="AdamW", ylabel="mean weight")
axes[1].set(title="decay in the gradient")
handles = axes[0].get_lines()
fig.legend(handles=handles, title="size of gradients", loc="outside right center")
ends = {key: curve[-1] for key, curve in curves.items()}
fig.set_label(
    f"Two panels, mean of {WEIGHTS} weights for each size of gradient, from 1. AdamW: "
    f"the three curves end between {ends[True].min():.2f} and {ends[True].max():.2f}. "
    "Decay added to the gradient: "
    + ", ".join(f"{e:z.2f} for {s:g}" for s, e in zip(SIZES, ends[False], strict=True))
    + "."
)
measured = {"kept": factor, "decay_spread": ends[True].max() - ends[True].min()}
measured |= {"kept_small": ends[False][0], "kept_large": ends[False][-1]}
assert (ends[True] - factor).abs().max() < 0.05
