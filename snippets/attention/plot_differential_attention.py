"""
Differential attention: what a difference of maps cancels
=========================================================

Figures for :doc:`/attention/differential_attention`: two maps that share their noise,
how much is best subtracted, and what trained models make of it, with scores of limited
size and with ordinary layers.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss, normalize, one_hot

from snippets.attention.differential_attention import (
    DifferentialAttention,
    Strength,
    differential_weights,
)
from snippets.attention.grouped_query_attention import GroupedQueryAttention

torch.manual_seed(0)

# %%
# Two maps and their difference
# -----------------------------
# The scores of both maps have the same noise, and a little of their own. The first
# also has a signal: 4 more at one key.


def maps(samples: int, keys: int, common: float, private: float):
    """Two maps over ``keys``, of noise in common and of their own; signal at key 0."""
    shared = common * torch.randn(samples, 1, keys)
    scores = shared + private * torch.randn(samples, 2, keys)
    scores[:, 0, 0] += 4
    return scores.softmax(dim=-1).unbind(dim=1)


def share(weights: torch.Tensor, key: torch.Tensor | int = 0) -> float:
    """Of all absolute weights, the part that is on ``key``; a mean over samples."""
    on_key = weights.abs()[torch.arange(len(weights)), key]
    return (on_key / weights.abs().sum(dim=-1)).mean().item()


KEYS, AT = 64, 20  # the signal is drawn among the noise
first, second = maps(1, KEYS, common=1.0, private=0.3)
drawn = {"first": first, "second": second, "first - 0.8 second": first - 0.8 * second}
fig, axes = plt.subplots(3, sharex=True, sharey=True, figsize=(6.2, 4.4))
for ax, (name, weights) in zip(axes, drawn.items(), strict=True):
    heights = torch.cat([weights[0, 1 : AT + 1], weights[0, :1], weights[0, AT + 1 :]])
    ax.bar(range(KEYS), heights, color=["C1" if k == AT else "C0" for k in range(KEYS)])
    note = f"{name}: {share(weights):.0%} on the signal"
    ax.text(0.0, 1.02, note, va="bottom", transform=ax.transAxes)
axes[1].set(ylabel="weight")
axes[2].set(xlabel="key")
fig.set_label(
    "Three rows of 64 bars. The first map has an orange bar among blue ones, of which "
    "one is taller; the second map has nearly the same blue bars and no orange one. In "
    "the difference blue bars are small, some below zero, and orange stands out."
)
assert share(first - 0.8 * second) > 2 * share(first)

# %%
# How much to subtract
# --------------------
# The share of the signal over the factor, for 256 keys and noise of the same size, of
# which nearly all, half or nothing is common to both maps.

factors = torch.linspace(0, 1, 21)
total = 1.0**2 + 0.3**2
kinds = {
    "92 % in common": (1.0, 0.3),
    "half in common": ((total / 2) ** 0.5, (total / 2) ** 0.5),
    "nothing in common": (0.0, total**0.5),
}
fig, ax = plt.subplots()
shares = {}
for name, (common, private) in kinds.items():
    first, second = maps(1000, 256, common, private)
    shares[name] = np.array([share(first - factor * second) for factor in factors])
    ax.plot(factors, shares[name], label=name)
ax.set(xlabel="factor of the second map", ylabel="share of the signal", ylim=(0, 0.35))
ax.legend(title="variance of the noise", loc="lower right")
fig.set_label(
    "Share of the signal over the factor from 0 to 1; all curves start near 0.15. With "
    "92 percent of the noise in common it doubles, to 0.29 near a factor of 0.75. "
    "With half or nothing in common it rises a little and then falls."
)

common, unlike = shares["92 % in common"], shares["nothing in common"]
assert 0.5 < factors[common.argmax()] < 0.95
assert common[16] > 1.7 * common[0]  # the factor there is 0.8
assert unlike[16] < 1.05 * unlike[0]

# %%
# Scores of limited size
# ----------------------
# A query, a noisy copy of one of 64 keys, asks for its value. Scores are 4 times the
# cosine, so that no map can become sharp. Three readers: one map, the sum of two, and
# the difference; the learning rate is the best of 0.01, 0.02 and 0.05 for each.


class Reader(nn.Module):
    def __init__(self, kind: str):
        super().__init__()
        self.kind, self.count = kind, 1 if kind == "one map" else 2
        self.query, self.key = (nn.Linear(16, 32, bias=False) for _ in range(2))
        self.out = nn.Linear(8, 8, bias=False)
        nn.init.eye_(self.out.weight)
        self.strength = Strength(head_dim=16, layer=1)

    def weights(self, query, key):
        query, key = (
            normalize(part(x).unflatten(-1, (self.count, -1)).transpose(1, 2), dim=-1)
            for part, x in ((self.query, query), (self.key, key))
        )
        if self.kind == "one map":
            return (4 * query @ key.mT).softmax(dim=-1)[:, 0, 0]
        strength = self.strength() if self.kind == "difference" else -1.0
        scaled = 4 * query * query.shape[-1] ** 0.5
        return differential_weights(scaled[:, None], key[:, None], strength)[:, 0, 0]

    def forward(self, query, key, value):
        return self.out((self.weights(query, key)[:, None] @ value)[:, 0])


def questions(count: int, random: torch.Generator):
    key = normalize(torch.randn(count, 64, 16, generator=random), dim=-1)
    value = torch.randn(count, 64, 8, generator=random)
    asked = torch.randint(64, (count,), generator=random)
    query = key[torch.arange(count), asked]
    query = query + 0.125 * torch.randn(count, 16, generator=random)
    return normalize(query, dim=-1)[:, None], key, value, asked


def read(kind: str, rate: float, seed: int) -> tuple[float, float]:
    """Error and share of a trained reader on new questions."""
    torch.manual_seed(seed)
    reader, random = Reader(kind), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(reader.parameters(), lr=rate, fused=True)
    for _ in range(250):
        query, key, value, asked = questions(32, random)
        loss = mse_loss(reader(query, key, value), value[torch.arange(32), asked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        query, key, value, asked = questions(1000, torch.Generator().manual_seed(99))
        error = mse_loss(reader(query, key, value), value[torch.arange(1000), asked])
        return error.item(), share(reader.weights(query, key), asked)


rates = {"one map": 0.02, "sum of two": 0.02, "difference": 0.05}
read_by = {
    kind: np.array(
        [read(kind, rate, seed) for seed in range(1 + (kind != "sum of two"))]
    )
    for kind, rate in rates.items()
}
error = {kind: found[:, 0].mean() for kind, found in read_by.items()}
answer = {kind: found[:, 1].mean() for kind, found in read_by.items()}
assert error["difference"] < 0.7 * error["one map"]
assert answer["difference"] > 1.3 * answer["one map"]
assert abs(error["sum of two"] / error["one map"] - 1) < 0.15

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.2, 2.6))
for at, found in enumerate(read_by.values()):
    for ax, values in zip(axes, found.T, strict=True):
        ax.plot(values, np.full(len(values), at), "o", color=f"C{at}", alpha=0.6, ms=10)
axes[0].set(xlabel="mean squared error", xlim=(0, 0.3), ylim=(2.5, -0.5))
axes[1].set(xlabel="share of the answer", xlim=(0, 0.45))
axes[0].set_yticks(range(3), labels=read_by)
fig.set_label(
    "Points for three readers. One map and the sum of two have an error near 0.25 and "
    "give the answer 0.26 of their attention; the difference has an error near 0.15 "
    "and gives it 0.37."
)

# %%
# Ordinary layers
# ---------------
# Here keys have any length, and so have scores. One layer answers questions about 24
# items: multi-head with two heads, differential with one head of two maps, and the
# same layer with nothing subtracted. Of the learning rates 0.003, 0.01 and 0.03 the
# second is the best for each; the first shows what too little training does.

ITEMS, CLASSES, D_MODEL = 24, 8, 32


def items(count: int, random: torch.Generator):
    keys = 4 * normalize(torch.randn(count, ITEMS, 16, generator=random), dim=-1)
    labels = torch.randint(CLASSES, (count, ITEMS), generator=random)
    asked = torch.randint(ITEMS, (count,), generator=random)
    x = torch.zeros(count, ITEMS + 1, D_MODEL)
    x[:, :ITEMS, :16], x[:, :ITEMS, 16:24] = keys, 2 * one_hot(labels, CLASSES)
    noise = 0.6 * torch.randn(count, 16, generator=random)
    x[:, ITEMS, :16], x[:, ITEMS, 24] = keys[torch.arange(count), asked] + noise, 2
    return x, labels[torch.arange(count), asked]


class Nothing(nn.Module):
    """In place of the learned factor: nothing is subtracted."""

    initial = 0.2

    def forward(self):
        return 0.0


def layer(kind: str) -> nn.Module:
    if kind == "multi-head":
        return GroupedQueryAttention(d_model=D_MODEL, heads=2, kv_heads=2)
    made = DifferentialAttention(d_model=D_MODEL, heads=1, layer=1)
    if kind == "nothing subtracted":
        made.strength = Nothing()
    return made


def largest_score(attention: nn.Module, x: torch.Tensor) -> float:
    """Of the last query, among all keys, both maps or heads and all samples."""
    query, key = (
        project(x).unflatten(-1, (2, 16)).transpose(1, 2)
        for project in (attention.query, attention.key)
    )
    return (query[:, :, -1:] @ key.mT / 16**0.5).abs().max().item()


def train(kind: str, rate: float, seed: int) -> tuple[list[float], float]:
    """Accuracy every ten steps, and the largest score at the end."""
    torch.manual_seed(seed)
    model = nn.Sequential(layer(kind), nn.Linear(D_MODEL, CLASSES))
    random = torch.Generator().manual_seed(seed)
    test, label = items(300, torch.Generator().manual_seed(99))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    accuracy = []
    for step in range(1, 131):
        x, answer = items(32, random)
        loss = cross_entropy(model(x)[:, -1], answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            with torch.no_grad():
                found = model(test)[:, -1].argmax(dim=-1)
            accuracy.append((found == label).float().mean().item())
    with torch.no_grad():
        return accuracy, largest_score(model[0], test)


layers = ("multi-head", "differential", "nothing subtracted")
trained = {
    (rate, kind): [train(kind, rate, seed) for seed in range(2)]
    for rate in (0.01, 0.003)
    for kind in layers
}
last = {key: np.mean([run[0][-1] for run in runs]) for key, runs in trained.items()}
score = {key: np.mean([run[1] for run in runs]) for key, runs in trained.items()}
tuned, slow = ([last[rate, kind] for kind in layers] for rate in (0.01, 0.003))
assert min(tuned) > 0.88
assert max(tuned) - min(tuned) < 0.05
assert slow[1] > max(slow[0], slow[2]) + 0.02
for rate in (0.01, 0.003):
    others = [score[rate, kind] for kind in layers[1:]]
    assert max(others) < 0.95 * score[rate, "multi-head"]

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 3.4))
for ax, rate in zip(axes, (0.01, 0.003), strict=True):
    for color, kind in enumerate(layers):
        curves = np.array([run[0] for run in trained[rate, kind]])
        style = "--" if kind == "nothing subtracted" else "-"
        steps = range(10, 131, 10)
        ax.plot(steps, curves.T, style, color=f"C{color}", lw=1, alpha=0.5)
        ax.plot(steps, curves.mean(axis=0), style, color=f"C{color}", lw=2, label=kind)
    ax.set(xlabel="training steps", ylim=(0, 1), title=f"learning rate {rate}")
axes[0].set(ylabel="accuracy")
axes[1].legend(loc="upper left", fontsize=9)
fig.set_label(
    "Accuracy over 130 training steps of three layers. At the learning rate 0.01 all "
    "rise together to about 0.95. At 0.003 all are slower, and the differential layer "
    "is ahead of multi-head and of the layer that subtracts nothing."
)

measured = {
    "share_0": float(common[0]),
    "share_best": float(common.max()),
    "best_factor": float(factors[common.argmax()]),
    "share_unlike": float(unlike[16] / unlike[0]),
    "error_one": float(error["one map"]),
    "error_sum": float(error["sum of two"]),
    "error_difference": float(error["difference"]),
    "answer_one": float(answer["one map"]),
    "answer_difference": float(answer["difference"]),
    "accuracy_multi": float(last[0.01, "multi-head"]),
    "accuracy_difference": float(last[0.01, "differential"]),
    "accuracy_nothing": float(last[0.01, "nothing subtracted"]),
    "slow_multi": float(last[0.003, "multi-head"]),
    "slow_difference": float(last[0.003, "differential"]),
    "slow_nothing": float(last[0.003, "nothing subtracted"]),
    "score_multi": float(score[0.01, "multi-head"]),
    "score_difference": float(score[0.01, "differential"]),
    "score_nothing": float(score[0.01, "nothing subtracted"]),
    "slow_score_multi": float(score[0.003, "multi-head"]),
    "slow_score_difference": float(score[0.003, "differential"]),
    "slow_score_nothing": float(score[0.003, "nothing subtracted"]),
}
