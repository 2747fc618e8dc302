"""
Multi-head latent attention: what the latent keeps and what it costs
====================================================================

Figures for :doc:`/attention/multi_head_latent_attention`: how few numbers the keys and
values of a trained model need, where the work moves when the up-projections are
absorbed, the size of the cache, and a comparison with multi-head attention.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import (
    GroupedQueryAttention,
    cache_bytes,
    pool_heads,
)
from snippets.attention.multi_head_latent_attention import (
    MultiHeadLatentAttention,
    compress,
    latent_cache_bytes,
)
from snippets.attention.recall_task import Recaller, accuracy, train

# %%
# How many numbers do keys and values need?
# -----------------------------------------
# Two models learn to recall, as those of grouped-query attention do. The keys and
# values of their layers, 128 numbers per token, are then made from fewer: the best
# combinations, random ones, or the means of neighboring heads.

D_MODEL, HEADS = 64, 8
MARKS, RATE = range(0, 241, 40), 4e-3


def load(trained: Recaller, kv_heads: int, replace) -> float:
    """Accuracy after ``replace`` changed the key and value weights of each layer."""
    model = Recaller(GroupedQueryAttention, kv_heads=kv_heads)
    weights = trained.state_dict()
    for name in [name for name in weights if name.endswith("key.weight")]:
        other = name.replace("key", "value")
        weights[name], weights[other] = replace(weights[name], weights[other])
    model.load_state_dict(weights)
    return accuracy(model)


def best(latent_dim: int):
    def replace(key, value):
        down, up = compress(torch.cat([key, value]), latent_dim)
        return (up @ down).chunk(2)

    return replace


def random_directions(latent_dim: int):
    def replace(key, value):
        kept, _ = torch.linalg.qr(torch.randn(D_MODEL, latent_dim))
        return (torch.cat([key, value]) @ kept @ kept.T).chunk(2)

    return replace


def means(kv_heads: int):
    return lambda *pair: [pool_heads(w, heads=HEADS, kv_heads=kv_heads) for w in pair]


latents, groups = (2, 4, 8, 16, 32, 64), (1, 2, 4, 8)
curves, lost, drawn, pooled = [], [], [], []
for seed in range(2):
    torch.manual_seed(seed)
    trained = Recaller(GroupedQueryAttention, kv_heads=HEADS)
    curves.append(train(trained, MARKS, seed=seed, rate=RATE))
    lost.append([load(trained, HEADS, best(n)) for n in latents])
    drawn.append([load(trained, HEADS, random_directions(n)) for n in latents])
    pooled.append([load(trained, n, means(n)) for n in groups])
lost, drawn, pooled = np.array(lost), np.array(drawn), np.array(pooled)

assert lost[:, 3:].min() > 0.95
assert lost[:, 2].min() > 0.7
assert pooled[:, 0].max() < 0.5
assert drawn[:, 3].max() < 0.7

fig, ax = plt.subplots()
across = [2 * n * D_MODEL // HEADS for n in groups]
for x, y, style, color, label in (
    (latents, lost, "o-", "C0", "latent, best directions"),
    (across, pooled, "s-", "C1", "means of heads"),
    (latents, drawn, "^--", "0.5", "latent, random directions"),
):
    ax.plot(x, y.T, color=color, alpha=0.4, lw=1)
    ax.plot(x, y.mean(axis=0), style, color=color, label=label)
ax.set_xscale("log", base=2)
ax.set_xticks([2, 4, 8, 16, 32, 64, 128], labels=[2, 4, 8, 16, 32, 64, 128])
ax.set(xlabel="numbers kept per token and layer", ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="lower right")
fig.set_label(
    "Accuracy over the numbers kept per token, from 2 to 128. The best directions stay "
    "at one down to 16 numbers and are near 0.9 with 8; means of heads fall from one "
    "with 128 to below 0.5 with 32; random directions need all 64."
)

# %%
# Where the work moves
# --------------------
# Five cached tokens, three heads. A short bar is one product with an up-projection.

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.3))
token_x, head_x = np.arange(5.0), np.array([1.0, 2.0, 3.0])
for ax, title in zip(axes, ("rebuilt", "absorbed"), strict=True):
    for head, x in enumerate(head_x):
        color = f"C{head}"
        ax.plot(x, 3, "o", color=color, ms=10)
        for token in token_x:
            if title == "rebuilt":
                key = token + 0.26 * (head - 1)
                ax.plot([key, token], [1.3, 0], color=color, lw=3, alpha=0.9)
                ax.plot(key, 1.3, "s", color=color, ms=5)
                ax.plot([x, key], [3, 1.3], color=color, lw=0.6, alpha=0.6)
            else:
                ax.plot([x, token], [2.2, 0], color=color, lw=0.6, alpha=0.6)
        if title == "absorbed":
            ax.plot([x, x], [3, 2.2], color=color, lw=3, alpha=0.9)
            ax.plot(x, 2.2, "D", color=color, ms=7)
    ax.plot(token_x, 0 * token_x, "s", color="0.5", ms=12)
    ax.set(xlim=(-0.6, 4.6), ylim=(-1.0, 3.4), title=title)
    ax.text(2, -0.8, "cached latents", ha="center", fontsize=9)
    ax.axis("off")
fig.set_label(
    "Left, rebuilt: each of five cached latents is multiplied three times, once for "
    "each head, and a query reads the keys of its head. Right, absorbed: each of three "
    "queries is multiplied once, and then reads the five latents themselves."
)

# %%
# Rebuild or absorb
# -----------------
# Multiplications of one head with 4096 cached tokens, in the sizes of DeepSeek-V3.

latent, nope, rope, value, cached = 512, 128, 64, 128, 4096
new = np.geomspace(1, 4096, 200)
rebuilt = cached * latent * (nope + value) + new * cached * (nope + rope + value)
absorbed = new * latent * (nope + value) + new * cached * (2 * latent + rope)
# a constant and two slopes: solved for the number of new tokens
constant, wider = latent * (nope + value), 2 * latent - (nope + value)
cross = cached * constant / (constant + cached * wider)
assert np.array_equal(absorbed > rebuilt, new > cross)

fig, ax = plt.subplots()
ax.loglog(new, rebuilt, label="rebuilt")
ax.loglog(new, absorbed, label="absorbed")
ax.axvline(cross, color="0.5", ls=":")
ax.legend()
ax.set(xlabel="new tokens in one step", ylabel="multiplications per head")
fig.set_label(
    "Two lines on logarithmic axes over 1 to 4096 new tokens. Rebuilding starts at 540 "
    "million and stays level up to about a hundred; absorbing starts at 5 million, "
    "climbs in proportion, and crosses it near 160."
)

# %%
# The cache of DeepSeek-V3
# ------------------------
# Had it kept keys and values for all its heads, for eight, or for one.

kept = {
    "multi-head, 128": cache_bytes(61, 128, 128, tokens=1),
    "grouped-query, 8": cache_bytes(61, 8, 128, tokens=1),
    "latent": latent_cache_bytes(61, 512, 64, tokens=1),
    "multi-query, 1": cache_bytes(61, 1, 128, tokens=1),
}
fig, ax = plt.subplots(figsize=(6.4, 2.6))
for row, size in enumerate(kept.values()):
    color = "C1" if row == 2 else "C0"
    ax.plot(size / 2**10, row, "o", color=color, ms=9)
    ax.annotate(
        f"{size / 2**10:.1f}",
        (size / 2**10, row),
        (9, -3.5),
        textcoords="offset points",
    )
ax.set_xscale("log")
ax.set_yticks(range(4), labels=kept)
ax.set(xlabel="cache per token (KiB)", xlim=(20, 9000), ylim=(3.5, -0.5))
fig.set_label(
    "Dots on a logarithmic axis of KiB per token: 3904 with keys and values of 128 "
    "heads, 244 with eight, 68.6 with the latent, 30.5 with one head."
)

# %%
# Trained from the start
# ----------------------
# A layer with a quarter of the cache, 28 latent and 4 turned features, learns the task
# beside the multi-head layers from above.

latent_curves = []
for seed in range(2):
    torch.manual_seed(seed)
    model = Recaller(
        MultiHeadLatentAttention,
        query_dim=48,
        latent_dim=28,
        nope_dim=16,
        rope_dim=4,
        value_dim=16,
    )
    latent_curves.append(train(model, MARKS, seed=seed, rate=RATE))
multi_head_weights, latent_weights = (
    sum(weight.numel() for weight in each.mix[0].parameters())
    for each in (trained, model)
)
curves, latent_curves = np.array(curves), np.array(latent_curves)
assert curves[:, -1].min() > 0.9
assert latent_curves[:, -1].min() > 0.8

fig, ax = plt.subplots()
steps = np.arange(0, 241, 40)
for y, color, label in (
    (curves, "C0", "multi-head, 128 numbers"),
    (latent_curves, "C1", "latent, 32 numbers"),
):
    ax.plot(steps, y.T, color=color, alpha=0.4, lw=1)
    ax.plot(steps, y.mean(axis=0), "o-", color=color, label=label)
ax.legend()
ax.set(xlabel="steps", ylabel="accuracy", ylim=(0, 1.05))
fig.set_label(
    "Accuracy over 240 training steps, two models each. Multi-head and latent lines "
    "stay near 0.4 for 100 steps and then rise to one, side by side."
)

v2_bits, v1_bits = latent_cache_bytes(60, 512, 64, 1), cache_bytes(95, 8, 128, 1)
measured = {
    "best_16": float(lost[:, 3].mean()),
    "best_8": float(lost[:, 2].mean()),
    "random_16": float(drawn[:, 3].mean()),
    "means_1": float(pooled[:, 0].mean()),
    "means_2": float(pooled[:, 1].mean()),
    "multi_head": float(curves[:, -1].mean()),
    "latent": float(latent_curves[:, -1].mean()),
    "cheaper": float(rebuilt[0] / absorbed[0]),
    "crossing": cross,
    "multi_head_weights": multi_head_weights,
    "latent_weights": latent_weights,
    "saved_16_bits": 1 - v2_bits / v1_bits,
    "saved_6_bits": 1 - v2_bits * 6 / 16 / v1_bits,
    "like_groups": latent_cache_bytes(1, 512, 64, 1) / cache_bytes(1, 1, 128, 1),
}
