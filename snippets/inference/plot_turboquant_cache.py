"""
TurboQuant: a recall model whose keys and values are stored
===========================================================

Accuracy of three recall models (guessing: 1/8) with one head in each of two layers, 320
steps each, when keys and values are stored in six ways. A coordinate of keys and values
is enlarged: ten times on the left, by a growing factor on the right.
"""

from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.recall_task import Recaller, accuracy, train
from snippets.inference.stored_cache import Stored, enlarge_first_coordinate, six_stores

BITS, FACTORS, SEEDS = [1, 2, 3], [1, 10, 30, 100], range(3)
torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)

settings = [(10, bits) for bits in BITS] + [(f, 2) for f in FACTORS if f != 10]
whole, reached = [], {}
for seed in SEEDS:
    torch.manual_seed(seed)
    trained = Recaller(GroupedQueryAttention, heads=1, kv_heads=1)
    train(trained, (320,), seed=seed, rate=3e-3)
    for factor, bits in settings:
        model = deepcopy(trained)
        for mix in model.mix:
            enlarge_first_coordinate(mix, factor)
        whole.append(accuracy(model))
        plain = [(mix.key, mix.value) for mix in model.mix]
        for name, store in six_stores(64, bits, random).items():
            for mix, (key, value) in zip(model.mix, plain, strict=True):
                mix.key, mix.value = Stored(key, store), Stored(value, store)
            runs = reached.setdefault(name, {}).setdefault((factor, bits), [])
            runs.append(accuracy(model))
mean = {n: {key: np.mean(runs) for key, runs in r.items()} for n, r in reached.items()}
ours, channel = mean["TurboQuant"], mean["min-max per channel"]
assert min(whole) > 0.98
assert min(reached["TurboQuant"][10, 2]) > 0.96
assert ours[10, 1] > mean["rotation, min-max"][10, 1] + 0.05
assert ours[10, 2] > mean["TurboQuant, unbiased"][10, 2] + 0.02
assert mean["rotation, min-max"][10, 2] > mean["min-max per vector"][10, 2] + 0.05
assert channel[100, 2] - 0.3 > ours[100, 2] < ours[30, 2] < channel[30, 2] - 0.05

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 4.2), layout="constrained")
left, right = [(10, b) for b in BITS], [(f, 2) for f in FACTORS]
for ax, keys in zip(axes, (left, right), strict=True):
    places = BITS if ax is axes[0] else range(4)
    for marker, (name, row) in zip("odsv^x", mean.items(), strict=True):
        ax.plot(places, [row[key] for key in keys], marker + "-", label=name)
    ax.axhline(1 / 8, color="0.5", ls=":")
axes[0].set(title="factor 10", xlabel="bits", ylabel="accuracy", xticks=BITS)
axes[1].set(title="two bits", xlabel="factor of a coordinate", ylim=(0, 1.05))
axes[1].set_xticks(range(4), FACTORS)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
fig.set_label(
    "Two panels of accuracy with a dotted line of guessing at 0.125: over one, two and "
    "three bits, and over factors of 1, 10, 30 and 100 with two bits. "
    + " ".join(
        f"{name}: {', '.join(f'{row[10, b]:.2f}' for b in BITS)}; "
        f"{', '.join(f'{row[f, 2]:.2f}' for f in FACTORS)}."
        for name, row in mean.items()
    )
)
names = "", "table_", "rotated_", "channel_", "unbiased_", "vector_"
measured = {
    f"cache_{name}{bits}": row[10, bits]
    for name, row in zip(names, mean.values(), strict=True)
    for bits in (1, 2)
}
measured |= {"whole": min(whole), "cache_30": ours[30, 2], "cache_100": ours[100, 2]}
measured |= {"cache_channel_100": channel[100, 2]}
