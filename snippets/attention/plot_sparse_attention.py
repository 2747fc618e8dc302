"""
Sparse attention: an indexer learns where to look
=================================================

Figures for :doc:`/attention/sparse_attention`: what reading few keys saves, how the
indexer of a trained layer warms up, and what is lost when the layer then reads only the
keys that it chooses.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.attention.multi_head_latent_attention import MultiHeadLatentAttention
from snippets.attention.sparse_attention import (
    SparseLatentAttention,
    choose,
    dense_multiplications,
    index_loss,
    index_multiplications,
)

# %%
# What a token costs
# ------------------
# Multiplications of one new token in one layer, in the sizes of DeepSeek-V3.2.

kept = np.geomspace(512, 2**17, 300).astype(int)
dense = np.array([dense_multiplications(n, 128, 512, 64) for n in kept])
index = np.array([index_multiplications(n, 64, 128) for n in kept])
few = np.array([dense_multiplications(min(n, 2048), 128, 512, 64) for n in kept])
dense_one = dense_multiplications(1, 128, 512, 64)
index_one = index_multiplications(1, 64, 128)
cross = 2048 * dense_one / (dense_one - index_one)
assert np.array_equal(index + few < dense, kept > cross)

fig, ax = plt.subplots()
ax.loglog(kept, dense, label="all keys")
ax.loglog(kept, index + few, label="2048 keys and the indexer")
ax.loglog(kept, index, "--", color="C1", label="the indexer alone")
ax.set_xticks([512, 2048, 8192, 32768, 131072], minor=False)
ax.set_xticks([], minor=True)
ax.set_xticklabels(["512", "2 k", "8 k", "32 k", "128 k"])
ax.set(xlabel="tokens in the cache", ylabel="multiplications")
ax.legend()
fig.set_label(
    "Multiplications of one new token over 512 to 128 thousand cached tokens, both "
    "axes logarithmic. Reading all keys grows in proportion. With 2048 keys and the "
    "indexer the line lies a little above it, bends at 2048 tokens, crosses it soon "
    "after and ends 13 times lower, most of it the indexer, whose own dashed line runs "
    "parallel to the first."
)

# %%
# A task for attention
# --------------------
# Each of 64 kinds of tokens has a label, drawn anew for each sequence. Half of the
# tokens show theirs; for the others the layer must find a token of the same kind.

SEQ, KINDS, LABELS, D_MODEL = 256, 64, 8, 64
torch.manual_seed(7)
prototype = torch.randn(KINDS, D_MODEL - LABELS)


def sequences(count: int, random: torch.Generator):
    """Tokens, labels, and which labels are hidden here but shown before."""
    kind = torch.randint(KINDS, (count, SEQ), generator=random)
    label = torch.randint(LABELS, (count, KINDS), generator=random).gather(1, kind)
    hidden = torch.rand(count, SEQ, generator=random) < 0.5
    noise = torch.randn(count, SEQ, D_MODEL - LABELS, generator=random)
    shown = 3 * torch.eye(LABELS)[label] * ~hidden[..., None]
    same = kind[:, :, None] == kind[:, None, :]
    seen = (same & ~hidden[:, None, :]).tril(-1).any(dim=-1)
    return (
        torch.cat([prototype[kind] + 0.3 * noise, shown], dim=-1),
        label,
        hidden & seen,
    )


class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = {"latent_dim": 32, "nope_dim": 16, "rope_dim": 4, "value_dim": 16}
        sizes |= {"d_model": D_MODEL, "heads": 4, "query_dim": 48}
        self.mix = SparseLatentAttention(top_k=8, index_heads=2, index_dim=16, **sizes)
        self.answer = nn.Linear(D_MODEL, LABELS)

    def dense(self, x):
        return self.answer(MultiHeadLatentAttention.forward(self.mix, x))


def train(parameters, loss_of, steps: int) -> None:
    optimizer = torch.optim.Adam(parameters, lr=5e-3, fused=True)
    for step in range(steps):
        loss = loss_of(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


random = torch.Generator().manual_seed(0)
model = Finder()


def task_loss(_):
    x, label, asked = sequences(4, random)
    return cross_entropy(model.dense(x)[asked], label[asked])


train([p for n, p in model.named_parameters() if "indexer" not in n], task_loss, 180)

# %%
# The warm-up
# -----------
# All but the indexer stands still. The film shows the attention of 48 queries of one
# sequence, dark, and the eight keys that the indexer chooses for each.

example, _, _ = sequences(1, torch.Generator().manual_seed(3))
test = sequences(6, torch.Generator().manual_seed(99))
with torch.no_grad():
    untrained = model.mix.index(test[0])
frames = []


def warm_up_loss(step: int):
    if step % 20 == 0:
        with torch.no_grad():
            frames.append((step, choose(model.mix.index(example), 8)[0, -48:]))
    x, _, _ = sequences(4, random)
    return index_loss(model.mix.index(x), model.mix.attention(x))


train(model.mix.indexer.parameters(), warm_up_loss, 101)

target = model.mix.attention(example)[0, :, -48:].mean(dim=0)
fig, ax = plt.subplots(figsize=(6.4, 3.6))
extent = (-0.5, SEQ - 0.5, SEQ - 0.5, SEQ - 48.5)
ax.imshow(target.sqrt(), cmap="Blues", aspect="auto", extent=extent)
(dots,) = ax.plot([], [], "s", mfc="none", mec="C1", ms=3.5, mew=0.8)
title = ax.set_title("")
ax.set(xlabel="key (position)", ylabel="query (position)")
fig.set_label(
    "Map of the attention of 48 queries to 256 keys, with a square at each of the "
    "eight keys that the indexer chooses per query. At first the squares have nothing "
    "to do with the dark cells; after 100 steps nearly every dark cell has its square."
)


def draw(frame):
    step, index = frame
    rows = torch.arange(SEQ - 48, SEQ)[:, None].expand_as(index)
    dots.set_data(index.flatten(), rows.flatten())
    mass = target.gather(-1, index).sum(dim=-1).mean()
    title.set_text(f"{step} steps: {mass:.0%} of the attention")


warming = FuncAnimation(fig, draw, frames=frames, interval=500)

# %%
# How much of the attention is found
# ----------------------------------
# The share that falls on the keys that are read, for queries of the second half.

counts = (4, 8, 16, 32, 64)


def choices(count: int) -> dict[str, torch.Tensor]:
    last = torch.arange(SEQ)[:, None] - torch.arange(count)
    return {
        "best": choose(model.mix.attention(test[0]).mean(dim=1), count),
        "indexer": choose(model.mix.index(test[0]), count),
        "untrained": choose(untrained, count),
        "last keys": last.clamp(min=0).expand(len(test[0]), -1, -1),
    }


def judge(index: torch.Tensor) -> tuple[float, float]:
    """Attention found, and accuracy when nothing else is read."""
    x, label, asked = test
    mixed, _ = model.mix.attend(x, index)
    right = model.answer(mixed).argmax(dim=-1) == label
    found = model.mix.attention(x).mean(dim=1).gather(-1, index).sum(dim=-1)
    half = SEQ // 2
    accuracy = right[:, half:][asked[:, half:]].float().mean()
    return found[:, half:].mean().item(), accuracy.item()


counts = (4, 8, 16, 32, 64)
with torch.no_grad():
    judged = [{name: judge(i) for name, i in choices(n).items()} for n in counts]
    itself = judge(torch.arange(SEQ)[:, None].expand(len(test[0]), -1, -1))[0]
    dense_accuracy = judge(torch.arange(SEQ).expand(len(test[0]), SEQ, -1))[1]
# (counts, found and accuracy) for each way to choose
best, indexer, before, last = (
    np.array([at[name] for at in judged]) for name in judged[0]
)

assert dense_accuracy > 0.9
assert indexer[1:, 0].min() > 0.7
assert indexer[1, 0] > 2 * last[1, 0]
assert itself > 0.6 * last[1, 0]
assert indexer[1:, 1].min() > dense_accuracy - 0.06
assert before[1, 1] < 0.4 > last[1, 1]


def compare(which: int, label: str):
    fig, ax = plt.subplots()
    ax.plot(counts, best[:, which], "--", color="0.5", label="best")
    ax.plot(counts, indexer[:, which], "o-", label="indexer")
    ax.plot(counts, before[:, which], "s-", label="untrained")
    ax.plot(counts, last[:, which], "^-", label="last keys")
    ax.set_xscale("log", base=2)
    ax.set_xticks(counts, labels=counts)
    ax.set(xlabel="keys that are read, of 256", ylabel=label, ylim=(0, 1.05))
    return fig, ax


fig, ax = compare(0, "attention found")
ax.legend(loc="center left", bbox_to_anchor=(0, 0.48))
fig.set_label(
    "Share of attention found over keys read, 4 to 64. The indexer runs a little below "
    "the best choice and both end near one; the last keys rise from about 0.2 to below "
    "0.5, the untrained indexer from almost nothing to about a third."
)

# %%
# What the answers lose
# ---------------------
# The accuracy when only those keys are read, without training the layer further.

fig, ax = compare(1, "accuracy")
ax.axhline(dense_accuracy, color="0.5", ls=":")
ax.text(64, dense_accuracy - 0.02, "all keys", ha="right", va="top")
ax.legend(loc="center left", bbox_to_anchor=(0, 0.48))
fig.set_label(
    "Accuracy over keys read. With the indexer it is close to that of all keys from "
    "eight keys on; the untrained indexer and the last keys start below 0.2 and are "
    "far from it even with 64 keys."
)

measured = {
    "crossing": cross,
    "index_share": index_one / dense_one,
    "found_8": float(indexer[1, 0]),
    "best_8": float(best[1, 0]),
    "untrained_8": float(before[1, 0]),
    "last_8": float(last[1, 0]),
    "found_64": float(indexer[4, 0]),
    "last_64": float(last[4, 0]),
    "accuracy_dense": float(dense_accuracy),
    "accuracy_8": float(indexer[1, 1]),
    "accuracy_4": float(indexer[0, 1]),
    "accuracy_best_4": float(best[0, 1]),
    "accuracy_untrained_8": float(before[1, 1]),
    "accuracy_last_8": float(last[1, 1]),
}
