"""
Kernel optimization: tiles, blocks, and the words they move
===========================================================

The figures of :doc:`/inference/kernel_optimization`: tiles on their way between two
memories, orders of one product against the bound, an activation in blocks,
and attention in three kernels and in one.
"""

import time
from itertools import islice, product

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.attention.flash_attention_kernel import (
    flash_attention_kernel,
    numbers_moved,
)
from snippets.inference.gpu_profiling import Counter, seconds_of
from snippets.inference.kernel_optimization import (
    Cache,
    hardswish,
    hardswish_in_blocks,
    least_reads,
    multiply_accesses,
    tiled_words,
    words_moved,
)
from snippets.inference.triton_kernels import fused_hardswish, matmul, softmax

torch.manual_seed(0)
torch.set_num_threads(1)

# %%
# Tiles between two memories
# --------------------------
# A fast memory of 48 words holds three tiles of 4 by 4. Arrows are what moves in a
# step; the tile of C stays until it is finished. Below, words moved so far, for this
# order and for one that finishes C number by number, after the same multiplications.

sizes, tile, step = {"rows": 8, "columns": 12, "inner": 12}, 4, 3 * 4**3


def moved_so_far(side: int) -> list[int]:
    accesses = multiply_accesses(**sizes, row_tile=side, column_tile=side)
    cache, moved = Cache(words=3 * tile**2), []
    while part := list(islice(accesses, step)):
        for access in part:
            cache.touch(*access)
        moved.append(cache.moved)
    cache.flush()
    return [*moved, cache.moved]


bars = {"tiles of 4 by 4": moved_so_far(tile), "number by number": moved_so_far(1)}
assert bars["tiles of 4 by 4"][-1] == tiled_words(**sizes, row_tile=4, column_tile=4)
frames = [*enumerate(product(range(2), range(3), range(3))), *2 * [(18, (1, 2, 2))]]
fig, stage = plt.subplots(figsize=(6.2, 4.2))
fig.set_label(
    "Animation of three matrices in slow memory and three tiles in fast memory. Arrows "
    "bring a tile of A and one of B in every step, a tile of C in every third. At the "
    f"end bars show {bars['tiles of 4 by 4'][-1]} words moved in tiles and "
    f"{bars['number by number'][-1]} number by number."
)
matrices = {"A": (2, 3, 0.0), "B": (3, 3, 4.5), "C": (2, 3, 9.0)}


def square(x, y, color, alpha=1.0) -> None:
    stage.add_patch(plt.Rectangle((x, y), 1, 1, fc=color, alpha=alpha, lw=0))
    stage.add_patch(plt.Rectangle((x, y), 1, 1, fc="none", ec="0.5"))


def draw(frame) -> None:
    done, (i, j, k) = frame
    stage.clear()
    stage.set(xlim=(-0.1, 12.1), ylim=(-4.9, 4))
    stage.axis("off")
    here = {"A": (i, k), "B": (k, j), "C": (i, j)}
    for color, (name, (rows, columns, left)) in enumerate(matrices.items()):
        stage.text(left, 3.3, f"{name}, slow memory")
        for row, column in product(range(rows), range(columns)):
            ready = name == "C" and 3 * row + column < done // 3
            alpha = 1 if (row, column) == here[name] else 0.45 if ready else 0
            square(left + column, 2 - row, f"C{color}", alpha)
        square(left + 1, -2, f"C{color}", (k + 1) / 3 if name == "C" else 1)
        stage.text(left + 1.5, -1.5, name, ha="center", va="center")
        arrows = {"A": ["->"], "B": ["->"], "C": [["->"], [], ["<-"]][k]}[name]
        x, y = left + here[name][1] + 0.5, 2 - here[name][0]
        for style in arrows if done < 18 else []:
            looks = {"arrowstyle": style, "color": f"C{color}", "lw": 2.5}
            stage.annotate("", (left + 1.5, -1), (x, y), arrowprops=looks)
    stage.text(4.5, -2.6, "in fast memory", va="center")
    for place, (label, words) in enumerate(bars.items()):
        y, width = -3.6 - 0.9 * place, 5 * words[done] / bars["number by number"][-1]
        stage.barh(y, width, 0.55, 4.5, color=("C3", "0.5")[place])
        stage.text(4.3, y, label, ha="right", va="center")
        stage.text(4.6 + width, y, f"{words[done]} words", va="center")


