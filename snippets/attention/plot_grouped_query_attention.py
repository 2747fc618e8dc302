"""
Grouped-query attention: what sharing saves, what it costs
==========================================================

Figures for :doc:`/attention/grouped_query_attention`: how heads are wired, how the
cache shrinks, what a decoding step reads, and what a trained model loses when its key
and value heads are merged.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import (
    GroupedQueryAttention,
    cache_bytes,
    pool_heads,
)
from snippets.attention.recall_task import Recaller, accuracy, train

torch.manual_seed(0)

# %%
# Who reads whom
# --------------
# Eight query heads above, the key/value heads that they read below.

fig, axes = plt.subplots(3, figsize=(6.2, 4.2))
names = {8: "multi-head", 2: "grouped-query", 1: "multi-query"}
for ax, (kv_heads, name) in zip(axes, names.items(), strict=True):
    group = 8 // kv_heads
    for head in range(8):
        shared = head // group
        x = shared * group + (group - 1) / 2
        color = f"C{shared}" if kv_heads < 8 else "0.5"
        ax.plot([head, x], [1, 0], color=color, lw=1.5)
        ax.plot(head, 1, "o", color=color, ms=9)
        ax.plot(x, 0, "s", color=color, ms=11)
    ax.text(-1.0, 0.5, f"{name}\n{kv_heads} of 8", ha="right", va="center")
    ax.set(xlim=(-1, 7.5), ylim=(-0.35, 1.35))
    ax.axis("off")
fig.set_label(
    "Three rows of eight query heads wired to key/value heads: each to its own in "
    "multi-head, four to each of two in grouped-query, all to one in multi-query."
)

# %%
# The cache
# ---------
# Bytes per token are proportional to the key/value heads; the number of query heads
# does not matter.

kv_head_counts = [64, 32, 16, 8, 4, 2, 1]
kibibytes = [cache_bytes(80, n, 128, tokens=1) / 2**10 for n in kv_head_counts]

fig, ax = plt.subplots()
colors = ["C1" if n == 8 else "C0" for n in kv_head_counts]
ticks = [str(n) for n in kv_head_counts]
bars = ax.bar(ticks, kibibytes, color=colors)
ax.bar_label(bars, fmt="%g")
ax.set(xlabel="key/value heads", ylabel="cache per token (KiB)")
fig.set_label(
    "Bars of cache per token for a model of 80 layers: 2560 KiB with 64 key/value "
    "heads, half with half the heads, 320 KiB with 8 and 40 KiB with one."
)

# %%
# What a decoding step reads
# --------------------------
# The weights once for all requests, and the cache of each request: 4096 tokens in
# the shape of Llama 2 70B.

requests = np.arange(1, 129)
weights = 2 * 70e9

fig, ax = plt.subplots()
for kv_heads, label in {64: "64 heads", 8: "8 heads", 1: "1 head"}.items():
    caches = requests * cache_bytes(80, kv_heads, 128, tokens=4096)
    ax.plot(requests, (weights + caches) / 1e9, label=label)
ax.axhline(weights / 1e9, color="0.5", ls=":")
ax.text(2, weights / 1e9 - 25, "weights alone", va="top")
ax.legend(title="key/value heads")
ax.set(xlabel="requests in one step", ylabel="bytes read (GB)", ylim=(0, None))
fig.set_label(
    "Lines of gigabytes read in one step over the number of requests. All start at the "
    "140 GB of the weights; with 64 key/value heads the line climbs to about 1500 GB "
    "at 128 requests, with 8 to about 310, with one it stays almost level."
)

# %%
# Uptraining
# ----------
# Three multi-head models learn for 320 steps to recall: after four pairs of a key and a
# value comes one of the keys, and the answer is its value. Their eight key and value
# heads become four, two or one by averaging; the same training goes on for up to 64
# steps more. New models with one head get as much, from nothing.

RATE = 3e-3


def new(kv_heads: int) -> Recaller:
    return Recaller(GroupedQueryAttention, kv_heads=kv_heads)


def convert(trained: Recaller, kv_heads: int, pool) -> Recaller:
    model = new(kv_heads)
    weights = trained.state_dict()
    for name in [n for n in weights if n.endswith(("key.weight", "value.weight"))]:
        weight = weights.pop(name)
        if pool is not None:
            weights[name] = pool(weight, heads=8, kv_heads=kv_heads)
    model.load_state_dict(weights, strict=False)
    return model


marks = (0, 16, 32, 64)
originals, original, pooled, scratch = [], [], {4: [], 2: [], 1: []}, []
for seed in range(3):
    torch.manual_seed(seed)
    originals.append(new(8))
    original += train(originals[-1], (320,), seed=seed, rate=RATE)
    for kv_heads, curves in pooled.items():
        model = convert(originals[-1], kv_heads, pool_heads)
        curves.append(train(model, marks, seed=seed + 50, rate=RATE))
    scratch.append(train(new(1), marks, seed=seed + 50, rate=RATE))
pooled = {kv_heads: np.array(curves) for kv_heads, curves in pooled.items()}
scratch = np.array(scratch)

assert min(original) > 0.98
assert pooled[4][:, 0].min() > 0.65 > 0.45 > pooled[1][:, 0].max()
assert pooled[4][:, 1].min() > 0.96
assert pooled[2][:, 1].min() > 0.7
assert pooled[1][:, 1].max() < 0.7
assert pooled[1][:, 3].min() > 0.85
assert scratch.max() < 0.5

fig, ax = plt.subplots()
percent = [5 * step / 16 for step in marks]
for color, (kv_heads, curves) in enumerate(pooled.items()):
    ax.plot(percent, curves.T, color=f"C{color}", alpha=0.4, lw=1)
    label = f"{kv_heads} heads" if kv_heads > 1 else "1 head"
    ax.plot(percent, curves.mean(axis=0), "o-", color=f"C{color}", label=label)
ax.plot(percent, scratch.mean(axis=0), "s--", color="0.5", label="1 head, new")
ax.set_xticks(percent, labels=[f"{p:g} %" for p in percent])
ax.set(xlabel="training after conversion (of the original steps)", ylabel="accuracy")
ax.set(ylim=(0, 1.05))
ax.legend(loc="lower right", bbox_to_anchor=(1, 0.36))
fig.set_label(
    "Lines of accuracy over training after conversion, from 0 to 20 percent of the "
    "original steps. Four heads start near 0.8 and are near one after 5 percent; two "
    "start near 0.4 and get there with 10 percent, one starts near 0.3 and takes 20. "
    "A new model with one head is still at 0.4 then."
)

# %%
# Mean or one of the heads
# ------------------------
# Each of the eight heads of each model is kept as the only one, and 16 steps follow.
# Across: what the model answers before, with all heads but this one silenced.


def silence_all_but(trained: Recaller, head: int) -> Recaller:
    model = new(8)
    model.load_state_dict(trained.state_dict())
    for mix in model.mix:
        others = torch.arange(64) // 8 != head
        mix.out.weight.data[:, others] = 0
    return model


def keep(head: int):
    return lambda weight, **sizes: weight.unflatten(0, (8, -1))[head]


def lengthened(weight, *, heads, kv_heads):
    pooled = pool_heads(weight, heads=heads, kv_heads=kv_heads)
    return (heads / kv_heads) ** 0.5 * pooled


def uptrained(trained: Recaller, pool, seed: int) -> float:
    model = convert(trained, 1, pool)
    return train(model, (16,), seed=seed + 50, rate=RATE)[0]


alone, kept, longer, random_heads, length = [], [], [], [], []
for seed, trained in enumerate(originals):
    alone.append([accuracy(silence_all_but(trained, head)) for head in range(8)])
    kept.append([uptrained(trained, keep(head), seed) for head in range(8)])
    longer.append(uptrained(trained, lengthened, seed))
    torch.manual_seed(seed)
    random_heads.append(uptrained(trained, None, seed))
    for mix in trained.mix:
        heads = mix.key.weight.unflatten(0, (8, -1))
        length.append((heads.mean(0).norm() / heads.norm(dim=(1, 2)).mean()).item())
alone, kept = np.array(alone), np.array(kept)
mean_1 = pooled[1][:, 1].mean()
correlation = np.corrcoef(alone.ravel(), kept.ravel())[0, 1]

assert correlation > 0.7
assert np.mean(random_heads) + 0.02 < mean_1 < kept.mean() - 0.03
assert np.mean(longer) > max(mean_1 + 0.08, kept.mean() + 0.03)
assert 0.3 < min(length) <= max(length) < 0.42

fig, ax = plt.subplots()
for color, (x, y) in enumerate(zip(alone, kept, strict=True)):
    ax.plot(x, y, "o", color=f"C{color}")
levels = {
    "mean, lengthened": np.mean(longer),
    "mean": mean_1,
    "random": np.mean(random_heads),
}
for name, level in levels.items():
    ax.axhline(level, color="0.5", ls=":")
    ax.text(0.99, level + 0.01, name, ha="right", transform=ax.get_yaxis_transform())
ax.set(xlabel="accuracy with this head alone", ylabel="accuracy after keeping it")
ax.set(ylim=(0.2, 1))
fig.set_label(
    "Twenty-four points, eight heads of three models in three colors, along a rising "
    "band: heads that answer well alone give a good model when they become the only "
    "one. Dotted lines mark random heads, lowest, the mean above it, amid the points, "
    "and the mean with its length restored above most of them."
)

measured = {
    "original": float(np.mean(original)),
    "mean_4_before": float(pooled[4][:, 0].mean()),
    "mean_1_before": float(pooled[1][:, 0].mean()),
    "mean_4": float(pooled[4][:, 1].mean()),
    "mean_2": float(pooled[2][:, 1].mean()),
    "mean_2_twice": float(pooled[2][:, 2].mean()),
    "mean_1": float(mean_1),
    "mean_1_twice": float(pooled[1][:, 2].mean()),
    "mean_1_last": float(pooled[1][:, 3].mean()),
    "scratch_last": float(scratch[:, 3].mean()),
    "random_1": float(np.mean(random_heads)),
    "kept_1": float(kept.mean()),
    "kept_worst": float(kept.min()),
    "kept_best": float(kept.max()),
    "kept_correlation": float(correlation),
    "lengthened_1": float(np.mean(longer)),
    "length": float(np.mean(length)),
    "mean_over_kept": float(mean_1 - kept.mean()),
    "lengthened_over_kept": float(np.mean(longer) - kept.mean()),
}
