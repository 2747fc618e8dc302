"""
Efficient attention: which part of the bill each variant cuts
=============================================================

Figures for :doc:`/attention/efficient_attention`: what a layer keeps, what a new token
reads and computes, and what a prompt takes.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.decoding_steps import (
    delta_step,
    flash_step,
    grouped_step,
    latent_step,
    sparse_step,
)
from snippets.attention.deltanet import chunked_delta_rule, linear_attention
from snippets.attention.efficient_attention import (
    multiplications,
    numbers_read,
    tour,
)
from snippets.attention.flash_attention import flash_attention, naive_attention
from snippets.attention.sliding_window_attention import blockwise
from snippets.foundations.peak_memory import PeakMemory

torch.manual_seed(0)

# %%
# What is kept
# ------------
# Three lines rise with the text and differ in height, one bends, one never rises.

tokens = 2 ** np.arange(8, 18)
bills = {int(t): tour(int(t)) for t in tokens}
names = {
    "multi-head": "C0",
    "grouped-query": "C1",
    "multi-query": "C2",
    "sliding window": "C3",
    "latent": "C4",
    "sparse": "C5",
    "delta rule": "0.5",
}

fig, ax = plt.subplots(figsize=(6.2, 4.2))
for name, color in names.items():
    mebibytes = [2 * bill[name].kept / 2**20 for bill in bills.values()]
    style = "--" if name == "sparse" else "-"
    ax.plot(tokens, mebibytes, style, color=color, label=name)
ax.set(xscale="log", yscale="log", xlabel="tokens", ylabel="kept per layer (MiB)")
ax.set_xticks([2**8, 2**11, 2**14, 2**17], labels=["256", "2K", "16K", "128K"])
ax.minorticks_off()
ax.legend(ncols=2)
fig.set_label(
    "Kept mebibytes over tokens, both axes logarithmic. Parallel rising lines, from "
    "the top: multi-head, grouped-query, sparse and latent together, multi-query. The "
    "sliding window follows grouped-query and turns level at 4096 tokens; the "
    "delta rule is level at 1 MiB, less than multi-head from 64 tokens on."
)

# %%
# The formulas, counted
# ---------------------
# The code of each variant's page decodes one token after 600 in the layer of the page.

sizes = {"heads": 32, "head_dim": 128}
latent = {"heads": 32, "latent_dim": 512, "rope_dim": 64, "nope_dim": 128}
latent["value_dim"] = 128
steps = {
    "multi-head": grouped_step(600, kv_heads=32, **sizes),
    "grouped-query": grouped_step(600, kv_heads=8, **sizes),
    "multi-query": grouped_step(600, kv_heads=1, **sizes),
    "latent": latent_step(600, **latent),
    "sparse": sparse_step(600, top_k=2048, index_heads=16, index_dim=128, **latent),
    "delta rule": delta_step(heads=32, key_dim=128, value_dim=128),
}
counted = {}
for name, (kept, run) in steps.items():
    with torch.no_grad():
        products = multiplications(run)
    counted[name] = (
        sum(part.numel() for part in kept),
        numbers_read(kept, run),
        products,
    )
    assert np.allclose(counted[name], tour(600)[name], rtol=1e-3)
flash = flash_step(600, tile=128, **sizes)
assert multiplications(flash.run) == counted["multi-head"][2]

# %%
# What a new token reads and computes
# -----------------------------------
# After 32,768 tokens. On the dotted line a processor that does 295 operations in the
# time of reading a byte is busy with both; above it, it waits for memory.

bill = tour(2**15)
fig, ax = plt.subplots(figsize=(6.2, 4.6))
left, right = {"ha": "right", "xytext": (-9, -4)}, {"ha": "left", "xytext": (9, -4)}
places = dict.fromkeys(["multi-query", "latent", "sparse", "delta rule"], right)
places["linear"] = {"ha": "center", "xytext": (0, 9)}
for name, color in {**names, "linear": "0.5"}.items():
    point = bill[name].multiplications / 1e6, 2 * bill[name].read / 2**20
    ax.plot(*point, "o", color=color, ms=9)
    place = places.get(name, left)
    ax.annotate(name, point, textcoords="offset points", **place)
line = np.array([0.7, 4000])
ax.plot(line, 2 * line * 1e6 / 295 / 2**20, ":", color="0.5")
ax.text(250, 0.8, "295 operations\nper byte", ha="left", va="top")
ax.set(xscale="log", yscale="log", xlim=(0.5, 6000), ylim=(0.3, 1500))
ax.set(xlabel="multiplications (millions)", ylabel="bytes read (MiB)")
fig.set_label(
    "Points of eight variants, multiplications across and bytes read up, both "
    "logarithmic. Multi-head, grouped-query and multi-query stand above each other; "
    "the sliding window and sparse attention are below and to the left, latent "
    "attention to the right and low, linear attention and the delta rule at the lower "
    "left. All are above the line of 295 operations per byte."
)
assert all(2 * b.multiplications / (2 * b.read) < 295 for b in bill.values())

# %%
# What a prompt takes
# -------------------
# One head of 64 features reads a whole prompt; memory and multiplications are counted.

lengths = [256, 512, 1024, 2048]


def prompt(seq: int) -> dict:
    query, key, value = torch.randn(3, 1, 1, seq, 64)
    unit, rate = key / key.norm(dim=-1, keepdim=True), torch.rand(1, 1, seq)
    memory = torch.zeros(1, 1, 64, 64)
    return {
        "multi-head": lambda: naive_attention(query, key, value, causal=True),
        "FlashAttention": lambda: flash_attention(query, key, value, causal=True),
        "sliding window": lambda: blockwise(query, key, value, window=128),
        "delta rule": lambda: chunked_delta_rule(query, unit, value, rate, memory),
    }


def costs(run) -> tuple[int, int]:
    with torch.no_grad(), PeakMemory() as memory:
        run()
    with torch.no_grad():
        return memory.peak, multiplications(run)


table = {
    seq: {name: costs(run) for name, run in prompt(seq).items()} for seq in lengths
}
growth = {name: np.divide(table[2048][name], table[1024][name]) for name in table[1024]}
colors = {"multi-head": "C0", "FlashAttention": "C1"}
colors |= {"sliding window": "C3", "delta rule": "0.5"}
fig, axes = plt.subplots(2, figsize=(5.6, 6), sharex=True)
for name, color in colors.items():
    peak, products = np.array([table[seq][name] for seq in lengths]).T
    axes[0].plot(lengths, peak / 2**20, "o-", color=color, label=name)
    axes[1].plot(lengths, products / 1e6, "o-", color=color, label=name)
for ax, label in zip(
    axes, ("peak memory (MiB)", "multiplications (millions)"), strict=True
):
    ax.set(xscale="log", yscale="log", ylabel=label)
    ax.set_xticks(lengths, labels=lengths)
    ax.minorticks_off()
axes[1].set(xlabel="tokens of the prompt")
axes[0].legend()
fig.set_label(
    "Two panels over the length of a prompt, all axes logarithmic. Memory, with the "
    f"last doubling: multi-head grows {growth['multi-head'][0]:.1f} times, the sliding "
    f"window {growth['sliding window'][0]:.1f}, the delta rule "
    f"{growth['delta rule'][0]:.1f}, FlashAttention {growth['FlashAttention'][0]:.1f} "
    "times. Multiplications: multi-head and FlashAttention grow nearly fourfold "
    "together, the other two twofold."
)
assert growth["multi-head"].min() > 3.5
assert growth["FlashAttention"][0] < 2.4
assert growth["FlashAttention"][1] > 3.3
assert max(growth[name].max() for name in ("sliding window", "delta rule")) < 2.2

linear = [
    costs(lambda: linear_attention(*torch.randn(3, 1, 1, seq, 64)))  # noqa: B023
    for seq in (1024, 2048)
]
linear_growth = np.divide(linear[1], linear[0])
assert linear_growth.max() < 2.2

query, key, value = torch.randn(3, 1, 2, 300, 64)
exact = naive_attention(query, key, value, causal=True)
error = (flash_attention(query, key, value, causal=True) - exact).abs().max()
assert error < 1e-5

measured = {
    "query_read": counted["multi-head"][1] / counted["multi-query"][1],
    "query_products": counted["multi-head"][2] / counted["multi-query"][2],
    "flash_error": float(error),
    "naive_memory": float(growth["multi-head"][0]),
    "flash_memory": float(growth["FlashAttention"][0]),
    "flash_products": float(growth["FlashAttention"][1]),
    "naive_products": float(growth["multi-head"][1]),
    "linear_memory": float(linear_growth[0]),
    "linear_products": float(linear_growth[1]),
    "peak_ratio": table[2048]["multi-head"][0] / table[2048]["FlashAttention"][0],
}
