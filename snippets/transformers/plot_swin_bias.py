"""
Without a bias, rows and columns look the same
==============================================

A figure of :doc:`/transformers/swin`. Small models say whether every second row of an
image is bright or every second column. Five models each with a relative position bias
and without.
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import cross_entropy

from snippets.transformers.shapes_models import fit
from snippets.transformers.window_tasks import Judge, stripes

SEEDS = 5
KINDS = {"bias": 0.02, "no bias": 0.0}  # standard deviation of the tables at the start
train = [stripes(2000, seed=seed) for seed in range(SEEDS)]
test = [stripes(1000, seed=100 + seed) for seed in range(SEEDS)]
pixels, answers = (torch.stack([part[i] for part in train] * 2) for i in (0, 1))


def loss_of(logits, answers):
    return cross_entropy(logits.flatten(0, -2), answers.flatten())


models = [Judge(start=s, seed=seed) for s in KINDS.values() for seed in range(SEEDS)]
fit(models, pixels, answers, loss_of, steps=150, batch=24)
with torch.no_grad():
    right = [
        (model(images).argmax(-1) == answer).float().mean()
        for model, (images, answer) in zip(models, test * 2, strict=True)
    ]
score = torch.stack(right).unflatten(0, (2, SEEDS))
assert score[0].min() > 0.95
assert (score[1] - 0.5).abs().max() < 0.06  # four standard errors

# %%
# The figure
# ----------

fig, axes = plt.subplots(
    1, 3, figsize=(6.4, 2.2), width_ratios=(1, 1, 1.9), layout="constrained"
)
for ax, answer in zip(axes, (0, 1), strict=False):
    image = test[0][0][test[0][1] == answer][0]
    ax.imshow(image.movedim(0, -1).clamp(0, 1))
    ax.set(xticks=[], yticks=[])
    ax.set_title(("rows", "columns")[answer], fontsize=10)
places = torch.arange(2.0)[:, None] + 0.12 * (torch.arange(SEEDS) - SEEDS // 2)
axes[2].plot(score.flatten(), places.flatten(), "o")
axes[2].axvline(0.5, color="0.5", ls=":")
axes[2].set_yticks(range(2), KINDS)
axes[2].set(xlabel="accuracy", xlim=(0.4, 1.05), ylim=(1.5, -0.5))
fig.set_label(
    "Two images of 4 x 4 patches, with bright rows and with bright columns. Right, "
    "accuracy of five models each: "
    + "; ".join(
        f"{name} {values.min():.2f} to {values.max():.2f}"
        for name, values in zip(KINDS, score, strict=True)
    )
    + ". A dotted line at 0.5 is guessing."
)
measured = {"bias": score[0].min(), "no_bias": score[1].mean()}