animation = FuncAnimation(fig, draw, frames, interval=700)

# %%
# Orders of one product
# ---------------------
# Matrices of 24 by 24, through a fast memory of growing size. Every order falls off a
# cliff when what it comes back to fits. Dotted: what no order can do without.

n = 24
room = np.unique(np.round(2 ** np.arange(3, 10.8, 0.5)).astype(int))
orders = {
    "number by number": (1, 1),
    "row by row": (1, n),
    "2 by 2": (2, 2),
    "4 by 4": (4, 4),
    "8 by 8": (8, 8),
    "12 by 12": (12, 12),
}
words = {}
for name, (row_tile, column_tile) in orders.items():
    accesses = [*multiply_accesses(n, n, n, row_tile=row_tile, column_tile=column_tile)]
    words[name] = [words_moved(accesses, words=size) for size in room.tolist()]
fig, ax = plt.subplots(figsize=(6.2, 4))
for color, (name, moved) in enumerate(words.items()):
    alone = name.endswith(("number", "row"))
    ax.plot(room, moved, "--" if alone else "-", color=f"C{color}", label=name)
ax.plot(room, [least_reads(n, n, n, words=size) for size in room], ":", color="0.5")
ax.text(room[1], 5000, "bound", color="0.5")
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.xaxis.set_major_formatter("{x:g}")
ax.set(xlabel="words in fast memory", ylabel="words moved", ylim=(1000, 1e5))
ax.legend(ncols=2, loc="upper right", fontsize="small")
fig.set_label(
    "Words moved over the size of the fast memory, both logarithmic. Six curves are "
    "level at first and then fall: number by number and row by row when the memory "
    "holds a row or a matrix, tiles of 2 by 2 at once to half, larger tiles later and "
    "further. Together they follow the falling dotted line of the bound."
)


def in_tiles(side: int, room: int) -> int:
    accesses = multiply_accesses(n, n, n, row_tile=side, column_tile=side)
    return words_moved(accesses, words=room)


three_tiles = {side: in_tiles(side, 3 * side**2) for side in (2, 4, 8, 12)}
exact = [words / (2 * n**3 / s + 2 * n**2) for s, words in three_tiles.items()]
reads = {side: in_tiles(side, side**2 + 4 * side) - 2 * n**2 for side in (4, 8, 12)}
over_bound = {
    side: count / least_reads(n, n, n, words=side**2 + 4 * side)
    for side, count in reads.items()
}
assert max(abs(ratio - 1) for ratio in exact) < 1e-9
assert all(
    min(moved[at] for moved in words.values()) > least_reads(n, n, n, words=size)
    for at, size in enumerate(room.tolist())
)

# %%
# Four operations on eight million numbers
# ----------------------------------------
# All four on one block, then the next block, in memory set aside before. Small blocks
# pay for calls, large ones do not stay in a cache; bars reach from the best of three
# rounds to the median.

x = torch.randn(2**23)
out, buffer = torch.empty(2, len(x))
blocks = [2**power for power in (12, 14, 16, 18, 20, 23)]
runs = {
    block: lambda size=block: hardswish_in_blocks(x, out, buffer[:size])
    for block in blocks
}
runs |= {
    "four, new memory each": lambda: hardswish(x),
    "one kernel": lambda: torch.ops.aten.hardswish.out(x, out=out),
    "x + 1": lambda: torch.add(x, 1, out=out),
}
times = seconds_of(runs, rounds=3, clock=time.thread_time)
best, median = (
    {name: 1e3 * found[turn] for name, found in times.items()} for turn in (0, 1)
)
in_blocks = np.array([[best[block], median[block]] for block in blocks])
kib = np.array(blocks) / 256
fig, ax = plt.subplots()
ax.vlines(kib, *in_blocks.T, color="C0")
ax.plot(kib, in_blocks[:, 0], "o-", color="C0", label="four operations, in blocks")
for color, (name, style) in enumerate(zip([*runs][-3:], ("-", "-", "--"), strict=True)):
    ax.axhline(best[name], color=f"C{color + 1}", ls=style, label=name)
