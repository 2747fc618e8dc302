"""
Nearest photos: by pixels, and after alignment
==============================================

A figure of :doc:`/recommenders/visual_cold_start`: four new items, and the five older
items that are nearest by pixels and by the vectors that an encoder gives their photos.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.spatial.distance import cdist

from snippets.recommenders.lit_digits import WARM, draw_photos, draw_shop
from snippets.recommenders.photo_encoder import encode, train_encoder
from snippets.recommenders.visual_cold_start import click_factors, contrastive_loss

SEED, SHOWN, NEAREST = 0, 4, 5

photos = draw_photos(SEED)
shop = draw_shop(photos, photos.digits, SEED)
warm, cold = np.split(photos.pixels, [WARM])
vectors = click_factors(shop.warm, factors=16).items
encoder = train_encoder(warm, vectors, contrastive_loss, SEED)
found = {
    "pixels": -cdist(cold, warm, "sqeuclidean"),
    "aligned": encode(encoder, cold) @ encode(encoder, warm).T,
}
nearest = {name: (-s).argsort(axis=1)[:, :NEAREST] for name, s in found.items()}


def share(name):
    """Of the nearest items: the same digit, and light from within 30 degrees."""
    same = photos.digits[nearest[name]] == photos.digits[WARM:, None]
    turn = photos.directions[nearest[name]] - photos.directions[WARM:, None]
    lit = np.cos(turn) > math.cos(math.pi / 6)
    return same.mean(), lit.mean()


queries = np.flatnonzero(photos.digits[nearest["pixels"]][:, 0] != photos.digits[WARM:])
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.6), layout="constrained")
margins = ((0, 0), (0, 0), (1, 5), (1, 1))
for ax, (name, places) in zip(axes, nearest.items(), strict=True):
    shown = np.array([np.r_[WARM + q, places[q]] for q in queries[:SHOWN]])
    tiles = photos.pixels[shown].reshape(*shown.shape, 8, 8)
    tiles = np.pad(tiles, margins, constant_values=np.nan)
    ax.imshow(tiles.swapaxes(1, 2).reshape(SHOWN * 14, -1), cmap="gray")
    for (row, column), item in np.ndenumerate(shown):
        digit, same = photos.digits[[item, shown[row, 0]]]
        color = {} if digit == same else {"color": "C1", "weight": "bold"}
        spot = (10 * column + 4.5, 14 * row + 11)
        ax.text(*spot, str(digit), ha="center", va="center", fontsize=10, **color)
    ax.axvline(9.5, color="0.5")
    ax.set(xticks=[4.5, 34.5], yticks=[])
    ax.set_xticklabels(["new", "nearest older items"])
    ax.set_title({"pixels": "by pixels", "aligned": "after alignment"}[name])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
(pixel_digit, pixel_light), (digit, light) = share("pixels"), share("aligned")
wrong = [
    (photos.digits[places] != photos.digits[WARM:, None])[queries[:SHOWN]].sum()
    for places in nearest.values()
]
fig.set_label(
    f"{SHOWN} new photos, each with its {NEAREST} nearest. By pixels, all are lit from "
    f"about the same side, and {wrong[0]} of {SHOWN * NEAREST} show another digit. "
    f"After alignment, the light comes from more sides, and {wrong[1]} show another."
)
pairs = (torch.from_numpy(x[:200]) for x in (encode(encoder, warm), vectors))
measured = {"pixel_digit": pixel_digit, "pixel_light": pixel_light}
measured |= {"aligned_digit": digit, "aligned_light": light}
measured |= {"loss": contrastive_loss(*pairs)}
assert pixel_light > 0.95
assert digit > pixel_digit + 0.1
assert light < 0.7
