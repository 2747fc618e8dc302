"""
A denoiser that never saw a clean picture
=========================================

A figure of :doc:`/generative/computational_photography`. Small networks learn on the
photograph of a flower, with a clean or with a noisy target. They are judged on the
photograph of a temple.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative.computational_photography import psnr
from snippets.generative.noise2noise import box_filter, train
from snippets.generative.photographs import luminance, photograph, to_srgb

SIGMA, UPDATES = 0.1, 400
SEEDS = [10, 11, 12]  # sizes, rate, and updates were chosen with seeds 0 and 1
flower, judge = (
    torch.from_numpy(luminance(photograph(f"{name}.jpg"))).float()[:426]
    for name in ("flower", "china")
)
random = torch.Generator().manual_seed(200)
noisy = judge + SIGMA * torch.randn(judge.shape, generator=random)


def score(image: torch.Tensor) -> float:
    return psnr(judge.numpy(), image.numpy())


def learn(seed: int, updates: int, *, clean: bool) -> torch.Tensor:
    """The denoised temple."""
    model = train(flower, SIGMA, updates, seed, clean_targets=clean)
    with torch.no_grad():
        return model(noisy[None, None])[0, 0]


images = [[learn(s, UPDATES, clean=clean) for s in SEEDS] for clean in (False, True)]
n2n, clean = torch.tensor([[score(image) for image in row] for row in images])
twice = [score(learn(SEEDS[0], 2 * UPDATES, clean=clean)) for clean in (False, True)]
boxes = {size: score(box_filter(noisy, size)) for size in (3, 5, 7)}
best = max(boxes.values())

fig, grid = plt.subplots(2, 2, figsize=(6.4, 6.2), layout="compressed")
axes = grid.ravel()
part = slice(50, 178), slice(190, 318)
pictures = {"noisy": noisy, "box of 3 x 3": box_filter(noisy, 3)}
pictures["Noise2Noise"] = images[0][0]
for ax, (name, image) in zip(axes, pictures.items(), strict=False):
    ax.imshow(to_srgb(image[part].numpy()), "gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(name, fontsize="medium")
for place, values in enumerate((n2n, clean)):
    axes[3].plot([place] * len(SEEDS), values, f"C{place}o", alpha=0.7)
    axes[3].plot(place, twice[place], f"C{place}^", markersize=8)
axes[3].axhline(best, color="0.5")
axes[3].set_box_aspect(1)
axes[3].set(xlim=(-0.6, 1.6), xticks=[0, 1], xticklabels=["noisy", "clean"])
axes[3].set(xlabel="target", ylabel="PSNR (dB)")
fig.set_label(
    f"Three pictures of a roof: noisy ({score(noisy):.1f} dB, whole photograph), "
    f"after a box filter ({boxes[3]:.1f} dB), and after a network trained on a noisy "
    f"target ({n2n[0]:.1f} dB). Dots: three networks with a noisy target, from "
    f"{n2n.min():.1f} to {n2n.max():.1f} dB, and three with a clean one, from "
    f"{clean.min():.1f} to {clean.max():.1f} dB. Triangles, trained twice as long: "
    f"{twice[0]:.1f} and {twice[1]:.1f} dB. A line at {best:.1f} dB lies below."
)
measured = {"box_3": boxes[3], "gap": (clean - n2n).max()}
measured |= {"n2n": n2n.mean(), "clean": clean.mean()}
measured |= {"denoiser_spread": torch.stack([n2n, clean]).std(dim=1).max()}
assert best == boxes[3]
assert n2n.min() > best + 0.7
assert twice[0] > n2n[0]
assert twice[1] > clean[0]
assert (clean - n2n).max() < 0.5
