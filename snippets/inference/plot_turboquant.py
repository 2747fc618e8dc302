"""
TurboQuant: one table of levels for all vectors
===============================================

Figures for :doc:`/inference/turboquant`: what turning does to coordinates, how close to
the bounds rounding comes, what it does to inner products, and what a small model and a
small search make of it.
"""

import math
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from scipy.stats import beta
from sklearn.datasets import load_digits
from torch import Tensor, nn

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.recall_task import Recaller, accuracy, train
from snippets.inference.turboquant import (
    codebook,
    decode,
    distortion,
    encode,
    quantize,
    quantize_unbiased,
    random_rotation,
)

torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)


def gaussian(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=1, keepdim=True)


# %%
# Turn, round, turn back
# ----------------------
# Two coordinates, two bits for each. The cloud is long and flat; after a turn its
# points use the table of any other cloud.

points = gaussian(24, 2) * torch.tensor([0.8, 0.25])
levels, angle = codebook(bits=2, dim=2), 0.85


def turn(share: float) -> Tensor:
    cos, sin = math.cos(share * angle), math.sin(share * angle)
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


code = encode(points, turn(1), levels)
snapped, length = levels[code.index.int()], code.length
moves = {
    "original": lambda share: points,
    "length stored apart": lambda share: points * length ** (-share),
    "turned": lambda share: unit(points) @ turn(share).T,
    "rounded": lambda share: unit(points) @ turn(1).T * (1 - share) + snapped * share,
    "turned back": lambda share: snapped @ turn(1 - share),
    "length restored": lambda share: snapped @ turn(0) @ turn(1) * length**share,
}
assert torch.allclose(
    moves["length restored"](1), decode(code, turn(1), levels), atol=1e-12
)
frames = [(name, share) for name in moves for share in (0.5, 1)][1:]

fig, stage = plt.subplots(figsize=(4.6, 4.2))
fig.set_label(
    "Animation of a flat cloud of points: it is moved onto the unit circle, turned, "
    "snapped to a grid of four levels for each coordinate, turned back, and stretched "
    "to the old lengths. In the last frame lines join each point to what it became."
)


def draw(frame: tuple) -> None:
    name, share = frame
    stage.clear()
    stage.add_patch(plt.Circle((0, 0), 1, fill=False, ec="0.5"))
    if name in ("turned", "rounded"):
        for level in levels.tolist():
            stage.axhline(level, color="C1", lw=0.8)
            stage.axvline(level, color="C1", lw=0.8)
    shown = moves[name](share)
    if name == "length restored":
        for start, end in zip(points.tolist(), shown.tolist(), strict=True):
            stage.plot(*zip(start, end, strict=True), color="0.5", lw=0.8)
        stage.plot(*points.T, "o", mfc="none", mec="C2", ms=5)
    stage.plot(*shown.T, "o", color="C0", ms=5)
    stage.set(xlim=(-1.6, 1.6), ylim=(-1.3, 1.3), aspect="equal", title=name)
    stage.set(xlabel="first coordinate", ylabel="second coordinate")


animation = FuncAnimation(fig, draw, frames, interval=700)

# %%
# One density, two bounds
# -----------------------
# Left: coordinates of 600 vectors before and after one turn, times the square root of
# 128. Right: the squared error of unit vectors between what is proven.

DIM, BITS = 128, [1, 2, 3, 4]
x = gaussian(600, DIM) * gaussian(DIM).mul(2.5).exp()
x[:, :4] += 20
x = unit(x)
turned = x @ random_rotation(DIM, random).T
plain, rotated = [], []
for bits in BITS:
    plain.append(
        float(
            (x - quantize(x, torch.eye(DIM).double(), bits)).norm(dim=1).square().mean()
        )
    )
    errors = [
        (x - quantize(x, random_rotation(DIM, random), bits))
        .norm(dim=1)
        .square()
        .mean()
        for _ in range(20)
    ]
    rotated.append(float(torch.stack(errors).mean()))
expected = np.array([distortion(bits, DIM) for bits in BITS])
rotated, plain = np.array(rotated), np.array(plain)
lower = 0.25 ** np.array(BITS)
assert np.abs(rotated / expected - 1).max() < 0.08
assert plain[0] > 3 * rotated[0]
assert plain[2] > 10 * rotated[2]

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.3))
fig.set_label(
    "Left: histograms of coordinates; before turning a spike at zero, after it a bell "
    "that follows the density. Right: squared error over bits on a logarithmic scale; "
    "points lie between two parallel lines, those without rotation far above."
)
bins = np.linspace(-4, 4, 41)
for name, values in {"before": x, "after": turned}.items():
    values = values.flatten() * DIM**0.5
    ax.hist(values.numpy(), bins, density=True, alpha=0.5, label=name)
