"""
TurboQuant: nearest neighbors after storing
===========================================

How often the nearest of 600 vectors is still the nearest after these are stored, for
297 queries. Images of digits with 64 pixels, the mean removed, and random directions.
Product quantization learns 256 centers for each part from 900 other vectors; means of
four rotations, and of four starts of it.
"""

import matplotlib.pyplot as plt
import numpy as np
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
    return x / x.norm(dim=1, keepdim=True)


BITS = [1, 2, 4]
digits = torch.from_numpy(load_digits().data)
sets = {"digits": unit(digits - digits.mean(dim=0)), "random": unit(gaussian(1797, 64))}


def shares_found(name: str, store) -> list[float]:
    """With the lengths as they are stored, and with all set to one."""
    apart, base, query = sets[name].split([900, 600, 297])
    stored, right = store(apart, base), (query @ base.T).argmax(dim=1)
    nearest = [(query @ each.T).argmax(dim=1) for each in (stored, unit(stored))]
    return [(index == right).double().mean().item() for index in nearest]


def methods(bits: int):
    yield "TurboQuant", lambda _, x: quantize(x, random_rotation(64, random), bits)
    yield (
        "learned",
        lambda apart, x: product_quantized(x, learn_centers(apart, 8 // bits, random)),
    )


found = {(method, name): [] for method in ("TurboQuant", "learned") for name in sets}
for bits in BITS:
    for method, store in methods(bits):
        for name in sets:
            shares = [shares_found(name, store) for _ in range(4)]
            found[method, name].append(np.mean(shares, axis=0))
even = {key: [row[1] for row in rows] for key, rows in found.items()}
found = {key: [row[0] for row in rows] for key, rows in found.items()}
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
measured = {
    f"digits_{short}{bits}": found[method, "digits"][bits - 1]
    for method, short in (("TurboQuant", ""), ("learned", "learned_"))
    for bits in (1, 2)
}
measured |= {
    "digits_even_2": even["TurboQuant", "digits"][1],
    "digits_even_learned_2": even["learned", "digits"][1],
}
