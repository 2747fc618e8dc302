"""
Before training, every source of a layer has the same weight
============================================================

The weights with which twelve layers and the head read the embedding and the layers
below, while all queries are zero (:doc:`/attention/attention_residuals`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.depth_regression import CONNECTIONS, LAYERS

NAMES = ("residual", "full", "block")

maps = {}
for name in NAMES:
    # each layer returns a unit vector of its own: an input lists its weights
    units, inputs = torch.eye(LAYERS + 1), []

    def unit(h, inputs=inputs, units=units):
        inputs.append(h)
        return units[len(inputs)]

    queries = torch.zeros(LAYERS + 1, LAYERS + 1)
    out = CONNECTIONS[name](units[0], [unit] * LAYERS, queries)
    maps[name] = torch.stack([*inputs, out])
assert torch.allclose(maps["full"].sum(dim=1), torch.ones(LAYERS + 1))
assert torch.equal(maps["residual"].sum(dim=1), torch.arange(1.0, LAYERS + 2))

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.8), sharey=True)
for ax, (name, weights) in zip(axes, maps.items(), strict=True):
    hidden = np.triu(np.ones(weights.shape, dtype=bool), 1)
    image = ax.imshow(np.ma.masked_array(weights, hidden), vmin=0, vmax=1)
    ax.set(title=name, xlabel="source", xticks=[0, 4, 8, 12], yticks=[0, 4, 8, 12])
axes[0].set_ylabel("reader")
fig.colorbar(image, ax=axes, label="weight", shrink=0.7)
last = {name: weights[-1, -1].item() for name, weights in maps.items()}
fig.set_label(
    "Three triangular maps of weights, readers down, sources across. Residual: all "
    "ones. Full: rows of equal weights that shrink down the map. Block: the same in "
    f"steps of four. In the last row a source has weight {last['residual']:.0f}, "
    f"{last['full']:.2f} and {last['block']:.2f}."
)
