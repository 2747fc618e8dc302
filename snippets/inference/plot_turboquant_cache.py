"""
TurboQuant: a model that recalls from a cache of few bits
=========================================================

Four pairs of a key and one of 8 values, then a key: the answer is its value; guessing
scores 12.5 %. Three models with one head of 64 features in each of two layers, 320
steps each; a coordinate of keys and values is enlarged ten times.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.recall_task import Recaller, accuracy, train
from snippets.inference.stored_cache import Stored, enlarge_first_coordinate, min_max
from snippets.inference.turboquant import quantize, quantize_unbiased, random_rotation

BITS, SEEDS = [1, 2, 3], range(3)
torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)


def stores(bits: int):
    rotation = random_rotation(64, random).float()
    signs = torch.randn(64, 64, generator=random)
    yield "TurboQuant", lambda x: quantize(x, rotation, bits)
    yield "table, no rotation", lambda x: quantize(x, torch.eye(64), bits)
    yield "rotation, min-max", lambda x: min_max(x @ rotation.T, bits) @ rotation
    yield "min-max per channel", lambda x: min_max(x.T, bits).T
    yield "TurboQuant, unbiased", lambda x: quantize_unbiased(x, rotation, signs, bits)
    yield "min-max per vector", lambda x: min_max(x, bits)


whole, reached = [], {}
for seed in SEEDS:
    torch.manual_seed(seed)
    model = Recaller(GroupedQueryAttention, heads=1, kv_heads=1)
    train(model, (320,), seed=seed, rate=3e-3)
    for mix in model.mix:
        enlarge_first_coordinate(mix, 10.0)
    whole.append(accuracy(model))
    projections = [(mix.key, mix.value) for mix in model.mix]
    for bits in BITS:
        for name, store in stores(bits):
            for mix, (key, value) in zip(model.mix, projections, strict=True):
                mix.key, mix.value = Stored(key, store), Stored(value, store)
            reached.setdefault(name, {}).setdefault(bits, []).append(accuracy(model))
mean = {name: [np.mean(row[b]) for b in BITS] for name, row in reached.items()}
assert min(whole) > 0.98
assert min(reached["TurboQuant"][2]) > 0.96
assert mean["TurboQuant"][0] > mean["rotation, min-max"][0] + 0.05
assert mean["TurboQuant"][1] > mean["TurboQuant, unbiased"][1] + 0.02
assert mean["rotation, min-max"][1] > mean["min-max per vector"][1] + 0.05

fig, ax = plt.subplots(figsize=(6.2, 3.4))
for marker, (name, row) in zip("odsv^x", mean.items(), strict=True):
    ax.plot(BITS, row, marker + "-", label=name)
ax.axhline(1 / 8, color="0.5", ls=":")
ax.set(xlabel="bits", ylabel="accuracy", xticks=BITS, ylim=(0, 1.05))
ax.legend(loc="lower right", fontsize=8)
fig.set_label(
    "Accuracy over one, two and three bits, with a dotted line of guessing at 0.125. "
    + " ".join(
        f"{name}: " + ", ".join(f"{share:.2f}" for share in row) + "."
        for name, row in mean.items()
    )
)
measured = {
    "whole": min(whole),
    "cache_1": mean["TurboQuant"][0],
    "cache_2": mean["TurboQuant"][1],
    "cache_unbiased_2": mean["TurboQuant, unbiased"][1],
    "cache_vector_2": mean["min-max per vector"][1],
    "cache_rotated_1": mean["rotation, min-max"][0],
    "cache_rotated_2": mean["rotation, min-max"][1],
    "cache_channel_1": mean["min-max per channel"][0],
    "cache_channel_2": mean["min-max per channel"][1],
    "cache_table_2": mean["table, no rotation"][1],
}
