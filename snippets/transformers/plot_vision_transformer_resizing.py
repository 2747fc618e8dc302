"""
Positions for an image of twice the size
========================================

A figure of :doc:`/transformers/vision_transformer`. Three models learn with images of
16 x 16 pixels where an object is, and then read images of 32 x 32 pixels. Their table
of positions is made longer in three ways.
"""

from copy import deepcopy

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import interpolate

from snippets.transformers.shapes_models import fit, loss_of, small
from snippets.transformers.shapes_task import images
from snippets.transformers.vision_transformer import resize_positions

torch.manual_seed(0)
OLD, NEW = (4, 4), (8, 8)  # rows and columns of patches
models = [small(positions=True, seed=seed) for seed in range(3)]
train = [images(2000, seed=seed) for seed in range(3)]
pixels, answers = map(torch.stack, zip(*train, strict=True))
fit(models, pixels, answers, loss_of, steps=200, batch=24)


def in_order(table):
    """Interpolate the rows in the order of the sequence, as if it were a text."""
    line = interpolate(table[None, 1:].mT, size=64, mode="linear")[0].T
    return torch.cat([table[:1], line])


WAYS = {  # grid, and the table of positions for it
    "16 x 16, as trained": (OLD, lambda table: table),
    "32 x 32, new rows": (
        NEW,
        lambda table: torch.cat([table, 0.02 * torch.randn(48, table.shape[1])]),
    ),
    "32 x 32, in order": (NEW, in_order),
    "32 x 32, on the grid": (NEW, lambda table: resize_positions(table, OLD, NEW)),
}
score = torch.zeros(len(WAYS), 3, 2)  # right half of the rows, and of the columns
for i, (grid, change) in enumerate(WAYS.values()):
    for seed, model in enumerate(map(deepcopy, models)):
        part = model.vit.embeddings
        part.position_embeddings.data = change(part.position_embeddings.data[0])[None]
        part.grid = grid
        test = images(1000, (grid[0], 3 * grid[0]), 4 * grid[0], seed=100 + seed)
        with torch.no_grad():
            named, place = model(test.pixels)[:, 6:].argmax(-1), test.answers[:, 2]
        score[i, seed, 0] = (named // 2 == place // 2).float().mean()
        score[i, seed, 1] = (named % 2 == place % 2).float().mean()
mean = score.mean(1)
assert score[1].max() < 0.65 < 0.95 < score[[0, 3]].min()
assert score[2, :, 1].max() < 0.65 < 0.9 < score[2, :, 0].min()

fig, ax = plt.subplots(figsize=(6.2, 2.8), layout="constrained")
for column, name in enumerate(("upper or lower half", "left or right half")):
    rows = torch.arange(len(WAYS))[:, None].expand(-1, 3) + 0.2 * (column - 0.5)
    ax.plot(score[:, :, column].flatten(), rows.flatten(), "so"[column], label=name)
ax.axvline(0.5, color="0.5", ls=":")
ax.set_yticks(range(len(WAYS)), WAYS)
ax.set(xlabel="accuracy", xlim=(0, 1.05), ylim=(len(WAYS) - 0.5, -0.5))
fig.legend(loc="outside upper center", ncols=2)
fig.set_label(
    "Accuracy for the upper or lower half, and for the left or right half. Means: "
    + "; ".join(
        f"{w} {m[0]:.2f} and {m[1]:.2f}" for w, m in zip(WAYS, mean, strict=True)
    )
    + "."
)
measured = {"ordered_rows": mean[2, 0], "ordered_columns": mean[2, 1]}
measured["new_rows"] = mean[1].mean()
measured |= {"grid": score[3].min(), "trained": score[0].min()}
