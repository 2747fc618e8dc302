"""
Grouped-query attention: what sharing saves, and what it costs
==============================================================

Figures for :doc:`/attention/grouped_query_attention`: how heads are wired, how the
cache shrinks, and what a trained model loses when its key and value heads are merged.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.attention.grouped_query_attention import (
    GroupedQueryAttention,
    cache_bytes,
    pool_heads,
)

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
# A task that needs attention
# ---------------------------
# Four pairs of a key and a value, then one of the keys: the model answers with the
# value that stood beside it.

PAIRS, SYMBOLS = 4, 8


def recall(count: int, random: torch.Generator):
    keys = torch.rand(count, SYMBOLS, generator=random).argsort(1)[:, :PAIRS]
    values = torch.randint(SYMBOLS, (count, PAIRS), generator=random)
    pairs = torch.stack([keys, SYMBOLS + values], dim=-1).flatten(1)
    asked = torch.randint(PAIRS, (count, 1), generator=random)
    question, answer = keys.gather(1, asked), values.gather(1, asked)
    return torch.cat([pairs, question], dim=1), answer[:, 0]


class Recaller(nn.Module):
    def __init__(self, kv_heads: int, d_model: int = 64):
        super().__init__()
        sizes = {"d_model": d_model, "heads": 8, "kv_heads": kv_heads}
        self.symbol = nn.Embedding(2 * SYMBOLS, d_model)
        self.position = nn.Embedding(2 * PAIRS + 1, d_model)
        self.mix = nn.ModuleList(GroupedQueryAttention(**sizes) for _ in range(2))
        self.norm = nn.ModuleList(nn.RMSNorm(d_model) for _ in range(2))
        self.answer = nn.Linear(d_model, SYMBOLS)

    def forward(self, tokens):
        x = self.symbol(tokens) + self.position.weight
        for norm, mix in zip(self.norm, self.mix, strict=True):
            x = x + mix(norm(x))
        return self.answer(x[:, -1])


def train(model: Recaller, steps: int, learning_rate: float, seed: int) -> Recaller:
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(steps):
        tokens, answer = recall(64, random)
        loss = cross_entropy(model(tokens), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def accuracy(model: Recaller) -> float:
    tokens, answer = recall(1000, torch.Generator().manual_seed(99))
    with torch.no_grad():
        return (model(tokens).argmax(-1) == answer).float().mean().item()


# %%
# Converting it
# -------------
# Three multi-head models are trained for 400 steps. Their eight key and value heads
# become four, two or one: the mean of each group, its first head, or new random ones.
# Twenty more steps, 5 % of the training, follow. A new model gets the same twenty.


def first_heads(weight, *, heads, kv_heads):
    return weight.unflatten(0, (kv_heads, heads // kv_heads, -1))[:, 0].flatten(0, 1)


def convert(trained: Recaller, kv_heads: int, pool) -> Recaller:
    model = Recaller(kv_heads)
    weights = trained.state_dict()
    for name in [n for n in weights if n.endswith(("key.weight", "value.weight"))]:
        weight = weights.pop(name)
        if pool is not None:
            weights[name] = pool(weight, heads=8, kv_heads=kv_heads)
    model.load_state_dict(weights, strict=False)
    return model


pools = {"mean": pool_heads, "first head": first_heads, "random": None}
cases = [(name, kv_heads) for kv_heads in (4, 2, 1) for name in pools]
before, after = {case: [] for case in cases}, {case: [] for case in cases}
original, scratch = [], []
for seed in range(3):
    torch.manual_seed(seed)
    multi_head = train(Recaller(8), steps=400, learning_rate=3e-3, seed=seed)
    original.append(accuracy(multi_head))
    for name, kv_heads in cases:
        model = convert(multi_head, kv_heads, pools[name])
        before[name, kv_heads].append(accuracy(model))
        train(model, steps=20, learning_rate=1e-3, seed=seed + 50)
        after[name, kv_heads].append(accuracy(model))
    new = train(Recaller(4), steps=20, learning_rate=1e-3, seed=seed + 50)
    scratch.append(accuracy(new))

assert min(original) > 0.98
assert min(after["mean", 4]) > 0.95
assert max(after["random", 4]) < 0.5 < min(after["first head", 4])
assert max(after["mean", 2]) < 0.9
assert max(after["mean", 1]) < 0.8
assert max(scratch) < 0.5

fig, ax = plt.subplots()
for offset, name in enumerate(pools):
    x = [i + 0.27 * (offset - 1) for i in range(3)]
    means = [sum(after[name, n]) / 3 for n in (4, 2, 1)]
    ax.bar(x, means, width=0.25, label=name, alpha=0.6)
    for place, n in zip(x, (4, 2, 1), strict=True):
        ax.plot([place] * 3, after[name, n], "o", color=f"C{offset}", ms=5)
        ax.plot([place] * 3, before[name, n], "_", color="0.5", ms=14, mew=2)
ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
ax.set_xticks(range(3), labels=["4", "2", "1"])
ax.set(xlabel="key/value heads after conversion", ylabel="accuracy", ylim=(0, 1.2))
ax.legend(ncols=3, loc="upper center")
fig.set_label(
    "Bars of accuracy after twenty more steps, with a dot for each of three models. "
    "With four heads mean and first head are near one, random heads near 0.3; with two "
    "and with one head all fall, and mean and first head overlap. Gray marks show the "
    "accuracy right after conversion, a dotted line that of guessing."
)


# %%
# Which head is kept
# ------------------
# In the last of these models all heads but one are silenced, each in turn: the
# accuracy that is left foretells that of a conversion which keeps this head for all.


def silence_all_but(trained: Recaller, head: int) -> Recaller:
    model = Recaller(8)
    model.load_state_dict(trained.state_dict())
    for mix in model.mix:
        others = torch.arange(64) // 8 != head
        mix.out.weight.data[:, others] = 0
    return model


alone, kept = [], []
for head in range(8):
    alone.append(accuracy(silence_all_but(multi_head, head)))

    def keep(weight, head=head, **sizes):
        return weight.unflatten(0, (8, -1))[head]

    model = train(convert(multi_head, 1, keep), 20, 1e-3, seed=52)
    kept.append(accuracy(model))
correlation = torch.corrcoef(torch.tensor([alone, kept]))[0, 1].item()
assert correlation > 0.8

fig, ax = plt.subplots()
ax.plot(alone, kept, "o")
ax.margins(0.1)
for head, place in enumerate(zip(alone, kept, strict=True)):
    ax.annotate(f"{head}", place, xytext=(5, -11), textcoords="offset points")
ax.set(xlabel="accuracy with this head alone", ylabel="accuracy after keeping it")
fig.set_label(
    "Eight points, one per head, close to a rising line: heads that answer well alone "
    "give a good model when they become the only key/value head."
)


def average(values) -> float:
    return sum(values) / len(values)


measured = {
    "original": average(original),
    "mean_4_before": average(before["mean", 4]),
    "mean_4": average(after["mean", 4]),
    "mean_2": average(after["mean", 2]),
    "mean_1": average(after["mean", 1]),
    "first_1": average(after["first head", 1]),
    "random_4": average(after["random", 4]),
    "scratch_4": average(scratch),
    "kept_correlation": correlation,
    "kept_best": max(kept),
    "kept_worst": min(kept),
    "kept_over_random": average(after["mean", 4] + after["first head", 4])
    - average(after["random", 4]),
    "mean_over_first": average(after["mean", 4] + after["mean", 2] + after["mean", 1])
    - average(after["first head", 4] + after["first head", 2] + after["first head", 1]),
}
