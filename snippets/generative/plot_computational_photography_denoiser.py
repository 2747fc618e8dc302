"""
A denoiser that never saw a clean picture
=========================================

A figure of :doc:`/generative/computational_photography`. Small networks learn on the
lower halves of two photographs, with clean or with noisy targets. They are judged on
the upper halves.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative.computational_photography import psnr
from snippets.generative.noise2noise import Denoiser, box_filter, train
from snippets.generative.photographs import luminance, photograph, to_srgb

SIGMA, UPDATES, SEEDS = 0.1, 450, 3
WATCHED = [150, 250, 350, 450]
halves = []
for name in ("china.jpg", "flower.jpg"):
    scene = torch.from_numpy(luminance(photograph(name))).float()[:426]
    halves.append(scene.split(213))
judge, learn = (torch.cat(half)[:424] for half in zip(*halves, strict=True))
random = torch.Generator().manual_seed(100)
noisy = judge + SIGMA * torch.randn(judge.shape, generator=random)


@torch.no_grad()
def denoise(model: Denoiser) -> torch.Tensor:
    return model(noisy[None, None])[0, 0]


def score(image: torch.Tensor) -> float:
    return psnr(judge.numpy(), image.numpy())


curves = torch.zeros(2, SEEDS, len(WATCHED))
for kind, clean_targets in enumerate((False, True)):
    for seed in range(SEEDS):
        seen = []

        def watch(model: Denoiser, seen: list = seen) -> None:
            seen.append(score(denoise(model)) if len(seen) + 1 in WATCHED else None)

        model = train(
            learn, SIGMA, UPDATES, seed, clean_targets=clean_targets, watch=watch
        )
        curves[kind, seed] = torch.tensor([x for x in seen if x is not None])
        if seed == 0 and not clean_targets:
            shown = denoise(model)
n2n, clean = curves[:, :, -1]
boxes = {size: score(box_filter(noisy, size)) for size in (3, 5)}

fig, grid = plt.subplots(2, 2, figsize=(6.4, 6.2), layout="compressed")
axes = grid.ravel()
part = slice(50, 178), slice(190, 318)
pictures = {"noisy": noisy, "box of 3 x 3": box_filter(noisy, 3), "Noise2Noise": shown}
for ax, (name, image) in zip(axes, pictures.items(), strict=False):
    ax.imshow(to_srgb(image[part].numpy()), "gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(name, fontsize="medium")
axes[3].plot(WATCHED, curves[0].T, "C0o-", markersize=3)
axes[3].plot(WATCHED, curves[1].T, "C1s--", markersize=3)
axes[3].axhline(boxes[3], color="0.5")
axes[3].set_box_aspect(1)
axes[3].set(xlabel="updates", ylabel="PSNR (dB)", xticks=WATCHED)
fig.set_label(
    f"Three pictures of a roof: noisy ({score(noisy):.1f} dB over both photographs), "
    f"after a box filter ({boxes[3]:.1f} dB), and after a network trained on noisy "
    f"targets ({n2n[0]:.1f} dB). Curves: PSNR by update, for three networks with noisy "
    "and three with clean targets. Those with the same seed end within "
    f"{(n2n - clean).abs().max():.1f} dB of each other. The best box has "
    f"{max(boxes.values()):.1f} dB."
)
measured = {"noisy": score(noisy), "box_3": boxes[3], "box_5": boxes[5]}
measured |= {"n2n": n2n.mean(), "clean": clean.mean(), "gap": (clean - n2n).max()}
measured |= {"denoiser_spread": curves[..., -1].std(dim=1).max()}
measured["late_gain"] = (curves[..., -1] - curves[..., -2]).max()
assert (clean - n2n).max() < 0.5
assert n2n.min() > max(boxes.values()) + 2
