"""
TurboQuant: a model that recalls from a cache of few bits
=========================================================

Four pairs of a key and one of 8 values, then a key: the answer is its value; guessing
scores 12.5 %. One model with one head of 64 features in each of two layers, 320 steps;
a coordinate of keys and values is enlarged ten times. Means of three rotations.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.recall_task import Recaller, accuracy, train
from snippets.inference.stored_cache import Stored, enlarge_first_coordinate, min_max
from snippets.inference.turboquant import quantize, quantize_unbiased, random_rotation

BITS = [1, 2, 3, 4]
torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)
torch.manual_seed(0)
model = Recaller(GroupedQueryAttention, heads=1, kv_heads=1)
train(model, (320,), seed=0, rate=3e-3)
for mix in model.mix:
    enlarge_first_coordinate(mix, 10.0)
projections = [(mix.key, mix.value) for mix in model.mix]
whole = accuracy(model)


def accuracy_with(store) -> float:
    for mix, (key, value) in zip(model.mix, projections, strict=True):
        mix.key, mix.value = Stored(key, store), Stored(value, store)
    return accuracy(model)


def stores(bits: int):
    rotation = random_rotation(64, random).float()
    signs = torch.randn(64, 64, generator=random)
    yield "least error", lambda x: quantize(x, rotation, bits)
    yield "unbiased", lambda x: quantize_unbiased(x, rotation, signs, bits)
    yield "min-max", lambda x: min_max(x, bits)
    yield "not rotated", lambda x: quantize(x, torch.eye(64), bits)


quality = {}
for bits in BITS:
    for _ in range(3):
        for name, store in stores(bits):
            reached = quality.setdefault(name, {}).setdefault(bits, [])
            reached.append(accuracy_with(store))
quality = {name: [np.mean(row[bits]) for bits in BITS] for name, row in quality.items()}
assert whole > 0.98
assert min(quality["least error"][2:]) > whole - 0.02
assert quality["least error"][1] > quality["unbiased"][1] + 0.02
assert quality["least error"][1] > quality["min-max"][1] + 0.05

fig, ax = plt.subplots(figsize=(6.2, 3.2))
for marker, name in zip("os^", ("least error", "unbiased", "min-max"), strict=True):
    ax.plot(BITS, quality[name], marker + "-", label=name)
ax.axhline(1 / 8, color="0.5", ls=":")
ax.set(xlabel="bits", ylabel="accuracy", xticks=BITS, ylim=(0, 1.05))
ax.legend(loc="lower right")
fig.set_label(
    "Accuracy over bits, with a dotted line of guessing at 0.125. "
    + " ".join(
        f"{name}: " + ", ".join(f"{share:.2f}" for share in row) + "."
        for name, row in quality.items()
        if name != "not rotated"
    )
)
measured = {
    "whole": whole,
    "cache_2": quality["least error"][1],
    "cache_unbiased_2": quality["unbiased"][1],
    "cache_min_max_2": quality["min-max"][1],
    "cache_not_turned_2": quality["not rotated"][1],
}
