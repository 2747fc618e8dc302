"""
TurboQuant: coordinates after a rotation, and the error between two bounds
==========================================================================

Left: coordinates of 600 unit vectors of very uneven coordinates before and after one
rotation, times the square root of 128. Right: their squared error, the mean of 20
rotations, between what is proven.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import beta
from torch import Tensor

from snippets.inference.turboquant import (
    codebook,
    distortion,
    quantize,
    random_rotation,
)

torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)

DIM, BITS = 128, [1, 2, 3, 4]
x = torch.randn(600, DIM, generator=random, dtype=torch.float64)
x *= (2.5 * torch.randn(DIM, generator=random, dtype=torch.float64)).exp()
x[:, :4] += 20
x /= x.norm(dim=1, keepdim=True)
turned = x @ random_rotation(DIM, random).T


def squared_error(rotation: Tensor, bits: int) -> float:
    return (x - quantize(x, rotation, bits)).norm(dim=1).square().mean().item()


rotations = [random_rotation(DIM, random) for _ in range(20)]
plain = np.array([squared_error(torch.eye(DIM).double(), bits) for bits in BITS])
rotated = np.array(
    [np.mean([squared_error(each, bits) for each in rotations]) for bits in BITS]
)
expected = np.array([distortion(bits, DIM) for bits in BITS])
lower = 0.25 ** np.array(BITS)
assert np.abs(rotated / expected - 1).max() < 0.08
assert plain[0] > 3 * rotated[0]
assert plain[2] > 10 * rotated[2]

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.3))
fig.set_label(
    "Left: histograms of coordinates; before rotation a spike at zero, after it a bell "
    "that follows the density. Right: squared error over bits, logarithmic. Rotated: "
    + ", ".join(f"{error:.4f}" for error in rotated)
    + ". Not rotated: "
    + ", ".join(f"{error:.2f}" for error in plain)
    + ". Only the first lie between two parallel bounds."
)
bins = np.linspace(-4, 4, 41)
for name, values in {"before": x, "after": turned}.items():
    values = values.flatten() * DIM**0.5
    ax.hist(values.numpy(), bins, density=True, alpha=0.5, label=name)
t = np.linspace(-4, 4, 200)
half = (DIM - 1) / 2
density = beta.pdf((1 + t / DIM**0.5) / 2, half, half) / 2 / DIM**0.5
ax.plot(t, density, color="0.5", label="sphere")
ax.plot(codebook(2, DIM) * DIM**0.5, [0.02] * 4, "C2^", label="2-bit levels")
ax.set(xlabel="coordinate · √128", ylabel="density", ylim=(0, 1))
ax.legend(fontsize=8)
right.fill_between(
    BITS, lower, lower * math.sqrt(3) * math.pi / 2, color="0.5", alpha=0.3
)
right.plot(BITS, plain, "C0s--", label="not rotated")
right.plot(BITS, rotated, "C1o-", label="rotated")
right.set(yscale="log", xlabel="bits", ylabel="squared error", xticks=BITS)
right.legend(fontsize=8)

measured = {f"error_{bits}": e for bits, e in zip(BITS, rotated, strict=True)}
measured |= {f"plain_over_turned_{n}": plain[n - 1] / rotated[n - 1] for n in (1, 3)}
