"""
A sum of random directions tells which ones are in it
=====================================================

A figure of :doc:`/foundations/vector_geometry`. Some of 2048 random directions in 256
features are added, and each direction is tested by its dot product with the sum.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import normalize

torch.manual_seed(0)
directions = normalize(torch.randn(2048, 256), dim=-1)
noise, bins = {}, np.linspace(-1, 2, 46)

fig, axes = plt.subplots(1, 2, sharey=True, layout="constrained")
for ax, count in zip(axes, (8, 32), strict=True):
    inside, outside = [], []
    for _ in range(40):
        order = torch.randperm(2048)
        products = directions @ directions[order[:count]].sum(dim=0)
        inside.append(products[order[:count]])
        outside.append(products[order[count:]])
    inside, outside = torch.cat(inside), torch.cat(outside)
    noise[count] = inside.std()
    assert abs(inside.mean() - 1) < 0.08
    assert abs(noise[count] / math.sqrt((count - 1) / 256) - 1) < 0.1
    ax.hist(outside, bins, density=True, color="C0", alpha=0.7, label="not in it")
    ax.hist(inside, bins, density=True, color="C1", alpha=0.7, label="in the sum")
    ax.set(xlabel="dot product with the sum", title=f"sum of {count}", ylim=(0, 3.8))
wrong = (outside > 0.5).double().mean()
assert 0.04 < wrong < 0.12
axes[0].set(ylabel="density")
axes[0].legend(loc="upper right")
fig.set_label(
    "Two panels with two histograms each: directions in the sum are around 1, the "
    f"others around 0. In a sum of 8, the standard deviation is {noise[8]:.2f} and "
    f"they hardly overlap; in a sum of 32 it is {noise[32]:.2f} and they overlap."
)

measured = {"noise_32": noise[32], "wrong": wrong}
