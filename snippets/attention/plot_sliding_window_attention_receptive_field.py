"""
Each layer of a sliding window lets an output depend on more inputs
===================================================================

The gradient of each output with respect to each input, for one, two, and three random
layers with a window of four (:doc:`/attention/sliding_window_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from snippets.attention.multi_head_attention import MultiHeadAttention
from snippets.attention.sliding_window_attention import receptive_field, window_mask

torch.manual_seed(0)


def gradient_sizes(layers: int, window: int, seq: int) -> Float[Tensor, "{seq} {seq}"]:
    """Size of the gradient of output i with respect to input j."""
    parts = [MultiHeadAttention(d_model=8, heads=2).double() for _ in range(layers)]

    def stack(x):
        for part in parts:
            x = x + part(x, allowed=window_mask(seq, seq, window))
        return x

    x = torch.randn(seq, 8, dtype=torch.float64)
    return torch.autograd.functional.jacobian(stack, x).norm(dim=(1, 3))


reached = {}
for layers, window in [(1, 4), (2, 4), (3, 4), (2, 6), (4, 6)]:
    size = gradient_sizes(layers, window, seq=24)
    reached[layers, window] = (size[-1] > 0).sum()
    assert reached[layers, window] == receptive_field(layers, window)

fig, axes = plt.subplots(1, 3, sharey=True, figsize=(6.4, 2.4), layout="constrained")
for layers, ax in enumerate(axes, start=1):
    shown = np.ma.masked_equal(gradient_sizes(layers, window=4, seq=16).numpy(), 0)
    image = ax.imshow(np.ma.log10(shown), vmin=-4, vmax=1, cmap="viridis")
    ax.set_title(f"{layers} layer" + "s" * (layers > 1), loc="left", fontsize=10)
    ax.set(xticks=range(0, 16, 5), yticks=range(0, 16, 5), xlabel="input")
axes[0].set_ylabel("output")
bar = fig.colorbar(image, ax=axes, label="size of gradient", shrink=0.7)
bar.set_ticks([-4, -2, 0], labels=["0.0001", "0.01", "1"])
one, two, three = (reached[layers, 4] for layers in (1, 2, 3))
fig.set_label(
    "Three heat maps of the size of gradients, sixteen outputs by sixteen inputs. The "
    f"band below the diagonal is {one} wide with one layer, {two} with two, {three} "
    "with three, and fainter toward its far edge. Everything else is exactly zero."
)

measured = {"reached_4_3": reached[3, 4], "reached_6_4": reached[4, 6]}
