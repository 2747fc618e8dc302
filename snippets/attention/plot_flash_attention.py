"""
FlashAttention: softmax in tiles, its memory and its traffic
============================================================

Figures for :doc:`/attention/flash_attention`: how tiles cover the table of scores, how
many bytes are alive at the worst moment, and how many numbers a kernel moves.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle
from torch.nn.functional import scaled_dot_product_attention

from snippets.attention.flash_attention import (
    flash_attention,
    naive_attention,
    naive_traffic,
    online_softmax,
    spans,
    tiled_traffic,
)
from snippets.attention.flash_attention_kernel import (
    flash_attention_kernel,
    numbers_moved,
)
from snippets.foundations.peak_memory import PeakMemory

torch.manual_seed(0)


def random_heads(*shape: int, **options) -> list[torch.Tensor]:
    return [torch.randn(shape, **options) for _ in range(3)]


# %%
# Tiles
# -----
# Left, the tiles that a causal head visits. Right, the weights that the last query of
# the current tile would give to the keys it has seen so far: with the identity as
# values, the mix is the weights.

SEQ, TILE = 16, 4
scores = 1.6 * torch.randn(SEQ, SEQ)
scores = scores.masked_fill(torch.ones(SEQ, SEQ).triu(1).bool(), -math.inf)
steps = []
for rows in spans(SEQ, TILE):
    state = (
        torch.full((TILE, 1), -math.inf),
        torch.zeros(TILE, 1),
        torch.zeros(TILE, SEQ),
    )
    for columns in spans(rows.stop, TILE):
        state = online_softmax(*state, scores[rows, columns], torch.eye(SEQ)[columns])
        steps.append((rows, columns, *(part[-1] for part in state)))
assert len(steps) == 10
assert torch.allclose(steps[-1][4] / steps[-1][3], scores[-1].softmax(0), atol=1e-6)

fig, (grid, bars) = plt.subplots(
    1, 2, figsize=(6.4, 3.4), width_ratios=[1, 1.25], layout="constrained"
)
tiles = {}
for rows in spans(SEQ, TILE):
    for columns in spans(SEQ, TILE):
        edge = "0.5" if columns.start <= rows.start else "none"
        tile = Rectangle((columns.start, rows.start), TILE, TILE, ec=edge, fc="none")
        tiles[rows.start, columns.start] = grid.add_patch(tile)
grid.text(11.5, 4, "never visited", ha="center", va="center", color="0.5", fontsize=10)
grid.set(xlim=(0, SEQ), ylim=(SEQ, 0), aspect="equal", xlabel="key", ylabel="query")
grid.set(xticks=range(0, SEQ + 1, TILE), yticks=range(0, SEQ + 1, TILE))
shown = bars.bar(np.arange(SEQ), np.zeros(SEQ), color="C0")
bars.set(xlabel="key", ylabel="weight so far", xlim=(-0.7, SEQ - 0.3), ylim=(0, 1.15))
note = bars.text(0.97, 0.97, "", ha="right", va="top", transform=bars.transAxes)


def draw(frame: int):
    for rows, columns, *_ in steps[: frame + 1]:
        tiles[rows.start, columns.start].set(fc="C0", alpha=0.5)
    rows, columns, row_max, row_sum, acc = steps[frame]
    tiles[rows.start, columns.start].set(fc="C1", alpha=1)
    for at, bar in enumerate(shown):
        bar.set_height((acc / row_sum)[at])
        bar.set_color("C1" if columns.start <= at < columns.stop else "C0")
    note.set_text(
        f"query {rows.stop - 1}\nlargest score {row_max.item():.1f}\n"
        f"sum {row_sum.item():.2f}"
    )


animation = FuncAnimation(fig, draw, frames=len(steps), interval=1100)
fig.set_label(
    "Left, a table of 16 queries and 16 keys in tiles of four by four: those right of "
    "the diagonal are never visited, the others are filled row by row. "
    "Right, the weights of one query over the keys seen so far; as further tiles "
    "arrive, earlier bars shrink, until all weights together are the softmax."
)

# %%
# Exactness
# ---------
# Output and gradients beside PyTorch's, for scores with large differences.


def largest_gap(dtype: torch.dtype, causal: bool) -> tuple[float, float]:
    inputs = [3 * x for x in random_heads(2, 4, 300, 64, dtype=dtype)]
    inputs = [x.requires_grad_() for x in inputs]
    ours = flash_attention(*inputs, causal=causal, q_tile=64, kv_tile=48)
    theirs = scaled_dot_product_attention(*inputs, is_causal=causal)
    grads = [torch.autograd.grad(out.square().sum(), inputs) for out in (ours, theirs)]
    gaps = [(a - b).abs().max() / b.abs().max() for a, b in zip(*grads, strict=True)]
    return (ours - theirs).abs().max().item(), max(gaps).item()


single = [largest_gap(torch.float32, causal) for causal in (False, True)]
double = [largest_gap(torch.float64, causal) for causal in (False, True)]
error, grad_error = np.max(single, axis=0)
error_double, grad_error_double = np.max(double, axis=0)
assert error < 1e-5
assert grad_error < 1e-5
assert max(error_double, grad_error_double) < 1e-12

# %%
# Memory
# ------
# The most bytes that one head of 64 features has alive at a time, inputs not counted.


def peak(attend, seq: int, backward: bool) -> int:
    inputs = [x.requires_grad_(backward) for x in random_heads(1, 1, seq, 64)]
    with PeakMemory() as memory:
        out = attend(*inputs)
        if backward:
            out.sum().backward()
    return memory.peak


lengths = [256, 512, 1024, 2048, 4096]
kinds = {"all scores": lambda *x: naive_attention(*x, False), "tiles": flash_attention}
alive = {
    (kind, backward): np.array(
        [peak(attend, seq, backward) for seq in lengths[: 4 if backward else 5]]
    )
    for kind, attend in kinds.items()
    for backward in (False, True)
}
saved = alive["all scores", False] / alive["tiles", False]
saved_with_gradients = alive["all scores", True] / alive["tiles", True]
assert saved[-1] > 50
assert all(1.8 < saved[i + 1] / saved[i] < 3 for i in (2, 3))
assert saved_with_gradients[-1] > 10

fig, ax = plt.subplots()
for (kind, backward), peaks in alive.items():
    color, style = ("C1" if kind == "tiles" else "C0"), ("s--" if backward else "o-")
    label = f"{kind}, {'with gradients' if backward else 'output only'}"
    tokens = lengths[: len(peaks)]
    ax.loglog(tokens, peaks / 2**20, style, color=color, label=label, base=2)
ax.set_xticks(lengths, labels=map(str, lengths))
ax.set_yticks([0.5, 2, 8, 32, 128], labels=["0.5", "2", "8", "32", "128"])
ax.set(xlabel="tokens", ylabel="peak memory (MiB)")
ax.legend(fontsize=9)
fig.set_label(
    "Peak memory over tokens, both axes logarithmic. With all scores it grows fourfold "
    "with each doubling, to 128 MiB at 4096 tokens; with tiles it ends near 1.3 MiB. "
    "Lines with gradients, up to 2048 tokens, lie above: 49 MiB and 2.5 MiB."
)

# %%
# Traffic
# -------
# Dots: numbers that the kernel loaded and stored, counted while Triton's interpreter
# ran it. Line: the formula. Dotted: scores and weights written and read back.

SEQ, HEAD_DIM = 1024, 64
heads = random_heads(1, 1, SEQ, HEAD_DIM)
counted = {
    tile: numbers_moved(
        lambda tile=tile: flash_attention_kernel(*heads, q_tile=tile, kv_tile=128)
    )
    for tile in (64, 128, 256, 512)
}
sizes = 2 ** np.arange(3, 11)
formula = {tile: tiled_traffic(SEQ, SEQ, HEAD_DIM, int(tile)) for tile in sizes}
naive = naive_traffic(SEQ, SEQ, HEAD_DIM)
assert all(count == formula[tile] for tile, count in counted.items())
assert formula[16] > naive > formula[64]

fig, ax = plt.subplots()
ax.loglog(sizes, np.array(list(formula.values())) / 1e6, color="C1", base=2)
ax.plot(counted.keys(), np.array(list(counted.values())) / 1e6, "o", color="C1", ms=8)
ax.axhline(naive / 1e6, color="C0", ls=":")
ax.text(1024, 1.1 * naive / 1e6, "all scores", ha="right", va="bottom", color="C0")
ax.text(150, 1.3, "tiles", color="C1")
ax.set_xticks(sizes, labels=map(str, sizes))
ax.set_yticks([0.5, 1, 2, 4, 8, 16], labels=["0.5", "1", "2", "4", "8", "16"])
ax.set(xlabel="queries in a tile", ylabel="numbers moved (millions)")
fig.set_label(
    "Numbers moved over the size of a tile, both axes logarithmic. The line of the "
    "tiles halves with each doubling and crosses the level of all scores near 32; four "
    "counted dots, at 64 to 512, lie on it."
)

measured = {
    "error": float(error),
    "error_double": float(error_double),
    "grad_error": float(grad_error),
    "grad_error_double": float(grad_error_double),
    "all_mib": float(alive["all scores", False][-1] / 2**20),
    "tiles_mib": float(alive["tiles", False][-1] / 2**20),
    "saved_1024": float(saved[2]),
    "saved_2048": float(saved[3]),
    "saved_4096": float(saved[4]),
    "saved_with_gradients": float(saved_with_gradients[-1]),
    "traffic_128": naive / counted[128],
    "traffic_512": naive / counted[512],
    "traffic_halving": counted[64] / counted[128],
}