t = np.linspace(-4, 4, 200)
half = (DIM - 1) / 2
density = beta.pdf((1 + t / DIM**0.5) / 2, half, half) / 2 / DIM**0.5
ax.plot(t, density, color="0.5", label="sphere")
ax.plot(codebook(2, DIM) * DIM**0.5, [0.02] * 4, "C2^", label="2-bit levels")
ax.set(xlabel="coordinate · √128", ylabel="density", ylim=(0, 1))
ax.legend(fontsize=8)
right.fill_between(
    BITS, lower, lower * math.sqrt(3) * math.pi / 2, color="0.5", alpha=0.3
)
right.plot(BITS, plain, "C0s--", label="not turned")
right.plot(BITS, rotated, "C1o-", label="turned")
right.set(yscale="log", xlabel="bits", ylabel="squared error", xticks=BITS)
right.legend(fontsize=8)

# %%
# Inner products
# --------------
# Left: one bit, products of vectors with others at many angles. Right: slope of stored
# against true products, for each number of bits.

others = unit(x + gaussian(600, DIM) * torch.rand(600, 1, generator=random) * 0.3)
truth = (x * others).sum(dim=1)
apart = unit(gaussian(600, DIM))


def slope(stored: Tensor) -> float:
    return float((stored * others).sum(dim=1) @ truth / (truth @ truth))


slopes, errors = {"least error": [], "unbiased": []}, []
for bits in BITS:
    shrunk, fair, squares = [], [], []
    for _ in range(20):
        rotation = random_rotation(DIM, random)
        shrunk.append(slope(quantize(x, rotation, bits)))
        stored = quantize_unbiased(x, rotation, gaussian(DIM, DIM), bits)
        fair.append(slope(stored))
        squares.append(((stored - x) * apart).sum(dim=1).square().mean())
    slopes["least error"].append(np.mean(shrunk))
    slopes["unbiased"].append(np.mean(fair))
    errors.append(DIM * float(torch.stack(squares).mean()))
before = np.array([distortion(bits - 1, DIM) for bits in BITS])
assert np.abs(np.array(slopes["least error"]) - (1 - expected)).max() < 0.03
assert np.abs(np.array(slopes["unbiased"]) - 1).max() < 0.04
assert np.abs(np.array(errors) / (np.pi / 2 * before) - 1).max() < 0.1

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
fig.set_label(
    "Left: stored against true inner products with one bit; the variant of least error "
    "makes a narrow cloud along a line of slope 0.64, the unbiased one a wide cloud "
    "along the diagonal. Right: slopes over bits, rising from 0.64 to 0.99, and level "
    "at one."
)
rotation = random_rotation(DIM, random)
near = unit(apart + 0.3 * torch.rand(600, 1, generator=random) * gaussian(600, DIM))
for name, stored in {
    "unbiased": quantize_unbiased(apart, rotation, gaussian(DIM, DIM), 1),
    "least error": quantize(apart, rotation, 1),
}.items():
    color = "C1" if name == "unbiased" else "C0"
    true, found = (near * apart).sum(dim=1), (near * stored).sum(dim=1)
    ax.plot(true[::3], found[::3], color + ".", ms=3)
    right.plot(BITS, slopes[name], color + "o-", label=name)
ax.axline((0, 0), slope=1, color="0.5", ls=":")
ax.set(xlabel="true product", ylabel="stored product, 1 bit")
right.set(xlabel="bits", ylabel="slope", xticks=BITS, ylim=(0, 1.1))
right.legend(loc="lower right")

# %%
# A cache and a search
# --------------------
# Left: a model that recalls, when its keys and values are stored. One of their
# coordinates is ten times as large as the others. Right: how often the nearest of 1500
# vectors is still the nearest after storing them.


class Stored(nn.Module):
    """Projects, and passes every vector through ``store``."""

    def __init__(self, project: nn.Module, store) -> None:
        super().__init__()
        self.project, self.store = project, store

    def forward(self, x: Tensor) -> Tensor:
        x = self.project(x)
        return self.store(x.flatten(0, 1)).view_as(x)


def enlarge(mix: GroupedQueryAttention, factor: float) -> None:
    """Enlarge one coordinate of keys and values; undo it where they are read."""
    with torch.no_grad():
        mix.key.weight[0] *= factor
        mix.query.weight[0] /= factor
        mix.value.weight[0] *= factor
        mix.out.weight[:, 0] /= factor


def min_max(x: Tensor, bits: int) -> Tensor:
    low, high = x.aminmax(dim=1, keepdim=True)
    step = (high - low) / (2**bits - 1)
    return low + step * ((x - low) / step).round()


torch.manual_seed(0)
model = Recaller(GroupedQueryAttention, heads=1, kv_heads=1)
train(model, (320,), seed=0, rate=3e-3)
for mix in model.mix:
    enlarge(mix, 10.0)
projections = [(mix.key, mix.value) for mix in model.mix]
whole = accuracy(model)


def accuracy_with(store) -> float:
    for mix, (key, value) in zip(model.mix, projections, strict=True):
        mix.key, mix.value = Stored(key, store), Stored(value, store)
    return accuracy(model)


