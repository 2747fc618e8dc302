"""
TurboQuant: nearest neighbors after storing
===========================================

How often the nearest of 600 vectors is still the nearest after these are stored, for
297 queries. Images of digits with 64 pixels, the mean removed, and random directions.
Product quantization learns 256 centers for each part from 900 other vectors; means of
four rotations, and of four starts of it.
"""

from itertools import product

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from snippets.inference.product_quantization import learn_centers, product_quantized
from snippets.inference.turboquant import quantize, random_rotation

torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)


def gaussian(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


BITS = [1, 2, 4]
digits = torch.from_numpy(load_digits().data)
sets = {"digits": unit(digits - digits.mean(dim=0)), "random": unit(gaussian(1797, 64))}


def turned(apart: Tensor, base: Tensor, bits: int) -> Tensor:
    return quantize(base, random_rotation(64, random), bits)


def learned(apart: Tensor, base: Tensor, bits: int) -> Tensor:
    return product_quantized(base, learn_centers(apart, 8 // bits, random))


METHODS = {"TurboQuant": turned, "learned": learned}
found, even = ({(m, name): [] for m in METHODS for name in sets} for _ in range(2))
for bits, (method, store), name in product(BITS, METHODS.items(), sets):
    apart, base, query = sets[name].split([900, 600, 297])
    right = (query @ base.T).argmax(dim=1)
    trials = torch.stack([store(apart, base, bits) for _ in range(4)])
    for kept, vectors in ((found, trials), (even, unit(trials))):
        nearest = (query @ vectors.mT).argmax(dim=2)
        kept[method, name].append((nearest == right).double().mean().item())
assert found["learned", "digits"][0] > found["TurboQuant", "digits"][0] + 0.04
assert found["learned", "digits"][1] > found["TurboQuant", "digits"][1] + 0.1
assert even["learned", "digits"][1] > even["TurboQuant", "digits"][1] + 0.08
assert even["TurboQuant", "digits"][1] > found["TurboQuant", "digits"][1] + 0.08

fig, ax = plt.subplots(figsize=(6.2, 3.2))
for (method, name), values in found.items():
    style = "o-" if method == "TurboQuant" else "s--"
    color = "C0" if name == "digits" else "C2"
    ax.plot(BITS, values, color + style, label=f"{method}, {name}")
ax.set(xlabel="bits", ylabel="nearest neighbor found", xticks=BITS, ylim=(0, 1))
ax.legend(loc="upper left", fontsize=8)
fig.set_label(
    "Share of nearest neighbors found over one, two and four bits. "
    + " ".join(
        f"{method}, {name}: " + ", ".join(f"{share:.2f}" for share in values) + "."
        for (method, name), values in found.items()
    )
)
measured = {}
for method, short in (("TurboQuant", ""), ("learned", "learned_")):
    one, two, _ = found[method, "digits"]
    measured |= {f"digits_{short}1": one, f"digits_{short}2": two}
    measured[f"digits_even_{short}2"] = even[method, "digits"][1]
