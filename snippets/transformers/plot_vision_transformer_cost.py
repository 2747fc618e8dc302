"""
What a larger image costs
=========================

A figure of :doc:`/transformers/vision_transformer`. Operations of one forward pass of
ViT-B/16, counted by PyTorch on tensors without data, for images of several sizes; and
the parameters of the three published sizes.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from snippets.transformers.vision_transformer import VisionTransformer

SIZES = {  # table 1 of the paper
    "base": {"depth": 12, "d_model": 768, "d_ff": 3072, "heads": 12},
    "large": {"depth": 24, "d_model": 1024, "d_ff": 4096, "heads": 16},
    "huge": {"depth": 32, "d_model": 1280, "d_ff": 5120, "heads": 16},
}
SIDES = [112, 224, 384, 512, 768, 1024, 1536]


def model(name: str, side: int, patch_size: int) -> VisionTransformer:
    with torch.device("meta"):  # shapes without numbers
        size = {"image_size": (side, side), "patch_size": patch_size}
        return VisionTransformer(**size, **SIZES[name])


def operations(side: int) -> tuple[int, int]:
    """Of the linear layers, and of attention between tokens."""
    vit = model("base", side, 16)
    with FlopCounterMode(display=False) as counter:
        vit(torch.empty(1, 3, side, side, device="meta"))
    counts = counter.get_flop_counts()["Global"]
    attention = counts[torch.ops.aten.bmm]  # scores, and averages of the values
    return counter.get_total_flops() - attention, attention


linear, attention = np.array([operations(side) for side in SIDES]).T
tokens = (np.array(SIDES) // 16) ** 2 + 1
assert np.array_equal(attention, 12 * 4 * tokens**2 * 768)
assert np.allclose(linear, 12 * 24 * tokens * 768**2, rtol=0.02)
total = linear + attention

fig, ax = plt.subplots(figsize=(6.2, 3), layout="constrained")
ax.loglog(SIDES, linear / 1e9, "o-", label="linear layers")
ax.loglog(SIDES, attention / 1e9, "s-", label="attention between tokens")
ax.set_xticks(SIDES, [f"{side}\n{n}" for side, n in zip(SIDES, tokens, strict=True)])
ax.minorticks_off()
ax.set(xlabel="side in pixels, and number of tokens", ylabel="GFLOPs")
ax.legend()
at = {side: i for i, side in enumerate(SIDES)}
fig.set_label(
    "GFLOPs per image on logarithmic axes. Linear layers rise from "
    f"{linear[0] / 1e9:.0f} at 112 pixels to {linear[-1] / 1e9:.0f} at 1536, attention "
    f"from {attention[0] / 1e9:.2f} to {attention[-1] / 1e9:.0f}. Attention crosses "
    "above the linear layers between 1024 and 1536 pixels."
)
measured = {
    "gflops": total[at[224]] / 1e9,
    "share": attention[at[224]] / total[at[224]],
    "share_large": attention[at[1024]] / total[at[1024]],
}
for name, patch_size in (("base", 16), ("large", 16), ("large", 32), ("huge", 14)):
    vit = model(name, 224, patch_size)
    count = sum(weight.numel() for weight in vit.parameters())
    head = 1000 * (SIZES[name]["d_model"] + 1)  # for the classes of ImageNet
    measured[f"{name}_{patch_size}"] = (count + head) / 1e6
assert attention[at[1024]] < linear[at[1024]]
assert attention[at[1536]] > linear[at[1536]]
