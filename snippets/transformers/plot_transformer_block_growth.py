"""
How the residual stream grows with depth
========================================

A figure of :doc:`/transformers/transformer_block`. Variance of the stream after each
block before training, with and without the scaled start of GPT-2, at the first position
of 16 random sequences. Lines are computed, points are measured.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.transformers.transformer_block import GPT2Block, gelu_tanh, initialize

torch.manual_seed(0)
DEPTHS, D_MODEL = (12, 24, 48), 128
STD = 0.02 * math.sqrt(768 / D_MODEL)  # as many units of variance as in GPT-2

# what a block adds to the variance if its two last matrices are not scaled
z = torch.linspace(-8, 8, 2001, dtype=torch.float64)
inner = D_MODEL * STD**2  # variance of a feature after the first matrix
density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
bent = gelu_tanh(z * math.sqrt(inner)).square()  # second moment after GELU
mlp = 4 * D_MODEL * STD**2 * torch.trapezoid(bent * density, z).item()
added = inner**2 + mlp  # attention to one position copies its value


@torch.no_grad()
def variances(layers, factor):
    """After each block, if what writes into the stream is divided by ``factor``."""
    x, found = 0.02 * torch.randn(16, 1, D_MODEL), []
    block = GPT2Block(d_model=D_MODEL, heads=4)
    for _ in range(layers):
        initialize(block, layers=1, std=STD)  # divides by the root of 2
        for part in (block.attn, block.mlp):
            part.c_proj.weight *= math.sqrt(2) / factor
        x = block(x)
        found.append(x.square().mean().item())
    return found


fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.8), layout="constrained")
worst, ends = 0.0, {}
for ax, title in zip(axes, ("one deviation for all", "scaled"), strict=True):
    for layers, marker in zip(DEPTHS, "os^", strict=True):
        factor = math.sqrt(2 * layers) if title == "scaled" else 1.0
        found = np.array(variances(layers, factor))
        block = np.arange(1, layers + 1)
        ax.plot(block, added / factor**2 * block, linewidth=1)
        color = ax.lines[-1].get_color()
        ax.plot(block[2::3], found[2::3], marker, color=color, markersize=4)
        ax.lines[-1].set_label(f"{layers} blocks")
        ends[title, layers] = found[-1]
        worst = max(worst, abs(found[-1] / (added / factor**2 * layers) - 1))
    ax.set(title=title, xlabel="block", ylim=(0, None))
axes[0].set_ylabel("variance of the stream")
axes[1].legend()
plain, scaled = ([ends[title, n] for n in DEPTHS] for title in dict(ends.keys()))
fig.set_label(
    "Two panels, variance against block, points close to computed straight lines. "
    "With one deviation for all weights the points share a line and the last ones of "
    f"12, 24 and 48 blocks are at {plain[0]:.1f}, {plain[1]:.1f} and {plain[2]:.1f}. "
    f"Scaled, all three stacks end near {np.mean(scaled):.2f}."
)

measured = {
    "added": added,
    "plain_ratio": plain[2] / plain[0],
    "scaled_ratio": scaled[2] / scaled[0],
    "worst_growth": worst,
}
assert worst < 0.12
