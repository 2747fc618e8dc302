"""
Self-attention: where a position looks
======================================

Figures for :doc:`/attention/self_attention`: one head that learns to look things up,
why its scores are divided by the root of their width, and the average that attention
was before anything was learned.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.attention.self_attention import (
    SelfAttention,
    attention,
    attention_weights,
    causal,
)

torch.manual_seed(0)

# %%
# A head learns to look up
# ------------------------
# Sixteen pairs of a symbol and a value in random order, then a symbol alone: the head
# answers with the value that stood beside it. A row shows one question, asked of the
# same pairs.

SYMBOLS = 16
ALONE = SYMBOLS  # the "value" of the question


def lookups(count: int, random: torch.Generator):
    symbols = torch.rand(count, SYMBOLS, generator=random).argsort(dim=1)
    values = torch.randint(0, SYMBOLS, (count, SYMBOLS), generator=random)
    place = torch.randint(0, SYMBOLS, (count, 1), generator=random)
    symbols = torch.cat([symbols, symbols.gather(1, place)], dim=1)
    answer = values.gather(1, place).flatten()
    values = torch.cat([values, torch.full_like(place, ALONE)], dim=1)
    return symbols, values, place.flatten(), answer


class Reader(nn.Module):
    def __init__(self, head_dim: int, scaled: bool = True):
        super().__init__()
        self.symbol, self.value = nn.Embedding(SYMBOLS, 32), nn.Embedding(17, 32)
        self.head = SelfAttention(d_model=32, head_dim=head_dim)
        self.answer = nn.Linear(head_dim, SYMBOLS)
        self.undo = 1.0 if scaled else head_dim**0.5

    def weights(self, symbols, values):
        x = self.symbol(symbols) + self.value(values)
        query = self.undo * self.head.query(x[:, -1:])
        return attention_weights(query, self.head.key(x)), self.head.value(x)

    def forward(self, symbols, values):
        weights, value = self.weights(symbols, values)
        return self.answer((weights @ value)[:, 0])


def train(model: Reader, steps: int, rate: float, watch=lambda: None) -> Reader:
    random = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    for _ in range(steps):
        watch()
        symbols, values, _, answer = lookups(64, random)
        loss = cross_entropy(model(symbols, values), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    watch()
    return model


@torch.no_grad()
def evaluate(model: Reader) -> tuple[float, float]:
    """Share of right answers, and the mean weight on the pair that matches."""
    symbols, values, place, answer = lookups(500, torch.Generator().manual_seed(9))
    right = model(symbols, values).argmax(-1) == answer
    weights = model.weights(symbols, values)[0][:, 0]
    return right.float().mean().item(), weights.gather(1, place[:, None]).mean().item()


reader, frames = Reader(head_dim=32), []
symbols, values, *_ = lookups(1, torch.Generator().manual_seed(7))
symbols, values = symbols.repeat(SYMBOLS, 1), values.repeat(SYMBOLS, 1)
symbols[:, -1] = symbols[0, :-1]  # question 0 asks for pair 0, and so on


@torch.no_grad()
def watch():
    frames.append(reader.weights(symbols, values)[0][:, 0].numpy())


train(reader, 200, 1e-2, watch)
right, on_match = evaluate(reader)
assert right > 0.98
assert on_match > 0.95

shown = [0, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 80, 120, 200]
fig, ax = plt.subplots(figsize=(6.2, 4.4))
image = ax.imshow(frames[0], vmin=0, vmax=1, cmap="viridis")
fig.colorbar(image, label="attention weight", shrink=0.85)
ax.set(xlabel="position that is read (16 is the question)", ylabel="question")
ax.set(xticks=range(0, 17, 4), yticks=range(0, 16, 4))
fig.set_label(
    "Heat map of attention weights, sixteen questions by seventeen positions. Before "
    "training the weights are spread over the row; after 200 steps each row is bright "
    "at one position, so that the diagonal stands out and the rest is dark."
)


def draw(step: int):
    image.set_data(frames[step])
    ax.set_title(f"after {step} batches", loc="left")


animation = FuncAnimation(fig, draw, shown, interval=500)

# %%
# The width of a score
# --------------------
# Queries and keys of independent numbers with variance one, 64 keys for each query:
# how much of the row does its largest weight take?

head_dims = [2**n for n in range(1, 11)]
spread, largest = [], {"divided": [], "not divided": []}
for head_dim in head_dims:
    query, key = torch.randn(100, 1, head_dim), torch.randn(100, 64, head_dim)
    spread.append((query @ key.mT).var().item() / head_dim)
    for name, factor in zip(largest, (1, head_dim**0.5), strict=True):
        weights = attention_weights(factor * query, key)
        largest[name].append(weights.amax(-1).mean().item())

assert all(0.8 < ratio < 1.2 for ratio in spread)
assert max(largest["divided"]) < 0.25
assert largest["not divided"][-1] > 0.8

fig, ax = plt.subplots()
for name, line in largest.items():
    ax.plot(head_dims, line, "o-", label=name)
ax.axhline(1 / 64, color="0.5", ls=":")
ax.text(2, 1 / 64 + 0.02, "even weights")
ax.set_xscale("log", base=2)
ax.set_xticks(head_dims[::3], labels=[str(n) for n in head_dims[::3]])
ax.minorticks_off()
ax.set(xlabel="features of a query (head_dim)", ylabel="largest of 64 weights")
ax.set(ylim=(0, 1))
ax.legend(title="scores")
fig.set_label(
    "Two lines over the number of features, from 2 to 1024. Divided by its root, the "
    "largest of 64 weights stays between 0.1 and 0.2; not divided, it rises to 0.9."
)

# %%
# Learning without the division
# -----------------------------
# The task from above, 100 batches, with learning rates around the best one.

rates = {16: (3e-3, 1e-2, 3e-2), 128: (3e-4, 1e-3, 3e-3)}
learned = {}
for head_dim, tried in rates.items():
    for scaled in (True, False):
        learned[head_dim, scaled] = []
        for rate in tried:
            torch.manual_seed(0)
            model = train(Reader(head_dim, scaled), 100, rate)
            learned[head_dim, scaled].append(evaluate(model)[0])

best = {setting: max(line) for setting, line in learned.items()}
assert min(best[16, True], best[128, True]) > 0.9
assert best[128, False] < 0.6

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 3.2), layout="constrained")
for ax, (head_dim, tried) in zip(axes, rates.items(), strict=True):
    for scaled, name in ((True, "divided"), (False, "not divided")):
        ax.plot(tried, learned[head_dim, scaled], "o-", label=name)
    ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
    ax.set_xscale("log")
    ax.set_xticks(tried, labels=[f"{rate:g}" for rate in tried])
    ax.minorticks_off()
    ax.set(xlabel="learning rate", ylim=(0, 1.05))
    ax.set_title(f"{head_dim} features", loc="left")
axes[0].set_ylabel("right answers")
axes[0].legend(title="scores", loc="lower left", bbox_to_anchor=(0, 0.12))
fig.get_layout_engine().set(wspace=0.08)
fig.set_label(
    "Right answers after 100 batches over the learning rate, for heads of 16 and of "
    "128 features. With division both reach nearly all. Without it 16 features get to "
    "about 0.8 at best, and 128 features stay near a fifth."
)

# %%
# An average by distance
# ----------------------
# With queries and keys set by hand the weight falls off with the distance of two
# points, like a bell of a chosen width. Nothing is learned, and attention smooths.


def smooth(at, points, heard, width: float):
    """``-(at - point)**2 / 2`` but for what is the same for all points of a row."""
    query = torch.stack([at, torch.ones_like(at)], dim=1) * 2**0.5 / width**2
    key = torch.stack([points, -(points**2) / 2], dim=1)
    return attention(query, key, heard[:, None])[:, 0]


noise = torch.from_numpy(np.random.default_rng(0).normal(size=40))
points = torch.linspace(0, 6, 40).double()
heard = torch.sin(points) + 0.4 * noise
at = torch.linspace(0, 6, 200).double()
error = {}

fig, ax = plt.subplots()
ax.plot(points, heard, "o", color="0.5", ms=4, zorder=3)
for width in (0.03, 0.4, 3.0):
    curve = smooth(at, points, heard, width)
    error[width] = (curve - torch.sin(at)).square().mean().sqrt().item()
    ax.plot(at, curve, label=f"{width:g}", lw=1 if width < 0.1 else 2)
assert error[0.4] < 0.2 < 0.25 < min(error[0.03], error[3.0])
ax.legend(title="width", loc="lower left")
ax.set(xlabel="position", ylabel="value")
fig.set_label(
    "Forty noisy points along one turn of a sine, and three averages. The narrowest "
    "follows every point, the middle one follows the sine, the widest is nearly level."
)

# %%
# One step between any two positions
# ----------------------------------
# How many layers until the last output depends on the first of 33 inputs?


def layers_needed(layer, seq: int = 33) -> int:
    x = torch.randn(1, seq, 8, requires_grad=True)
    out = x
    for layers in range(1, seq + 1):
        out = layer(out)
        (slope,) = torch.autograd.grad(out[0, -1].sum(), x, retain_graph=True)
        if slope[0, 0].any():
            return layers
    raise AssertionError("never")


convolution = nn.Conv1d(8, 8, kernel_size=3, padding=1)
path_attention = layers_needed(SelfAttention(d_model=8, head_dim=8))
path_convolution = layers_needed(lambda x: convolution(x.mT).mT)

head, x = SelfAttention(d_model=8, head_dim=8).double(), torch.randn(20, 8).double()
order, ahead = torch.randperm(20), causal(20, 20)
moved = (head(x[order]) - head(x)[order]).abs().max().item()
moved_causal = (head(x[order], ahead) - head(x, ahead)[order]).abs().max().item()
assert moved < 1e-12
assert moved_causal > 0.01

measured = {
    "right": right,
    "on_match": on_match,
    "variance": float(np.mean(spread)),
    "largest_divided": largest["divided"][-1],
    "largest_not_divided": largest["not divided"][-1],
    "best_16": best[16, True],
    "best_16_not": best[16, False],
    "best_128": best[128, True],
    "best_128_not": best[128, False],
    "error_narrow": error[0.03],
    "error_middle": error[0.4],
    "error_wide": error[3.0],
    "path_attention": path_attention,
    "path_convolution": path_convolution,
    "moved": moved,
    "moved_causal": moved_causal,
}
