"""
Where the probability goes when chosen and rejected are alike
=============================================================

A figure of :doc:`/alignment/dpo`: answers on a circle, each as large as its
probability, while DPO pushes two neighbors apart.
"""

import matplotlib.pyplot as plt
import torch

DEGREES, MARGINS = 14.0, (0.0, 1.0, 6.0)

# One prompt, whose only feature is 1. The weight of the bilinear policy is then a
# vector, and gradient descent on DPO moves it along the difference of the pair.
others = torch.arange(30.0, 331.0, 20.0)
angles = torch.cat([torch.tensor([DEGREES, -DEGREES]), others]).double().deg2rad()
answers = torch.stack([angles.cos(), angles.sin()], dim=-1)
pair = answers[0] - answers[1]

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.6), layout="compressed")
shown = []
for ax, margin in zip(axes, MARGINS, strict=True):
    weight = margin * pair / (pair @ pair)
    chances = (answers @ weight).softmax(dim=0)
    ax.scatter(*answers[2:].T, s=900 * chances[2:], color="0.5", alpha=0.6)
    ax.scatter(*answers[0], s=900 * chances[0], color="C0")
    ax.scatter(*answers[1], s=900 * chances[1], color="C1")
    ax.text(0.75, 0.16, "chosen", color="C0", ha="right")
    ax.text(0.75, -0.34, "rejected", color="C1", ha="right")
    ax.set(title=f"margin {margin:g} nats", aspect="equal", xticks=[], yticks=[])
    ax.set(xlim=(-1.45, 1.45), ylim=(-1.45, 1.45))
    shown.append(chances)
first, middle, last = (chances[0] for chances in shown)
fig.set_label(
    f"{len(answers)} answers on a circle. Chosen and rejected are neighbors on the "
    f"right. The chosen answer has {first:.1%} at a margin of {MARGINS[0]:g} nats, "
    f"{middle:.1%} at {MARGINS[1]:g}, and {last:.3%} at {MARGINS[2]:g}, where the "
    f"largest dots are at the top, the largest with {shown[2].max():.0%}."
)
measured = {"plane_before": first, "plane_after": last}
measured |= {"plane_other": shown[2].max()}
assert first > middle > 100 * last
