"""
Most of the influence comes from a quarter of the reach
=======================================================

Layers that read their window of eight evenly and add the result to their input: the
share of each distance in the gradient of the last output
(:doc:`/attention/sliding_window_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.sliding_window_attention import (
    receptive_field,
    sliding_window_attention,
)


def influence(layers: int, window: int, seq: int) -> np.ndarray:
    """Share of each distance in the gradient of the last output."""
    start = torch.zeros(seq, 1, dtype=torch.float64, requires_grad=True)
    x = start
    for _ in range(layers):
        x = x + sliding_window_attention(torch.zeros_like(x), x, x, window=window)
    (gradient,) = torch.autograd.grad(x[-1, 0], start)
    return (gradient / gradient.sum()).flatten().flip(0).numpy()


fig, ax = plt.subplots()
for color, layers in enumerate((4, 8, 16)):
    share = influence(layers, window=8, seq=128)
    reach = receptive_field(layers, window=8)
    assert np.count_nonzero(share) == reach
    ax.plot(share[:reach], color=f"C{color}", label=f"{layers}")
    ax.plot(reach - 1, 0, "|", color=f"C{color}", ms=14, mew=2, clip_on=False)
typical = share @ np.arange(128) / (reach - 1)
beyond_half = share[reach // 2 :].sum()
assert abs(typical - 0.25) < 1e-6
assert beyond_half < 0.01
ax.legend(title="layers")
ax.set(xlabel="positions back", ylabel="share of the gradient", ylim=(0, None))
fig.set_label(
    "Shares over the distance for 4, 8 and 16 layers with a window of eight: humps "
    "that widen and move away slowly, a bell for 16 layers. Marks show the reach of "
    f"each stack, up to {reach - 1} positions back; there the shares are practically "
    "zero."
)
measured = {"typical": typical, "beyond_half": beyond_half}
