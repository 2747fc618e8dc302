"""
Quantization: one large weight, with one grid and with four
===========================================================

A row of 64 random weights, one of them large, in four bits. Lines are the values that
the codes stand for.
"""

import matplotlib.pyplot as plt
import torch

from snippets.inference.quantization import dequantize, round_to_nearest

torch.manual_seed(0)
row = 0.3 * torch.randn(1, 64)
row[0, 40] = 4.0

fig, axes = plt.subplots(2, sharex=True, sharey=True, figsize=(6.2, 4.4))
error = {}
for ax, group in zip(axes, (64, 16), strict=True):
    quantized = round_to_nearest(row, group=group)
    for number in range(64 // group):
        levels = torch.arange(16) - quantized.zero[0, number]
        levels = levels * quantized.scale[0, number]
        ax.hlines(levels, number * group, (number + 1) * group - 1, color="0.5", lw=0.7)
    ax.plot(row[0], "o", color="C0", ms=4)
    ax.plot(dequantize(quantized)[0], "_", color="C1", ms=8, mew=2)
    error[group] = (dequantize(quantized) - row).square().mean().sqrt()
    ax.set(ylabel="weight", ylim=(-1.2, 1.6))
    ax.set_title(f"groups of {group}", fontsize=10)
axes[1].set(xlabel="column")
fig.set_label(
    "Two panels of 64 weights over a grid of lines. With one group for all, a large "
    "weight, outside the panel, spreads the lines so far apart that most weights share "
    "a few of them; with groups of 16 only its neighbors suffer. The root mean square "
    f"error is {error[64]:.2f} above and {error[16]:.2f} below."
)
assert error[64] > 1.5 * error[16]
measured = {"coarse": error[64] / error[16]}
