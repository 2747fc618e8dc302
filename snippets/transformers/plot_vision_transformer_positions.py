"""
Without positions, a transformer does not know where a patch was
================================================================

A figure of :doc:`/transformers/vision_transformer`. Small models say which shape and
which color an object has, and in which quadrant of the image it is. Three models each:
with positions, without, and without on images whose objects are cut differently.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.shapes_models import fit, loss_of, right, small
from snippets.transformers.shapes_task import ANSWERS, images

ALIGNED, SHIFTED = (4, 12), (4, 11)  # rows and columns of the centers
KINDS = {
    "with positions": (True, ALIGNED),
    "without": (False, ALIGNED),
    "without,\ncenters 4 and 11": (False, SHIFTED),
}
kinds = [kind for kind in KINDS.values() for _ in range(3)]
models = [small(positions, i % 3) for i, (positions, _) in enumerate(kinds)]
train = [images(2000, centers, seed=i) for i, (_, centers) in enumerate(kinds)]
test = [images(1000, centers, seed=100 + i) for i, (_, centers) in enumerate(kinds)]
pixels, answers = map(torch.stack, zip(*train, strict=True))
fit(models, pixels, answers, loss_of, steps=200, batch=24)

with torch.no_grad():
    found = [
        right(model(part.pixels), part.answers).float().mean(0)
        for model, part in zip(models, test, strict=True)
    ]
score = torch.stack(found).unflatten(0, (3, 3))  # kinds, seeds, questions
mean = score.mean(1)
seen, blind, leaking = score[:, :, 2]
assert score[:, :, :2].min() > 0.96
assert (blind - 0.25).abs().max() < 0.05 < 0.7 < leaking.min() < 0.97 < seen.min()

# %%
# The figure
# ----------

fig, axes = plt.subplots(
    1, 3, figsize=(6.4, 2.5), width_ratios=(1, 1, 1.6), layout="constrained"
)
for ax, centers in zip(axes, (ALIGNED, SHIFTED), strict=False):
    drawn, asked = images(200, centers, seed=3)
    chosen = next(i for i, a in enumerate(asked.tolist()) if a == [1, 0, 3])
    ax.imshow(drawn[chosen].movedim(0, -1).clamp(0, 1))
    for line in (3.5, 7.5, 11.5):
        ax.axhline(line, color="white", lw=1)
        ax.axvline(line, color="white", lw=1)
    ax.set_title(f"center {centers[1]}, {centers[1]}", fontsize=10)
    ax.set_xticks([]), ax.set_yticks([])
for column, (question, marker) in enumerate(zip(ANSWERS, "s^o", strict=True)):
    rows = torch.arange(3)[:, None].expand(3, 3) + 0.2 * (column - 1)
    axes[2].plot(score[:, :, column].flatten(), rows.flatten(), marker, label=question)
axes[2].axvline(0.25, color="0.5", ls=":")
axes[2].set_yticks(range(3), KINDS)
axes[2].set(xlabel="accuracy", xlim=(0, 1.05), ylim=(2.5, -0.5))
axes[2].legend(fontsize=8, loc="center", bbox_to_anchor=(0.55, 0.72))
fig.set_label(
    "Two images of 16 x 16 pixels, cut into 16 patches, with a red plus sign at the "
    "lower right. Centered at 12, the patches cut the sign in the middle; at 11, one "
    "pixel off. Right, mean accuracy for shape, color, quadrant: "
    + "; ".join(
        name.replace("\n", " ") + " " + ", ".join(f"{x:.2f}" for x in values)
        for name, values in zip(KINDS, mean.tolist(), strict=True)
    )
    + "."
)
measured = {"seen": mean[0, 2], "blind": mean[1, 2], "leaking": mean[2, 2]}
measured["others"] = score[:, :, :2].min()
