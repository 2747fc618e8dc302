"""
What a larger image costs Swin and ViT
======================================

A figure of :doc:`/transformers/swin`. Multiplications in one forward pass of Swin-T and
of a ViT of about the same cost at 224 pixels, counted by PyTorch on tensors without
data.
"""

import matplotlib.pyplot as plt
import torch
from torch.utils.flop_counter import FlopCounterMode

from snippets.transformers.swin import SwinTransformer
from snippets.transformers.vision_transformer import VisionTransformer

SIDES = [224, 448, 672, 896]


def swin_tiny() -> SwinTransformer:
    """Section 3.3 of the paper; 32 features for each head."""
    sizes = {"depths": (2, 2, 6, 2), "heads": (3, 6, 12, 24), "d_model": 96}
    with torch.device("meta"):  # shapes without numbers
        return SwinTransformer(**sizes, window_size=7)


def small_vit(side: int) -> VisionTransformer:
    """Width and depth as in DeiT-S, deit_small_patch16_224 of its authors' code."""
    sizes = {"patch_size": 16, "d_model": 384, "depth": 12, "heads": 6, "d_ff": 1536}
    with torch.device("meta"):
        return VisionTransformer(image_size=(side, side), **sizes)


def counted(model: torch.nn.Module, side: int) -> float:
    """Billions of multiplications: half of the FLOPs that PyTorch counts."""
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, side, side, device="meta"))
    return counter.get_total_flops() / 2e9


windows = [counted(swin_tiny(), side) for side in SIDES]
everywhere = [counted(small_vit(side), side) for side in SIDES]
growth = [line[-1] / line[0] for line in (windows, everywhere)]
assert abs(growth[0] - 16) < 0.01
assert growth[1] > 25

fig, ax = plt.subplots(figsize=(6.2, 2.8), layout="constrained")
ax.plot(SIDES, everywhere, "s-", label="ViT, the shape of DeiT-S")
ax.plot(SIDES, windows, "o-", label="Swin-T")
ax.set_xticks(SIDES)
ax.set(xlabel="side of the image in pixels", ylabel="billion multiplications", ylim=0)
ax.legend()
fig.set_label(
    f"Billion multiplications per image. Swin-T rises from {windows[0]:.1f} at 224 "
    f"pixels to {windows[-1]:.0f} at {SIDES[-1]}, the ViT from {everywhere[0]:.1f} to "
    f"{everywhere[-1]:.0f}."
)
measured = {"swin_growth": growth[0], "vit_growth": growth[1]}
measured |= {"vit": everywhere[0], "T": windows[0]}
