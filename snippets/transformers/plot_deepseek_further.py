"""
What the module for multi-token prediction reads
================================================

A figure of :doc:`/transformers/deepseek`. One token of a text is changed at a time, and
cells mark the predictions that change: of a small model with random weights, and of its
module, which predicts one token further ahead.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.deepseek import build
from snippets.transformers.deepseek_training import SIZES

TEXT = ["the", "cat", "sat", "on", "the", "mat"]
torch.manual_seed(0)
model = build(SIZES).double()
for layer in [*model.layers, *(module.mtp_block for module in model.mtp)]:
    layer.self_attn.top_k = len(TEXT)  # every key, so that no reading is left out
ids = torch.tensor([[0, 1, 2, 3, 0, 4]])
before = model(ids)
seen = [torch.zeros(6, 6), torch.zeros(5, 6)]
for column in range(6):
    changed = ids.clone()
    changed[0, column] = 5
    after = model(changed)
    for number, (old, new) in enumerate(
        [(before.logits, after.logits), (before.further[0], after.further[0])]
    ):
        differs = (old - new).abs().amax(dim=-1)[0] > 1e-9
        seen[number][:, column] = differs.double()

fig, axes = plt.subplots(1, 2, figsize=(6.6, 3), layout="constrained", sharey=True)
for ahead, (ax, cells) in enumerate(zip(axes, seen, strict=True), start=1):
    cells = cells[: len(TEXT) - ahead]  # predictions whose token is in the text
    assert cells.equal(torch.ones_like(cells).tril(ahead - 1))
    for row, column in cells.nonzero().tolist():
        new = row + ahead - 1 == column and ahead == 2
        color = "C1" if new else "C0"
        ax.add_patch(plt.Rectangle((column - 0.45, row - 0.45), 0.9, 0.9, color=color))
    for row in range(len(cells)):
        ax.text(6.1, row, f"→ {TEXT[row + ahead]}", va="center", ha="left")
    ax.set_xticks(range(6), TEXT, rotation=45)
    ax.set(xlim=(-0.6, 7.9), ylim=(4.6, -0.6), aspect="equal")
    ax.set_yticks(range(5), range(1, 6))
    ax.text(6.1, -0.9, "predicts", color="0.5")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
axes[0].set(title="model", ylabel="position", xlabel="reads")
axes[1].set(title="module", xlabel="reads")
fig.set_label(
    "Two triangles of cells, a row for each position and a column for each token of "
    f"“{' '.join(TEXT)}”. On the left, row i has i cells and names token i + 1. On the "
    "right, row i has i + 1 cells, the last one highlighted, and names token i + 2."
)
