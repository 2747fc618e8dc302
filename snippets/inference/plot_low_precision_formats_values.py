"""
Low-precision formats: the values that 4, 6 and 8 bits can have
===============================================================

The positive values of seven formats, divided by the largest. Also how large a published
checkpoint is if its experts take 4.25 bits a weight.
"""

import matplotlib.pyplot as plt
import torch

from snippets.inference.low_precision_formats import (
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    bits_per_value,
    decode,
)

floats = {"E2M1": E2M1, "E3M2": E3M2, "E2M3": E2M3, "E5M2": E5M2, "E4M3": E4M3}
values = {
    name: decode(torch.arange(1, form.top + 1, dtype=torch.uint8), form)
    for name, form in floats.items()
}
values = {"INT4": torch.arange(1.0, 8), **values, "INT8": torch.arange(1.0, 128)}
octaves = {name: (grid[-1] / grid[0]).log2() for name, grid in values.items()}
assert max(octaves, key=octaves.get) == "E5M2"
assert octaves["E2M1"] > octaves["INT4"]
assert octaves["E4M3"] > 2 * octaves["INT8"]

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 3.4))
for ax, scale in zip(axes, ("linear", "log"), strict=True):
    for place, grid in enumerate(values.values()):
        x = grid / grid[-1]
        ax.vlines(x, place - 0.38, place + 0.38, color=f"C{place}", lw=0.8)
    ax.set(xlabel="value / largest value", xscale=scale)
    ax.set(yticks=range(7), yticklabels=values)
axes[0].set(title="linear", xlim=(0, 1.02))
axes[1].set(title="logarithmic", xlim=(2**-33, 2))
axes[1].set_xscale("log", base=2)
fig.set_label(
    "Number lines of seven formats, each divided by its largest value, on a linear and "
    "a logarithmic axis. From the smallest to the largest value, in powers of two: "
    + ", ".join(f"{name} {span:.1f}" for name, span in octaves.items())
    + "."
)

# %%
# Each expert of gpt-oss-120b has three matrices of 2880 by 2880. Their biases and the
# router, attention and two embeddings stay in 16 bits.

experts = 36 * 128 * 3 * 2880**2
around = 36 * 128 * 3 * 2880 + 36 * 128 * 2880
attention = 36 * (2 * 64 + 2 * 8) * 64 * 2880
others = around + attention + 2 * 201_088 * 2880
size = (experts * bits_per_value(4, 8, 32) + others * 16) / 8
measured = {"checkpoint": size / 2**30, "share": experts / (experts + others)}
