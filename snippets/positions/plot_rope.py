"""
RoPE: hands that turn together, and what happens on longer texts
================================================================

Figures for :doc:`/positions/rope`: two tokens move through a text, what fades with
distance, what scores do beyond the trained length, and how hands are slowed for it.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Wedge

from snippets.positions.rope import (
    angles,
    decay_bound,
    frequencies,
    rotate,
    yarn_frequencies,
)

torch.manual_seed(0)

# %%
# Two tokens move through a text
# ------------------------------
# Three pairs of a query and of a key, three positions apart. The hands turn at three
# speeds; what stands between them does not change.

DISTANCE, FRAMES = 3, 20
query = torch.tensor([[0.9, 0.3, 0.2, 0.9, -0.7, 0.6]], dtype=torch.float64)
key = torch.tensor([[0.5, -0.8, 0.9, 0.2, -0.9, -0.3]], dtype=torch.float64)
speeds = frequencies(6, base=100.0)


def hands(x, position: int) -> np.ndarray:
    turned = rotate(x, angles(torch.tensor([position]), speeds))
    return turned.unflatten(-1, (3, 2))[0].numpy()


scores = [
    float(hands(query, p + DISTANCE).ravel() @ hands(key, p).ravel())
    for p in range(FRAMES)
]
assert np.ptp(scores) < 1e-12

pair = torch.randn(2, 12, 64)  # a query and a key at each of twelve positions
moved = [rotate(pair, angles(torch.arange(12) + k, frequencies(64))) for k in (0, 100)]
shift = (moved[1][0] @ moved[1][1].T - moved[0][0] @ moved[0][1].T).abs().max().item()
assert shift < 1e-4

fig = plt.figure(figsize=(6.2, 3))
panels = fig.subplot_mosaic("ttt;012", height_ratios=[1, 4])
text = panels.pop("t")


def draw(p: int) -> None:
    text.clear()
    text.plot(range(FRAMES + DISTANCE), [0] * (FRAMES + DISTANCE), ".", color="0.5")
    for name, at, color, side, gap in [
        ("key", p, "C1", "right", -0.6),
        ("query", p + DISTANCE, "C0", "left", 0.6),
    ]:
        text.plot(at, 0, "o", ms=11, color=color)
        text.text(at + gap, 0.5, f"{name} at {at}", color=color, ha=side)
    text.set(ylim=(-1, 2), xlim=(-4, FRAMES + DISTANCE + 4))
    text.axis("off")
    for pair, ax in enumerate(panels.values()):
        ax.clear()
        ax.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.5", lw=0.8))
        degrees = []
        for x, start, color in [(key, 0, "C1"), (query, DISTANCE, "C0")]:
            for at, alpha in [(start, 0.3), (start + p, 1)]:
                hand = hands(x, at)[pair]
                ax.plot([0, hand[0]], [0, hand[1]], color=color, alpha=alpha, lw=2.5)
            degrees.append(math.degrees(math.atan2(hand[1], hand[0])))
        between = (degrees[1] - degrees[0]) % 360
        ends = degrees if between <= 180 else degrees[::-1]
        ax.add_patch(Wedge((0, 0), 0.35, *ends, color="C2", alpha=0.5, lw=0))
        ax.set_title(f"pair {pair}: {min(between, 360 - between):.0f}° between")
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
        ax.axis("off")


animation = FuncAnimation(fig, draw, frames=FRAMES, interval=250)
fig.set_label(
    "A query three positions after a key; both move from position 0 on through a text. "
    "Below, three clocks with a hand of each: in pair 0 the hands turn once in six "
    "positions, in pair 2 hardly, and the angle between them stays as it was."
)

# %%
# What fades with distance
# ------------------------
# The bound of the source, the score of equal vectors, and the spread of the scores of
# random ones, each relative to distance zero.

distances = torch.arange(0, 1001)
plain = frequencies(128)
bound = decay_bound(distances, plain)
equal = rotate(torch.ones(1001, 128).double(), angles(distances, plain)).mean(-1)
random_query, random_key = torch.randn(2, 400, 1, 128, dtype=torch.float64)
turned = rotate(random_key.expand(-1, 1001, -1), angles(distances, plain))
spread = (random_query * turned).sum(-1).square().mean(0).sqrt() / math.sqrt(128)

assert bound[1] < 1
assert bound[50:].max() < 0.45
assert bound[500:].max() < 0.4
assert (spread - 1).abs().max() < 0.25

fig, ax = plt.subplots()
ax.plot(distances, spread, color="C2", label="random queries and keys, spread")
ax.plot(distances, bound, color="C1", label="bound of the source")
ax.plot(distances, equal, color="C0", label="query equal to key")
ax.set(xlabel="distance (positions)", ylabel="score, relative", ylim=(-0.05, 1.25))
ax.legend(loc="center right", bbox_to_anchor=(1, 0.6))
fig.set_label(
    "Three lines over distances to 1000. The bound and the score of equal vectors fall "
    "from one, fast at first, to below 0.2; the spread of random scores stays at one."
)

# %%
# A score that is small as far as it was fitted
# ---------------------------------------------
# Scores of 64 pairs, fitted to random targets at distances below 2048: once as the
# source does it, with hardly a limit on the size of query and key, once with one.

TRAINED = 2048


def waves(distances) -> torch.Tensor:
    turn = angles(distances, plain)
    return torch.cat([turn.cos(), turn.sin()], dim=1)


def fit(penalty: float, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    target = torch.randn(TRAINED, generator=random, dtype=torch.float64)
    return v.T @ (size / (size**2 + penalty) * (u.T @ target))


inside, beyond = torch.arange(2 * TRAINED).chunk(2)
u, size, v = torch.linalg.svd(waves(inside), full_matrices=False)
ranges = {"inside": inside, "between": inside[:-1] + 0.5, "beyond": beyond}
largest = {}
fig, ax = plt.subplots()
for color, (name, penalty) in enumerate({"free": 1e-6, "limited": 10.0}.items()):
    fits = torch.stack([fit(penalty, seed) for seed in range(5)], dim=1)
    for where, distances in ranges.items():
        heights = (waves(distances) @ fits).abs().amax(0)
        largest[f"{name}_{where}"] = heights.median().item()
    lengths = fits.unflatten(0, (2, -1)).norm(dim=0).sum(0)
    largest[f"{name}_length"] = lengths.median().item()
    curve = (waves(torch.arange(0, 2 * TRAINED, 4)) @ fits[:, 0]).abs()
    ax.semilogy(range(0, 2 * TRAINED, 4), curve, color=f"C{1 - color}", label=name)

assert largest["free_inside"] < 2
assert largest["free_between"] < 2
assert largest["free_beyond"] > 200
assert largest["free_length"] > 100
assert largest["limited_length"] < 5
assert largest["limited_beyond"] < 4

ax.axvline(TRAINED, color="0.5", ls=":")
ax.text(TRAINED - 40, 300, "fitted up to here", ha="right")
ax.set(xlabel="distance (positions)", ylabel="size of the score", ylim=(1e-2, None))
ax.legend(title="query and key", loc="upper left")
fig.set_label(
    "Size of two fitted scores over distances to 4096, logarithmic. Both stay near one "
    "up to 2048. There the free fit shoots up beyond a hundred; the limited one stays."
)

# %%
# Slower hands
# ------------
# A context four times as long: what is left of each pair's speed, over the turns that
# it makes within the 4096 positions of training.

turns = 4096 * plain / (2 * math.pi)
yarn = yarn_frequencies(128, factor=4.0, trained=4096) / plain
rebased = frequencies(128, base=10000 * 4 ** (128 / 126)) / plain
unfinished = int((turns < 1).sum())
assert torch.isclose(yarn.max(), torch.ones(()).double())
assert torch.isclose(yarn.min(), torch.full((), 0.25).double())

fig, ax = plt.subplots()
ax.semilogx(turns, torch.full_like(turns, 0.25), color="C0", label="interpolation")
ax.semilogx(turns, rebased, color="C2", label="larger base")
ax.semilogx(turns, yarn, "o-", ms=3, color="C1", label="YaRN")
for limit in (1, 32):
    ax.axvline(limit, color="0.5", ls=":")
ax.set(xlabel="turns within the trained length", ylabel="speed, relative")
ax.set(ylim=(0, 1.1), xticks=[0.1, 1, 32, 650], xticklabels=["0.1", "1", "32", "650"])
ax.minorticks_off()
ax.legend(loc="center left", bbox_to_anchor=(0.02, 0.7))
fig.set_label(
    "Relative speed of each pair over its turns in training. Interpolation: a quarter "
    "for all. Larger base: from a quarter for the slowest, rising evenly to one. "
    "YaRN: a quarter below one turn, a ramp, and unchanged above 32 turns."
)

measured = {
    "shift": shift,
    "bound_50": float(bound[50]),
    "bound_1000": float(bound[1000]),
    "spread_1000": float(spread[1000]),
    "unfinished": unfinished,
} | largest
