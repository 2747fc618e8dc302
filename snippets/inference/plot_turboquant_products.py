"""
TurboQuant: inner products of stored vectors
============================================

Unit vectors of 128 coordinates, stored in two ways, and their products with others.
Left: one bit, one rotation. Right: slope of stored over true products, 20 rotations.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import normalize

from snippets.inference import turboquant
from snippets.inference.turboquant import quantize, quantize_unbiased, random_rotation

torch.set_num_threads(1)
torch.manual_seed(0)
random = torch.Generator().manual_seed(0)
gaussian = lambda *shape: torch.randn(*shape, generator=random).double()  # noqa: E731

DIM, BITS = 128, [1, 2, 3, 4]
x = normalize(gaussian(600, DIM) * gaussian(DIM).exp())
others = normalize(x + gaussian(600, DIM) * torch.rand(600, 1, generator=random) * 0.3)
truth = (x * others).sum(dim=1)
apart = normalize(gaussian(600, DIM))


def slope(stored: torch.Tensor) -> float:
    return ((stored * others).sum(dim=1) @ truth / (truth @ truth)).item()


slopes, errors, least = {"least error": [], "unbiased": []}, [], []
for bits in BITS:
    trials = []
    for _ in range(20):
        rotation = random_rotation(DIM, random)
        stored = quantize_unbiased(x, rotation, gaussian(DIM, DIM), bits)
        plain = quantize(x, rotation, bits)
        squares = [
            ((kept - x) * apart).sum(1).square().mean().item()
            for kept in (stored, plain)
        ]
        trials.append((slope(plain), slope(stored), *squares))
    shrunk, fair, square, other = (np.mean(each) for each in zip(*trials, strict=True))
    slopes["least error"].append(shrunk)
    slopes["unbiased"].append(fair)
    errors.append(DIM * square)
    least.append(DIM * other)
expected = np.array([turboquant.distortion(bits, DIM) for bits in range(5)])
assert np.abs(np.array(slopes["least error"]) - (1 - expected[1:])).max() < 0.03
assert np.abs(np.array(slopes["unbiased"]) - 1).max() < 0.04
assert np.all(np.array(least) < 0.4 * np.array(errors))
assert np.abs(np.array(errors) / (np.pi / 2 * expected[:-1]) - 1).max() < 0.1

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
fig.set_label(
    "Left: stored against true products, one bit; least error makes a narrow cloud on "
    "a flatter line, the unbiased variant a wide one on the diagonal. "
    "Right: slopes over bits; least error "
    + ", unbiased ".join(" ".join(f"{s:.2f}" for s in row) for row in slopes.values())
    + "."
)
rotation = random_rotation(DIM, random)
near = normalize(apart + 0.3 * torch.rand(600, 1) * gaussian(600, DIM))
for color, name, stored in (
    ("C1", "unbiased", quantize_unbiased(apart, rotation, gaussian(DIM, DIM), 1)),
    ("C0", "least error", quantize(apart, rotation, 1)),
):
    true, found = ((near * each).sum(dim=1)[::3] for each in (apart, stored))
    ax.plot(true, found, color + ".", ms=3)
    right.plot(BITS, slopes[name], color + "o-", label=name)
ax.axline((0, 0), slope=1, color="0.5", ls=":")
ax.set(xlabel="true product", ylabel="stored product, 1 bit")
right.set(xlabel="bits", ylabel="slope", xticks=BITS, ylim=(0, 1.1))
right.legend(loc="lower right")

measured = {f"product_{bits}": e for bits, e in zip(BITS, errors, strict=True)}
measured |= {"least_1": least[0], "least_4": least[-1]}
measured |= {"unbiased_slope_1": slopes["unbiased"][0]}
