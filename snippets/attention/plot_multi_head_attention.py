"""
Multi-head attention: several averages instead of one
=====================================================

Figures for :doc:`/attention/multi_head_attention`: what one head cannot output and
two can, who contributes what, how many heads are good, and how many can go again.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.attention.multi_head_attention import (
    MultiHeadAttention,
    contributions,
    split_heads,
)
from snippets.attention.self_attention import attention_weights, causal

torch.manual_seed(0)

# %%
# Two things at once
# ------------------
# Each position must name the symbol one back and the symbol three back. A layer of one
# head learns it, and a layer of two: where do they look?

SYMBOLS, SEQ, D_MODEL = 8, 16, 32
AHEAD = causal(SEQ, SEQ)


class Namer(nn.Module):
    def __init__(self, heads: int, hidden: int = 0):
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, D_MODEL)
        self.place = nn.Parameter(torch.randn(SEQ, D_MODEL) / 2)
        self.layer = MultiHeadAttention(d_model=D_MODEL, heads=heads)
        self.answer = nn.Linear(D_MODEL, 2 * SYMBOLS)
        if hidden:
            widen, narrow = nn.Linear(D_MODEL, hidden), nn.Linear(hidden, 2 * SYMBOLS)
            self.answer = nn.Sequential(widen, nn.ReLU(), narrow)

    def forward(self, symbols):
        x = self.symbol(symbols) + self.place
        mixed = self.layer(x, allowed=AHEAD)[:, 3:]  # the first three lack an answer
        return self.answer(mixed).unflatten(-1, (2, SYMBOLS))


def answers(symbols):
    return torch.stack([symbols[:, 2:-1], symbols[:, :-3]], dim=-1)


held_out = torch.randint(
    SYMBOLS, (200, SEQ), generator=torch.Generator().manual_seed(9)
)


def both_right(logits) -> float:
    return (logits.argmax(-1) == answers(held_out)).all(-1).float().mean().item()


def train(model: Namer, batches: int, rate: float) -> Namer:
    random = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    for _ in range(batches):
        symbols = torch.randint(SYMBOLS, (32, SEQ), generator=random)
        logits = model(symbols)
        loss = cross_entropy(logits.flatten(0, -2), answers(symbols).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@torch.no_grad()
def accuracy(model: Namer) -> float:
    return both_right(model(held_out))


@torch.no_grad()
def mean_weights(model: Namer):
    x, layer = model.symbol(held_out) + model.place, model.layer
    query, key = (
        split_heads(part(x), layer.heads) for part in (layer.query, layer.key)
    )
    return attention_weights(query, key, AHEAD).mean(dim=0)


def on(weights, back: int):
    """Weight on the position so many back, mean over the readers, for each head."""
    return weights.diagonal(-back, -2, -1)[..., 3 - back :].mean(-1)


torch.manual_seed(0)
one, two = (train(Namer(heads), 200, 1e-2) for heads in (1, 2))
maps = [*mean_weights(one), *mean_weights(two)]
assert accuracy(one) < 0.4
assert accuracy(two) > 0.98

fig, axes = plt.subplots(1, 3, sharey=True, figsize=(6.4, 2.4), layout="constrained")
titles = ("one head", "two heads: first", "two heads: second")
for ax, weights, title in zip(axes, maps, titles, strict=True):
    image = ax.imshow(weights, vmin=0, vmax=1, cmap="viridis")
    ax.set_title(title, loc="left", fontsize=10)
    ax.set(xticks=range(0, 16, 5), yticks=range(0, 16, 5), xlabel="reads position")
axes[0].set_ylabel("position")
fig.colorbar(image, ax=axes, label="weight", shrink=0.7)
fig.set_label(
    "Three heat maps of attention weights, sixteen readers by sixteen positions. The "
    "one head shows two pale diagonals, one and three back. Of two heads, each shows "
    "one bright diagonal."
)

# %%
# Who answers what
# ----------------
# The output is a sum over heads, and so are the logits: what each of the two heads adds
# to the logit of the right symbol, above what it adds to the others.


@torch.no_grad()
def shares(model: Namer):
    """Logits of each head alone, without the bias: (batch, heads, seq, 2, symbols)."""
    mixed = model.layer.mix(model.symbol(held_out) + model.place, allowed=AHEAD)
    parts = contributions(mixed, model.layer.out.weight)[..., 3:, :]
    return (parts @ model.answer.weight.T).unflatten(-1, (2, SYMBOLS))


parts = shares(two)
whole = parts.sum(1) + two.answer.bias.unflatten(0, (2, SYMBOLS))
torch.testing.assert_close(whole, two(held_out), rtol=1e-4, atol=1e-4)
right = answers(held_out)[:, None, ..., None].expand(-1, 2, -1, -1, 1)
lead = (parts.gather(-1, right)[..., 0] - parts.mean(-1)).mean(dim=(0, 2))
first = on(mean_weights(two), 1).argmax().item()  # the head that looks one back
assert lead[first, 0] > 3 * lead[first, 1].abs()
assert lead[1 - first, 1] > 3 * lead[1 - first, 0].abs()

fig, ax = plt.subplots(figsize=(6.2, 2.8))
for head in (0, 1):
    name = ("first head", "second head")[head]
    bars = ax.bar(np.arange(2) + 0.4 * head - 0.2, lead[head], 0.36, label=name)
    ax.bar_label(bars, fmt="%.1f")
ax.axhline(0, color="0.5", lw=1)
ax.set_xticks([0, 1], labels=["one back", "three back"])
ax.set(xlabel="the symbol that is asked for", ylabel="added to its logit")
ax.margins(y=0.15)
ax.legend()
fig.set_label(
    "Bars of what each head adds to the logit of the right symbol. One head adds much "
    "for one back and next to nothing for three back, the other the reverse."
)

# %%
# How many heads
# --------------
# The same width, cut into 1 to 32 heads; 50 batches at the better of two learning
# rates.

counts, early = [1, 2, 4, 8, 16, 32], {}
for heads in counts:
    tried = []
    for rate in (2e-2, 4e-2):
        torch.manual_seed(0)
        tried.append(accuracy(train(Namer(heads), 50, rate)))
    early[heads] = max(tried)

torch.manual_seed(0)
late = {32: accuracy(train(Namer(32), 120, 2e-2)), 1: accuracy(one)}
bent = accuracy(train(Namer(1, hidden=64), 100, 1e-2))
assert early[1] < 0.4
assert min(early[2], early[4], early[8]) > 0.9
assert early[32] < min(early[4] - 0.1, late[32] - 0.05)
assert bent > 0.8

fig, ax = plt.subplots()
ax.plot(counts, early.values(), "o-", label="50 batches")
ax.plot(late.keys(), late.values(), "s", color="C1", label="120 or 200 batches")
ax.plot(1, bent, "^", color="C2", ms=8, label="100 batches, hidden layer")
ax.set_xscale("log", base=2)
ax.set_xticks(counts, labels=[f"{n}\n{D_MODEL // n}" for n in counts])
ax.minorticks_off()
ax.set(
    xlabel="heads, and features of each", ylabel="both answers right", ylim=(0, 1.05)
)
ax.legend(loc="lower center")
fig.set_label(
    "Accuracy over the number of heads. After 50 batches one head has "
    f"{early[1]:.2f}, two to eight nearly one, 32 {early[32]:.2f}. With more batches "
    f"32 heads reach {late[32]:.2f} and one head {late[1]:.2f}; with a hidden layer "
    f"behind it, one head reaches {bent:.2f}."
)

# %%
# Which heads can go
# ------------------
# A layer of sixteen heads, trained to the end. Then heads are silenced, without further
# training: always the one that is missed least, or by chance.

torch.manual_seed(0)
sixteen = train(Namer(16), 200, 2e-2)
parts, bias = shares(sixteen), sixteen.answer.bias.unflatten(0, (2, SYMBOLS)).detach()


def with_heads(kept) -> float:
    return both_right(parts[:, list(kept)].sum(1) + bias)


kept, left, order = list(range(16)), [with_heads(range(16))], []
while len(kept) > 1:
    least = max(kept, key=lambda head: with_heads(h for h in kept if h != head))
    kept.remove(least)
    order.append(least)
    left.append(with_heads(kept))
random = np.random.default_rng(0)
by_chance = [
    [with_heads(random.permutation(16)[:count]) for count in range(16, 0, -1)]
    for _ in range(8)
]
weights = mean_weights(sixteen)
# How much a head looks at the one of the two places that it prefers.
focus = torch.stack([on(weights, 1), on(weights, 3)]).amax(0).numpy()
rank = np.argsort([*order, *kept])  # rank[head] is when it went
went_late = np.corrcoef(rank, np.argsort(np.argsort(focus)))[0, 1]
assert left[0] > 0.97
assert left[8] > 0.8
assert left[-1] < 0.35
assert went_late > 0.3

fig, ax = plt.subplots()
ax.plot(range(16, 0, -1), left, "o-", label="least missed first")
ax.plot(
    range(16, 0, -1), np.mean(by_chance, axis=0), "s--", label="by chance, mean of 8"
)
ax.invert_xaxis()
ax.set(xlabel="heads that are left", ylabel="both answers right", ylim=(0, 1.05))
ax.legend(loc="lower left")
fig.set_label(
    "Accuracy over the number of heads that are left, from 16 to 1. If the least "
    "missed goes first it stays near one down to about eight heads and falls below a "
    "fifth at one. By chance it falls earlier."
)

measured = {
    "one": accuracy(one),
    "two": accuracy(two),
    "one_on_1": on(maps[0], 1).item(),
    "one_on_3": on(maps[0], 3).item(),
    "two_on_1": on(maps[1 + first], 1).item(),
    "two_on_3": on(maps[2 - first], 3).item(),
    "early_1": early[1],
    "early_best": max(early.values()),
    "early_32": early[32],
    "late_32": late[32],
    "hidden": bent,
    "last": left[-1],
    "half": left[8],
    "half_by_chance": float(np.mean(by_chance, axis=0)[8]),
    "went_late": float(went_late),
}
