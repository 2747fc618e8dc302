"""
How far back the influence lies depends on the weight of attention
==================================================================

Sixteen layers that read their window of eight evenly and add the result, times a
weight, to their input: the share of each distance in the gradient of the last output
(:doc:`/attention/sliding_window_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.sliding_window_attention import (
    receptive_field,
    sliding_window_attention,
)

LAYERS, WINDOW = 16, 8
REACH = receptive_field(LAYERS, WINDOW)


def influence(weight: float) -> np.ndarray:
    """Share of each distance in the gradient of the last output."""
    start = torch.zeros(REACH, 1, dtype=torch.float64, requires_grad=True)
    x = start
    for _ in range(LAYERS):
        even = torch.zeros_like(x)  # all scores are equal
        x = x + weight * sliding_window_attention(even, x, x, window=WINDOW)
    (gradient,) = torch.autograd.grad(x[-1, 0], start)
    return (gradient / gradient.sum()).flatten().flip(0).numpy()


fig, ax = plt.subplots()
mean, farther, near = {}, {}, {}
for color, weight in enumerate((0.1, 0.3, 1, 3)):
    share = influence(weight)
    assert (share > 0).all()
    mean[weight] = share @ np.arange(REACH) / (REACH - 1)
    farther[weight] = share[REACH // 2 :].sum()
    assert abs(mean[weight] - weight / (1 + weight) / 2) < 1e-6
    near[weight] = share[:10].sum()
    ax.plot(share, color=f"C{color}", label=f"{weight}")
ax.axvline(REACH - 1, color="0.5", ls=":")
ax.text(REACH - 2, 0.15, "reach", ha="right")
assert mean[0.1] < 0.05 < 0.24 < mean[1] < 0.26
assert farther[1] < 0.01
ax.legend(title="weight of attention")
ax.set(xlabel="positions back", ylabel="share of the gradient", ylim=(0, None))
fig.set_label(
    f"Shares over the distance, from 0 to {REACH - 1}, the reach of the stack. With "
    f"weight 0.1, {near[0.1]:.0%} of the gradient belongs to the nearest ten; larger "
    "weights give humps that lie farther back: their means are at "
    f"{mean[0.3]:.0%}, {mean[1]:.0%} and {mean[3]:.0%} of the reach for weights 0.3, 1 "
    "and 3."
)
measured = {
    "mean_light": mean[0.1],
    "mean_equal": mean[1],
    "mean_heavy": mean[3],
    "beyond_half": farther[1],
}
