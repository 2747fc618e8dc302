"""
TurboQuant: inner products of stored vectors
============================================

Unit vectors of 128 coordinates, stored in two ways, and their products with others at
many angles. Left: one bit, one rotation. Right: the slope of stored against true
products, the mean of 20 rotations.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor

from snippets.inference.turboquant import (
    distortion,
    quantize,
    quantize_unbiased,
    random_rotation,
)

torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)


def gaussian(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=1, keepdim=True)


DIM, BITS = 128, [1, 2, 3, 4]
x = unit(gaussian(600, DIM) * gaussian(DIM).exp())
others = unit(x + gaussian(600, DIM) * torch.rand(600, 1, generator=random) * 0.3)
truth = (x * others).sum(dim=1)
apart = unit(gaussian(600, DIM))


def slope(stored: Tensor) -> float:
    return ((stored * others).sum(dim=1) @ truth / (truth @ truth)).item()


slopes, errors = {"least error": [], "unbiased": []}, []
for bits in BITS:
    shrunk, fair, squares = [], [], []
    for _ in range(20):
        rotation = random_rotation(DIM, random)
        shrunk.append(slope(quantize(x, rotation, bits)))
        stored = quantize_unbiased(x, rotation, gaussian(DIM, DIM), bits)
        fair.append(slope(stored))
        squares.append(((stored - x) * apart).sum(dim=1).square().mean().item())
    slopes["least error"].append(np.mean(shrunk))
    slopes["unbiased"].append(np.mean(fair))
    errors.append(DIM * np.mean(squares))
expected = np.array([distortion(bits, DIM) for bits in range(5)])
assert np.abs(np.array(slopes["least error"]) - (1 - expected[1:])).max() < 0.03
assert np.abs(np.array(slopes["unbiased"]) - 1).max() < 0.04
assert np.abs(np.array(errors) / (np.pi / 2 * expected[:-1]) - 1).max() < 0.1

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
fig.set_label(
    "Left: stored against true inner products with one bit; least error makes a narrow "
    "cloud along a flatter line, the unbiased variant a wide cloud along the diagonal. "
    "Right: slopes over bits; least error "
    + ", unbiased ".join(" ".join(f"{s:.2f}" for s in row) for row in slopes.values())
    + "."
)
rotation = random_rotation(DIM, random)
near = unit(apart + 0.3 * torch.rand(600, 1, generator=random) * gaussian(600, DIM))
for name, stored in {
    "unbiased": quantize_unbiased(apart, rotation, gaussian(DIM, DIM), 1),
    "least error": quantize(apart, rotation, 1),
}.items():
    color = "C1" if name == "unbiased" else "C0"
    true, found = ((near * each).sum(dim=1)[::3] for each in (apart, stored))
    ax.plot(true, found, color + ".", ms=3)
    right.plot(BITS, slopes[name], color + "o-", label=name)
ax.axline((0, 0), slope=1, color="0.5", ls=":")
ax.set(xlabel="true product", ylabel="stored product, 1 bit")
right.set(xlabel="bits", ylabel="slope", xticks=BITS, ylim=(0, 1.1))
right.legend(loc="lower right")

measured = {f"product_{bits}": e for bits, e in zip(BITS, errors, strict=True)}
measured |= {"unbiased_slope_1": slopes["unbiased"][0]}
