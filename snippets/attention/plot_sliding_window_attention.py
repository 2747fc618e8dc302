"""
Sliding windows: how far a stack of short looks reaches
=======================================================

Figures for :doc:`/attention/sliding_window_attention`: what an output depends on, what
a trained stack can fetch from afar, where its attention comes from, and how a cache of
fixed size is written.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.attention.multi_head_attention import MultiHeadAttention
from snippets.attention.sliding_window_attention import (
    RollingCache,
    receptive_field,
    sliding_window_attention,
    window_mask,
)

torch.manual_seed(0)

# %%
# What an output depends on
# -------------------------
# The gradient of each output with respect to each input, for one, two and three layers
# with a window of four.


def stack(layers: int, window: int, seq: int):
    parts = [MultiHeadAttention(d_model=8, heads=2).double() for _ in range(layers)]

    def run(x):
        for part in parts:
            x = x + part(x, allowed=window_mask(seq, seq, window))
        return x

    return run


def slopes(layers: int, window: int, seq: int):
    """Size of the gradient of output i by input j."""
    x = torch.randn(seq, 8, dtype=torch.float64)
    full = torch.autograd.functional.jacobian(stack(layers, window, seq), x)
    return full.norm(dim=(1, 3))


reached = {}
for layers, window in [(1, 4), (2, 4), (3, 4), (2, 6), (4, 6)]:
    size = slopes(layers, window, seq=24)
    reached[layers, window] = int((size[-1] > 0).sum())
    assert reached[layers, window] == receptive_field(layers, window)

fig, axes = plt.subplots(1, 3, sharey=True, figsize=(6.4, 2.4), layout="constrained")
for layers, ax in enumerate(axes, start=1):
    size = slopes(layers, window=4, seq=16)
    shown = np.ma.masked_equal(size.numpy(), 0)
    image = ax.imshow(np.ma.log10(shown), vmin=-4, vmax=1, cmap="viridis")
    ax.set_title(f"{layers} layer" + "s" * (layers > 1), loc="left", fontsize=10)
    ax.set(xticks=range(0, 16, 5), yticks=range(0, 16, 5), xlabel="input")
axes[0].set_ylabel("output")
fig.colorbar(image, ax=axes, label="gradient", shrink=0.7, ticks=[-4, -2, 0]).set_ticks(
    [-4, -2, 0], labels=["0.0001", "0.01", "1"]
)
fig.set_label(
    "Three heat maps of the size of gradients, sixteen outputs by sixteen inputs. The "
    "band below the diagonal is four wide with one layer, seven with two, ten with "
    "three, and fainter toward its far edge. Everything else is exactly zero."
)

# %%
# What a trained stack fetches
# ----------------------------
# Each position must name the symbols one to seven back, out of four. The window is
# three, so a layer sees two back.

SYMBOLS, SEQ, BACK = 4, 16, range(1, 8)


class Namer(nn.Module):
    def __init__(self, layers: int, window: int):
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, 32)
        self.place = nn.Parameter(torch.randn(SEQ, 32) / 2)
        self.norms = nn.ModuleList(nn.LayerNorm(32) for _ in range(layers))
        self.layers = nn.ModuleList(
            MultiHeadAttention(d_model=32, heads=4) for _ in range(layers)
        )
        self.answer = nn.Linear(32, len(BACK) * SYMBOLS)
        self.allowed = window_mask(SEQ, SEQ, window)

    def forward(self, symbols):
        x = self.symbol(symbols) + self.place
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x), allowed=self.allowed)
        return self.answer(x)[:, max(BACK) :].unflatten(-1, (len(BACK), SYMBOLS))


def answers(symbols):
    first = max(BACK)
    return torch.stack([symbols[:, first - b : SEQ - b] for b in BACK], dim=-1)


def fetched(layers: int, window: int) -> np.ndarray:
    """Share of right answers for each distance, after 200 batches."""
    torch.manual_seed(0)
    model, random = Namer(layers, window), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, fused=True)
    for _ in range(200):
        symbols = torch.randint(SYMBOLS, (32, SEQ), generator=random)
        loss = cross_entropy(model(symbols).flatten(0, -2), answers(symbols).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    symbols = torch.randint(SYMBOLS, (200, SEQ), generator=random)
    with torch.no_grad():
        right = model(symbols).argmax(-1) == answers(symbols)
    return right.float().mean(dim=(0, 1)).numpy()


stairs = {layers: fetched(layers, window=3) for layers in (1, 2, 3)}
inside = np.concatenate([stairs[n][: 2 * n] for n in stairs])
outside = np.concatenate([stairs[n][2 * n :] for n in stairs])
assert inside.min() > 0.95
assert outside.max() < 0.35

fig, ax = plt.subplots()
for (layers, line), mark in zip(stairs.items(), "os^", strict=True):
    ax.plot(BACK, line, f"{mark}-", label=f"{layers}")
ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
ax.text(1, 1 / SYMBOLS - 0.02, "guessing", va="top")
ax.legend(title="layers", loc="lower left", bbox_to_anchor=(0.1, 0.3))
ax.set(xlabel="positions back", ylabel="right answers", ylim=(0, 1.05))
fig.set_label(
    "Right answers over the distance, for one, two and three layers with a window of "
    "three. Each line stays at one up to two positions for each layer, then drops to "
    "a quarter, which is guessing."
)

# %%
# Where the attention comes from
# ------------------------------
# Layers that read their window evenly and add the result to what they had: the share of
# each distance in the last output.


def influence(layers: int, window: int, seq: int) -> np.ndarray:
    start = torch.zeros(seq, 1, dtype=torch.float64, requires_grad=True)
    x = start
    for _ in range(layers):
        x = x + sliding_window_attention(torch.zeros_like(x), x, x, window=window)
    (slope,) = torch.autograd.grad(x[-1, 0], start)
    return (slope / slope.sum()).flatten().flip(0).numpy()


fig, ax = plt.subplots()
for color, layers in enumerate((4, 8, 16)):
    share = influence(layers, window=8, seq=128)
    reach = receptive_field(layers, window=8)
    assert np.count_nonzero(share) == reach
    ax.plot(share[:reach], color=f"C{color}", label=f"{layers}")
    ax.plot(reach - 1, 0, "|", color=f"C{color}", ms=14, mew=2, clip_on=False)
typical = share @ np.arange(128) / (reach - 1)
beyond_half = share[reach // 2 :].sum()
assert abs(typical - 0.25) < 1e-6
assert beyond_half < 0.01
ax.legend(title="layers")
ax.set(xlabel="positions back", ylabel="share of the gradient", ylim=(0, None))
fig.set_label(
    "Shares over the distance for 4, 8 and 16 layers with a window of eight: bells "
    "that widen and move away slowly. Marks show how far each stack reaches, up to 112 "
    "positions back; there the shares are practically zero."
)

# %%
# The rolling cache
# -----------------
# Above the text, with the window of the newest position; below the four slots.

WINDOW, LENGTH = 4, 11
cache, held = RollingCache(window=WINDOW), []
for position in range(LENGTH):
    cache.write(torch.tensor([[float(position)]]), torch.zeros(1, 1))
    held.append(cache.key[: position + 1].flatten().int().tolist())

fig, ax = plt.subplots(figsize=(6.2, 2.2))


def cell(x: float, y: float, text: str, color: str, newest: bool = False):
    edge = dict(fc="none", ec=color, lw=3 if newest else 1.2)
    ax.add_patch(plt.Rectangle((x, y), 0.9, 0.8, **edge))
    ax.text(x + 0.45, y + 0.4, text, ha="center", va="center")


def draw(newest: int):
    ax.clear()
    ax.set(xlim=(-0.2, LENGTH + 0.2), ylim=(-0.8, 2.9))
    ax.axis("off")
    for position in range(newest + 1):
        seen = position > newest - WINDOW
        color = f"C{position % WINDOW}" if seen else "0.5"
        cell(position, 1.5, str(position), color, position == newest)
    for slot, position in enumerate(held[newest]):
        color = f"C{slot}"
        cell(3.5 + slot, 0, str(position), color, position == newest)
    for slot in range(WINDOW):
        ax.text(3.95 + slot, -0.5, f"slot {slot}", ha="center", fontsize=9)
    ax.text(3.3, 0.4, "cache", ha="right", va="center")
    ax.text(0, 2.5, "text")


animation = FuncAnimation(fig, draw, LENGTH, interval=700)
fig.set_label(
    "Positions 0 to 10 of a text in a row, the last four colored, and below it four "
    "slots of a cache below. After position 10 the slots hold 8, 9, 10 and 7: each new "
    "position has overwritten the one that left the window."
)

one = torch.ones(1, 8, 1, 16)
rolling, everything = RollingCache(window=16), []
for _ in range(8 * 16):
    rolling.write(one, one)
    everything += [one, one]
full_bytes = torch.cat(everything).nbytes
cache_ratio = full_bytes / (rolling.key.nbytes + rolling.value.nbytes)

measured = {
    "reached_4_3": reached[3, 4],
    "reached_6_4": reached[4, 6],
    "inside": float(inside.min()),
    "outside": float(outside.max()),
    "typical": float(typical),
    "beyond_half": float(beyond_half),
    "cache_ratio": float(cache_ratio),
}
