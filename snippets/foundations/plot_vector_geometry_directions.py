"""
Random directions are almost orthogonal in many dimensions
==========================================================

A figure of :doc:`/foundations/vector_geometry`. Cosines of 50,000 random pairs. With
four times as many features the distribution is half as wide.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.vector_geometry import cosine

torch.manual_seed(0)
spread = {}
fig, ax = plt.subplots(layout="constrained")
for features in (16, 64, 256, 1024):
    parts = [cosine(*torch.randn(2, 5_000, features)) for _ in range(10)]
    found = torch.cat(parts).numpy()
    spread[features] = found.std()
    assert abs(spread[features] * math.sqrt(features) - 1) < 0.02
    heights, edges = np.histogram(found, bins=81, range=(-1, 1), density=True)
    ax.plot((edges[:-1] + edges[1:]) / 2, heights, label=str(features))
ax.legend(title="features")
ax.set(xlabel="cosine of two random directions", ylabel="density", xlim=(-1, 1))
fig.set_label(
    "Four bell curves of cosines around zero. Their standard deviations are "
    + ", ".join(f"{value:.3f} with {key} features" for key, value in spread.items())
    + "."
)

measured = {"spread_1024": spread[1024]}
