"""
Six orders of three words give one result
=========================================

One head reads "dog bites man" in all orders, without positions and with sinusoids
added. See :doc:`/positions/positional_encodings`.
"""

from itertools import permutations

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import set_attention
from snippets.positions.sinusoidal import sinusoidal

torch.manual_seed(2)
words = dict(zip(("dog", "bites", "man"), torch.randn(3, 8), strict=True))
weights = torch.randn(3, 8, 8) / 8**0.5
orders = list(permutations(words))
positions = sinusoidal(torch.arange(3), d_model=8)
outputs = {"without positions": [], "with sinusoidal positions": []}
for order in orders:
    x = torch.stack([words[word] for word in order])
    for name, given in zip(outputs, (x, x + positions), strict=True):
        outputs[name].append(set_attention(given, *weights)[order.index("dog")])
same, different = (torch.stack(rows) for rows in outputs.values())
assert torch.allclose(same, same[:1].expand_as(same), atol=1e-6)
assert torch.pdist(different).min() > 0.01

fig, axes = plt.subplots(1, 2, figsize=(6.2, 2.6), sharey=True)
for ax, (name, rows) in zip(axes, outputs.items(), strict=True):
    ax.imshow(torch.stack(rows), aspect="auto", vmin=-1.5, vmax=1.5)
    ax.set(title=name, xlabel="feature", xticks=[])
axes[0].set_yticks(range(6), [" ".join(order) for order in orders])
fig.set_label(
    "Two heat maps with a row of eight features for each order of dog, bites and man. "
    "Without positions all six rows are equal; with positions they differ."
)