ax.set_xscale("log", base=2)
ax.set_xticks(kib, [f"{size:g}" for size in kib])
ax.set_yscale("log", base=2)
ax.yaxis.set_major_formatter("{x:g}")
ax.set(xlabel="block (KiB)", ylabel="time (ms)")
ax.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.92))
fig.set_label(
    "Time over the size of the block, logarithmic. The curve falls from small blocks "
    "to some megabytes and rises again where a block is all of the numbers. Level "
    "lines: four operations that take new memory, far above; one fused kernel, "
    "below the curve and next to a single addition."
)
with Counter() as counter:
    hardswish(x)
separate = counter.total.moved / x.nbytes
fused = numbers_moved(lambda: fused_hardswish(x[:1000])) / 1000
assert (separate, fused) == (9, 2)

# %%
# Attention in three kernels and in one
# -------------------------------------
# One head of 64 features, tiles of 64. Words are counted as the kernels load and store
# them.

features, lengths = 64, (64, 128, 256)
tiles = {"row_tile": 64, "column_tile": 64, "inner_tile": 64}
parts = {"scores": [], "softmax": [], "mix": [], "one kernel": []}


def counted(name: str, run, *inputs, **options):
    results = []
    moved = numbers_moved(lambda: results.append(run(*inputs, **options)))
    parts[name].append(moved / seq)
    return results[0]


for seq in lengths:
    query, key, value = heads = torch.randn(3, 1, 1, seq, features)
    q, k, v = query[0, 0] / features**0.5, key[0, 0], value[0, 0]
    scores = counted("scores", matmul, q, k.T, **tiles)
    weights = counted("softmax", softmax, scores)
    mixed = counted("mix", matmul, weights, v, **tiles)
    fused_out, _ = counted("one kernel", flash_attention_kernel, *heads, kv_tile=64)
    assert (fused_out[0, 0] - mixed).abs().max() < 1e-5
fig, ax = plt.subplots()
place, bottom = np.arange(len(lengths)), np.zeros(len(lengths))
for color, (name, found) in enumerate(parts.items()):
    alone = name == "one kernel"
    start, shift = (0, 0.2) if alone else (bottom, -0.2)
    ax.bar(place + shift, found, 0.36, start, color=f"C{color}", label=name)
    bottom = bottom if alone else bottom + found
ax.set_xticks(place, lengths)
ax.set(xlabel="tokens", ylabel="words moved per query")
ax.legend()
fig.set_label(
    "For 64, 128 and 256 tokens, a stacked bar of words moved per query by three "
    "kernels, scores, softmax and mix, beside a bar of the single kernel. Both grow "
    "with the number of tokens; the single kernel moves about a third."
)
three_over_one = bottom / parts["one kernel"]
assert np.all(np.diff(three_over_one) > 0)

left, right = torch.randn(70, 45), torch.randn(45, 100)
expected = tiled_words(70, 100, 45, row_tile=32, column_tile=32) - 70 * 100
rows = torch.randn(6, 300)
with Counter() as counter:
    largest = rows.amax(dim=1, keepdim=True)
    weights = (rows - largest).exp()
    weights / weights.sum(dim=1, keepdim=True)
measured = {
    "exact": max(exact),
    "halving": (three_tiles[4] - 2 * n**2) / (three_tiles[8] - 2 * n**2),
    "over_bound_4": over_bound[4],
    "over_bound_12": over_bound[12],
    "number_by_number": bars["number by number"][-1] / bars["tiles of 4 by 4"][-1],
    "separate": separate,
    "fused": fused,
    "faster": in_blocks[-1, 0] / best["one kernel"],
    "faster_median": in_blocks[-1, 1] / median["one kernel"],
    "blocks": in_blocks[-1, 0] / in_blocks[:, 0].min(),
    "new_memory": best["four, new memory each"] / in_blocks[-1, 0],
    "over_one": best["one kernel"] / best["x + 1"],
    "separate_softmax": counter.total.moved / rows.nbytes,
    "online_softmax": numbers_moved(lambda: softmax(rows, block=64)) / rows.numel(),
    "whole_softmax": numbers_moved(lambda: softmax(rows)) / rows.numel(),
    "matmul_error": float((matmul(left, right) - left @ right).abs().max()),
    "matmul_words": numbers_moved(lambda: matmul(left, right)) / expected,
    "three_over_one": float(three_over_one[-1]),
}
