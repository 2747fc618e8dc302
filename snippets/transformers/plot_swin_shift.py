"""
Without a shift, windows cannot compare what they see
=====================================================

A figure of :doc:`/transformers/swin`. Small models say whether two neighboring marks
have the same color. Three models each with shifted windows and without, tested on marks
in the same window and on marks with a border in between.
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import cross_entropy

from snippets.transformers.shapes_models import fit
from snippets.transformers.window_tasks import Judge, pairs

SEEDS = 3
train = [pairs(4000, seed=seed) for seed in range(SEEDS)]
test = [pairs(1000, seed=100 + seed) for seed in range(SEEDS)]
pixels, answers = (torch.stack([part[i] for part in train]) for i in (0, 1))


def loss_of(logits, answers):
    return cross_entropy(logits.flatten(0, -2), answers.flatten())


score = torch.zeros(2, SEEDS, 2)  # with shift or not, seeds, same window or not
for kind, shift in enumerate((True, False)):
    models = [Judge(shift=shift, seed=seed) for seed in range(SEEDS)]
    fit(models, pixels, answers, loss_of, steps=300, batch=32)
    for seed, (model, part) in enumerate(zip(models, test, strict=True)):
        with torch.no_grad():
            right = (model(part.pixels).argmax(-1) == part.answers).float()
        score[kind, seed, 0] = right[~part.across].mean()
        score[kind, seed, 1] = right[part.across].mean()
assert score[0].min() > 0.95
assert score[1, :, 0].min() > 0.95
assert score[1, :, 1].max() < 0.75

# %%
# The figure
# ----------

fig, axes = plt.subplots(
    1, 3, figsize=(6.4, 2.4), width_ratios=(1, 1, 1.6), layout="constrained"
)
for ax, across in zip(axes, (False, True), strict=False):
    shown = (test[0].across == across) & (test[0].answers == 1)
    ax.imshow(test[0].pixels[shown][0].movedim(0, -1).clamp(0, 1))
    ax.axhline(3.5, color="white", lw=1.5)
    ax.axvline(3.5, color="white", lw=1.5)
    ax.set(xticks=[], yticks=[])
    ax.set_title("across a border" if across else "in one window", fontsize=10)
rows = torch.arange(2.0)[:, None] + 0.07 * (torch.arange(SEEDS) - 1)
for column, (name, marker) in enumerate((("one window", "s"), ("across", "o"))):
    places = rows + 0.36 * (column - 0.5)
    axes[2].plot(score[:, :, column].flatten(), places.flatten(), marker, label=name)
axes[2].axvline(0.5, color="0.5", ls=":")
axes[2].axvline(0.75, color="0.5", ls="--")
axes[2].set_yticks([0, 1], ["shift", "no shift"])
axes[2].set(xlabel="accuracy", xlim=(0.3, 1.05), ylim=(1.5, -0.5))
axes[2].legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
mean = score.mean(1).tolist()
fig.set_label(
    "Two images of 4 x 4 patches, cut into four windows: two marks of the same color "
    "in one window, and with a border of windows between them. Right, mean accuracy in "
    f"one window and across: with shift {mean[0][0]:.2f} and {mean[0][1]:.2f}; without "
    f"{mean[1][0]:.2f} and {mean[1][1]:.2f}. Lines at 0.5, guessing, and 0.75, a bound."
)
measured = {"shift_across": score[0, :, 1].min()}
measured |= {"fixed_one": score[1, :, 0].min(), "fixed_across": score[1, :, 1].mean()}