def stores(bits: int):
    rotation, signs = random_rotation(64, random).float(), gaussian(64, 64).float()
    yield "least error", lambda x: quantize(x, rotation, bits)
    yield "unbiased", lambda x: quantize_unbiased(x, rotation, signs, bits)
    yield "min-max", lambda x: min_max(x, bits)
    yield "not turned", lambda x: quantize(x, torch.eye(64), bits)


quality = {}
for bits in BITS:
    for _ in range(3):
        for name, store in stores(bits):
            reached = quality.setdefault(name, {}).setdefault(bits, [])
            reached.append(accuracy_with(store))
quality = {
    name: [float(np.mean(row[bits])) for bits in BITS] for name, row in quality.items()
}
assert whole > 0.98
assert min(quality["least error"][2:]) > whole - 0.02
assert quality["least error"][1] > quality["unbiased"][1] + 0.02
assert quality["least error"][1] > quality["min-max"][1] + 0.05


def product_quantized(x: Tensor, bits: int) -> Tensor:
    """Pairs of coordinates, each with ``4**bits`` centers learned from ``x``."""
    stored = []
    for pair in x.split(2, dim=1):
        centers = pair[torch.randperm(len(pair), generator=random)[: 4**bits]]
        for _ in range(8):
            nearest = torch.cdist(pair, centers).argmin(dim=1)
            count = nearest.bincount(minlength=4**bits).clamp(min=1)[:, None]
            centers = torch.zeros_like(centers).index_add(0, nearest, pair) / count
        stored.append(centers[torch.cdist(pair, centers).argmin(dim=1)])
    return torch.cat(stored, dim=1)


digits = torch.from_numpy(load_digits().data)
sets = {"digits": unit(digits - digits.mean(dim=0)), "random": unit(gaussian(1797, 64))}


def share_found(vectors: Tensor, store) -> float:
    base, query = vectors[:1500], vectors[1500:]
    kept = (query @ store(base).T).argmax(dim=1) == (query @ base.T).argmax(dim=1)
    return float(kept.double().mean())


def turbo(x: Tensor, bits: int) -> Tensor:
    return quantize(x, random_rotation(64, random), bits)


found = {}
for name, vectors in sets.items():
    for bits in BITS[:3]:
        shares = [share_found(vectors, partial(turbo, bits=bits)) for _ in range(4)]
        found.setdefault(("TurboQuant", name), []).append(float(np.mean(shares)))
        share = share_found(vectors, partial(product_quantized, bits=bits))
        found.setdefault(("learned", name), []).append(share)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.4))
fig.set_label(
    "Left: accuracy over bits. Least error reaches one with two or three bits, the "
    "unbiased variant later, min-max later still. Right: share of nearest neighbors "
    "found over bits; on digits product quantization is ahead from two bits on, on "
    "random vectors the two are alike."
)
for name, marker in zip(("least error", "unbiased", "min-max"), "os^", strict=True):
    ax.plot(BITS, quality[name], marker + "-", label=name)
ax.set(xlabel="bits", ylabel="accuracy", xticks=BITS, ylim=(0, 1.05))
ax.legend(loc="lower right", fontsize=8)
for (method, name), values in found.items():
    style = "o-" if method == "TurboQuant" else "s--"
    color = "C0" if name == "digits" else "C2"
    right.plot(BITS[:3], values, color + style, label=f"{method}, {name}")
right.set(xlabel="bits", ylabel="nearest neighbor found", xticks=BITS[:3], ylim=(0, 1))
right.legend(loc="upper left", fontsize=8)

measured = {f"error_{bits}": float(e) for bits, e in zip(BITS, rotated, strict=True)}
measured |= {
    f"factor_{bits}": float(e * 4**bits) for bits, e in zip(BITS, rotated, strict=True)
}
measured |= {f"product_{bits}": e for bits, e in zip(BITS, errors, strict=True)}
measured |= {
    "plain_over_turned_1": float(plain[0] / rotated[0]),
    "plain_over_turned_3": float(plain[2] / rotated[2]),
    "slope_1": float(slopes["least error"][0]),
    "slope_4": float(slopes["least error"][3]),
    "unbiased_slope_1": float(slopes["unbiased"][0]),
    "unbiased_slope_4": float(slopes["unbiased"][3]),
    "whole": whole,
    "cache_2": quality["least error"][1],
    "cache_3": quality["least error"][2],
    "cache_unbiased_2": quality["unbiased"][1],
    "cache_min_max_2": quality["min-max"][1],
    "cache_not_turned_2": quality["not turned"][1],
    "digits_2": found["TurboQuant", "digits"][1],
    "digits_learned_2": found["learned", "digits"][1],
    "digits_1": found["TurboQuant", "digits"][0],
    "digits_learned_1": found["learned", "digits"][0],
    "random_2": found["TurboQuant", "random"][1],
    "random_learned_2": found["learned", "random"][1],
}
