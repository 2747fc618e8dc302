"""
Softmax: weights along the right and along the wrong axis
=========================================================

Rows are queries, columns are keys, and later keys are masked.
"""

import matplotlib.pyplot as plt
import torch

from snippets.foundations.tensor_drawings import cell, note
from snippets.foundations.tensor_operations import softmax

scores = torch.tensor([[1.0, 0.0, 2.0], [2.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
masked = scores.masked_fill(torch.ones(3, 3).triu(1).bool(), -torch.inf)
by_key, by_query = softmax(masked, dim=-1), softmax(masked, dim=0)
assert torch.allclose(by_key.sum(-1), torch.ones(3))
assert torch.allclose(by_query.sum(0), torch.ones(3))
panels = {"scores": masked, "softmax, dim=-1": by_key, "softmax, dim=0": by_query}

fig, axes = plt.subplots(1, 3, figsize=(6.2, 2.6))
for ax, (title, table) in zip(axes, panels.items(), strict=True):
    for i, line in enumerate(table.tolist()):
        for j, value in enumerate(line):
            weight = title != "scores"
            shade = 0.1 + 0.5 * value if weight else 0.1
            cell(ax, j, -i - 1, fc=f"C{i}", alpha=shade)
            text = f"{value:.2f}" if weight else f"{value:g}".replace("-inf", "-∞")
            note(ax, j + 0.47, -i - 0.55, text, fontsize=11)
    ax.set(xlim=(-0.1, 3.7), ylim=(-3.8, 0.1), aspect="equal", title=title)
    ax.axis("off")
for i in range(3):
    note(axes[1], 3.4, -i - 0.55, f"{by_key[i].sum():g}")
    note(axes[2], i + 0.47, -3.4, f"{by_query[:, i].sum():g}")
fig.set_label(
    "Three grids of three by three. Scores with minus infinity above the diagonal; "
    "weights whose rows sum to one; and, along the wrong axis, weights whose "
    "columns sum to one and whose rows do not."
)
