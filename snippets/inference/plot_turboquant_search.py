"""
TurboQuant: nearest neighbors after storing
===========================================

How often the nearest of 1500 vectors is still the nearest after these are stored, for
297 queries. Images of digits with 64 pixels, the mean removed, and random directions;
means of four rotations, and of three starts of product quantization.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from snippets.inference.product_quantization import product_quantized
from snippets.inference.turboquant import quantize, random_rotation

torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)


def gaussian(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=1, keepdim=True)


BITS = [1, 2, 3]
digits = torch.from_numpy(load_digits().data)
sets = {"digits": unit(digits - digits.mean(dim=0)), "random": unit(gaussian(1797, 64))}


def share_found(vectors: Tensor, store) -> float:
    base, query = vectors[:1500], vectors[1500:]
    kept = (query @ store(base).T).argmax(dim=1) == (query @ base.T).argmax(dim=1)
    return kept.double().mean().item()


def turbo(x: Tensor, bits: int) -> Tensor:
    return quantize(x, random_rotation(64, random), bits)


found = {}
for name, vectors in sets.items():
    for bits in BITS:
        shares = [share_found(vectors, partial(turbo, bits=bits)) for _ in range(4)]
        found.setdefault(("TurboQuant", name), []).append(np.mean(shares))
        learned = partial(product_quantized, bits=bits, random=random)
        shares = [share_found(vectors, learned) for _ in range(3)]
        found.setdefault(("learned", name), []).append(np.mean(shares))

fig, ax = plt.subplots(figsize=(6.2, 3.2))
for (method, name), values in found.items():
    style = "o-" if method == "TurboQuant" else "s--"
    color = "C0" if name == "digits" else "C2"
    ax.plot(BITS, values, color + style, label=f"{method}, {name}")
ax.set(xlabel="bits", ylabel="nearest neighbor found", xticks=BITS, ylim=(0, 1))
ax.legend(loc="upper left", fontsize=8)
fig.set_label(
    "Share of nearest neighbors found over one, two and three bits. "
    + " ".join(
        f"{method}, {name}: " + ", ".join(f"{share:.2f}" for share in values) + "."
        for (method, name), values in found.items()
    )
)
measured = {
    f"{name}_{short}{bits}": found[method, name][bits - 1]
    for name in sets
    for method, short in (("TurboQuant", ""), ("learned", "learned_"))
    for bits in (1, 2)
    if bits == 2 or name == "digits"
}
