"""
A photograph becomes a sequence of patches
==========================================

Animation for :doc:`/transformers/vision_transformer`. A square part of a photograph is
cut into 16 patches. They become a row of tokens, behind the class token. The
photograph, by danielbuechele on Flickr (CC BY 2.0), comes with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from sklearn.datasets import load_sample_image

from snippets.transformers.vit_embeddings import patchify

PATCH = 21
photograph = load_sample_image("china.jpg")[60:396:4, 150:486:4]  # 84 x 84
image = torch.tensor(photograph).movedim(-1, 0)  # channels first
tokens = patchify(image, PATCH)
assert tokens.shape == (16, 3 * PATCH**2)
patches = tokens.unflatten(1, (3, PATCH, PATCH)).movedim(1, -1).numpy()
assert np.array_equal(patches[5], photograph[21:42, 21:42])

number = np.arange(len(patches))
in_image = np.stack([6.2 + 1.6 * (number % 4), 6.4 - 1.6 * (number // 4)], axis=1)
in_sequence = np.stack([1.1 * number + 1.1, np.zeros(16)], axis=1)
STILL, MOVING = 2, 7

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for patch, (x, y) in zip(patches, in_image, strict=True):
    ax.imshow(patch, extent=(x, x + 1.54, y, y + 1.54))
drawn = [ax.imshow(patch, extent=(0, 1, 0, 1)) for patch in patches]
names = [ax.text(0, 0, str(n + 1), ha="center", va="top") for n in number]
ax.add_patch(plt.Rectangle((0, 0), 1, 1, fc="C0", alpha=0.25))
ax.text(0.5, 0.5, "CLS", ha="center", va="center", fontsize=7)
ax.text(0.5, -0.2, "0", ha="center", va="top")
ax.set(xlim=(-0.2, 18.9), ylim=(-1, 8.1), aspect="equal")
ax.set_axis_off()


def draw(frame: int) -> None:
    """Copies of the patches leave the image, the first ones first."""
    time = np.clip((frame - STILL) / MOVING, 0, 1)
    shares = np.clip(2.2 * time - 1.2 * number / 15, 0, 1)
    for n, share in enumerate(shares.tolist()):
        x, y = (1 - share) * in_image[n] + share * in_sequence[n]
        side = (1 - share) * 1.54 + share
        drawn[n].set_extent((x, x + side, y, y + side))
        names[n].set_position((x + 0.5, y - 0.2))
        names[n].set_alpha(float(share == 1))


animation = FuncAnimation(fig, draw, frames=STILL + MOVING + 3, interval=300)
fig.set_label(
    "A photograph of a temple, cut into four rows of four patches. Row by row, copies "
    "of the patches move into a line below and are numbered 1 to 16. A box named CLS "
    "with the number 0 stands before them."
)
