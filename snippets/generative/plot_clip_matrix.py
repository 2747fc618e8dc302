"""
Cosines of images and captions while two towers train
=====================================================

Figures for :doc:`/generative/clip`: the matrix of all cosines sharpens to its diagonal,
and images and captions move together. One run.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.generative import caption_towers as pairs
from snippets.generative import shapes
from snippets.generative.clip import clip_loss, modality_gap, normalize

torch.manual_seed(0)
towers, random = pairs.Towers(), torch.Generator().manual_seed(0)
allowed = ~pairs.scattered()
order = torch.arange(64).view(4, 4, 4).permute(2, 1, 0).flatten()  # place first
order = order[allowed[order]]
captions = pairs.words(pairs.KINDS[order])
images = pairs.noisy_images(order, random)


@torch.no_grad()
def look():
    u, v = towers.image(images), towers.text(captions)
    return normalize(u), normalize(v), clip_loss(towers(images, captions))


shown = [0, 10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500]
states = {0: look()}
for update, _ in enumerate(pairs.fit(towers, allowed, random), start=1):
    if update in shown:
        states[update] = look()
(*start, first), (*end, last) = states[0], states[500]

fig, ax = plt.subplots(figsize=(5.4, 4.8), layout="constrained")
picture = ax.imshow(torch.zeros(48, 48), vmin=-1, vmax=1, cmap="RdBu_r")
fig.colorbar(picture, label="cosine", shrink=0.8)
middles = [5.5 + 12 * place for place in range(4)]
names = [place.replace(" ", "\n") for place in shapes.PLACES]
ax.set(xlabel="captions", xticks=middles, xticklabels=names)
ax.set(ylabel="images", yticks=middles, yticklabels=names)


def draw(frame: int) -> None:
    u, v, loss = states[shown[frame]]
    picture.set_data(u @ v.T)
    ax.set_title(f"{shown[frame]} updates, loss {loss:.2f}", fontsize="medium")


animation = FuncAnimation(fig, draw, frames=len(shown), interval=700)
paired = (end[0] * end[1]).sum(dim=1)
fig.set_label(
    f"Matrix of 48 by 48 cosines. At first they are small (loss {first:.2f}). After 20 "
    "updates, squares of three are high, then only the diagonal: after 500 updates "
    f"(loss {last:.2f}), the least cosine of a pair is {paired.min():.2f}."
)

fig, axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained")
for plane, (u, v), update in zip(axes, (start, end), (0, 500), strict=True):
    both = torch.cat([u, v])
    flat = (both - both.mean(dim=0)) @ torch.pca_lowrank(both)[2][:, :2]
    plane.plot(*flat.view(2, -1, 2).permute(2, 0, 1), color="0.6", lw=0.8)
    plane.plot(*flat[:48].T, "C0o", markersize=4)[0].set_label("image")
    plane.plot(*flat[48:].T, "C1x")[0].set_label("caption")
    plane.set(title=f"{update} updates", xlabel="direction 1", ylabel="direction 2")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
gaps = [modality_gap(*state) for state in (start, end)]
fig.set_label(
    "Images (dots) and their captions (crosses) in a plane, with a line for each pair. "
    f"Before training, two groups apart (gap {gaps[0]:.2f}). After it, all over the "
    f"same region, with short lines (gap {gaps[1]:.2f})."
)
measured = {"first": first, "last": last, "gap_start": gaps[0], "gap": gaps[1]}
assert gaps[1] < 0.3 * gaps[0]
assert paired.min() > 0.7
