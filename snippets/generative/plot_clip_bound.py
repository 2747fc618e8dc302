"""
What the loss says about mutual information
===========================================

A figure of :doc:`/generative/clip`: the bound ln N - loss for batches of N pairs, with
48 equally likely captions, measured with trained towers and at the least loss.
"""

import math

import matplotlib.pyplot as plt
import torch

from snippets.generative import caption_towers as pairs
from snippets.generative.clip import clip_logits, clip_loss, normalize
from snippets.generative.repeated_captions import expected_floor, loss_floor

PAIRS = 8192
allowed = ~pairs.scattered()
towers = pairs.trained(allowed, seed=0)
random = torch.Generator().manual_seed(1)
kinds = int(allowed.sum())
information = math.log(kinds)  # of image and caption: the image determines its caption
sizes = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
with torch.no_grad():
    images, combo = pairs.draw_pairs(allowed, PAIRS, random)
    u = normalize(towers.image(images))
    v = normalize(towers.text(pairs.words(pairs.KINDS)))[combo]

losses, floors = [], []
with torch.no_grad():
    for size in sizes:
        batches = zip(u.split(size), v.split(size), combo.split(size), strict=True)
        both = [
            (clip_loss(clip_logits(a, b, towers.logit_scale)), loss_floor(c))
            for a, b, c in batches
        ]
        loss, floor = torch.tensor(both).mean(dim=0)
        losses.append(loss)
        floors.append(floor)
bounds = [math.log(n) - loss for n, loss in zip(sizes, losses, strict=True)]
least = [expected_floor(n, kinds) for n in sizes]
ideal = [math.log(n) - loss for n, loss in zip(sizes, least, strict=True)]

fig, ax = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
ax.axhline(information, color="0.5", ls=":")
ax.plot(sizes, [math.log(n) for n in sizes], "--", color="C2", label="ln N")
ax.plot(sizes, ideal, "-", color="C1", label="least loss")
ax.plot(sizes, bounds, "o", color="C0", label="trained towers")
ax.set_xscale("log", base=2)
ax.set(xlabel="pairs in a batch, N", ylabel="ln N - loss (nats)", ylim=(0, 5.2))
ax.set_xticks(sizes, [str(n) for n in sizes])
ax.legend(loc="lower right")
fig.set_label(
    f"Bound on the mutual information for batches of 2 to {sizes[-1]} pairs. It rises "
    f"from {bounds[0]:.2f} to {bounds[-1]:.2f} nats with the trained towers, and to "
    f"{ideal[-1]:.2f} at the least loss. The dotted line is at {information:.2f}."
)
at = sizes.index(128)
measured = {"information": information, "bound_1024": bounds[-1]}
measured |= {"loss_128": losses[at], "floor_128": least[at]}
for size, drawn, exact in zip(sizes, floors, least, strict=True):
    assert abs(drawn - exact) < 0.03, size
assert all(a > b - 0.03 for a, b in zip(losses, least, strict=True))
assert max(bounds) < information
assert ideal == sorted(ideal)
