"""
Where clipping removes the gradient
===================================

Figure of :doc:`/alignment/ppo`: the clipped loss of the policy by the probability
ratio, and the clipped loss of the critic by its prediction.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.ppo import policy_loss, silent, value_loss

EPSILON = 0.2
chosen = torch.ones(1, 1).bool()


def curve(loss, places):
    """Loss at each place, and its derivative."""
    points = places.clone().requires_grad_()
    values = torch.stack([loss(point.view(1, 1)) for point in points])
    (slope,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), slope


ratios = torch.linspace(0.5, 1.5, 202)
values = torch.linspace(-0.6, 2.4, 202)
old, target = torch.zeros(1, 1), torch.ones(1, 1)
panels = [
    (ratios, lambda r: policy_loss(r.log(), old, target, chosen, EPSILON)),
    (ratios, lambda r: policy_loss(r.log(), old, -target, chosen, EPSILON)),
    (values, lambda v: value_loss(v, old, target, chosen, EPSILON)),
]
titles = ["advantage 1", "advantage -1", "critic"]

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.9), layout="constrained")
flat = []
for ax, (places, loss), title in zip(axes, panels, titles, strict=True):
    height, slope = curve(loss, places)
    still = slope == 0
    flat.append(places[still])
    ax.plot(places, height, "C0")
    ax.plot(places[still], height[still], "C1", linewidth=4, label="no gradient")
    ax.set_title(title, fontsize=11)
axes[0].set(ylabel="loss", xlabel="ratio")
axes[1].set(xlabel="ratio")
axes[2].set(xlabel="new value")
axes[0].plot(1, -1, "C3D")
axes[1].plot(1, 1, "C3D")
axes[2].plot(0, 0.5, "C3D")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center")
spans = [f"{each.min():.2f} to {each.max():.2f}" for each in flat]
fig.set_label(
    f"The loss is flat at ratios of {spans[0]} for advantage 1 and at {spans[1]} for "
    f"advantage -1, within the range shown. The loss of the critic is flat at new "
    f"values of {spans[2]}; below and above this range it rises."
)
for places, sign in zip(flat[:2], (1.0, -1.0), strict=True):
    expected = silent(ratios.log(), torch.full_like(ratios, sign), EPSILON)
    assert torch.equal(places, ratios[expected])
assert abs(flat[2].min() - EPSILON) < 0.02
assert abs(flat[2].max() - (2 - EPSILON)) < 0.02
