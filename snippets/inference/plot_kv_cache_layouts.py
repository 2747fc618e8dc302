"""
KV cache: the longest context of PaLM 540B under three layouts
==============================================================

A model of 540 billion parameters on 64 devices, each with 30 % of its 32 GiB for the
cache, and 128 or 512 sequences. The bars are computed, the points are the paper's.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.kv_cache import (
    bytes_per_token,
    bytes_split_by_batch,
    bytes_split_by_heads,
)

palm = dict(layers=118, d_model=18432, d_ff=73728, vocab=256000)
multi_head = Decoder(**palm, heads=64, kv_heads=64, head_dim=128)  # 16 are padding
multi_query = Decoder(**palm, heads=48, kv_heads=1, head_dim=256)
share, devices = 0.3 * 32 * 2**30, 64  # bytes of each device for the cache

layouts = {
    "multi-head,\nheads divided": (bytes_split_by_heads, multi_head),
    "multi-query,\nhead copied": (bytes_split_by_heads, multi_query),
    "multi-query,\nsequences divided": (bytes_split_by_batch, multi_query),
}
ours = {
    batch: [
        int(share // split(sizes, batch, devices)) for split, sizes in layouts.values()
    ]
    for batch in (128, 512)
}
paper = {128: [1320, 660, 43000], 512: [330, 165, 10700]}
for batch, lengths in ours.items():
    assert np.allclose(lengths, paper[batch], rtol=0.015)

fig, ax = plt.subplots(figsize=(6.2, 3))
for shift, (batch, lengths) in zip((-0.2, 0.2), ours.items(), strict=True):
    place = np.arange(3) + shift
    bars = ax.bar(place, lengths, 0.36, label=f"{batch} sequences")
    ax.bar_label(bars, [f"{length:,}" for length in lengths], padding=3, fontsize=9)
    ax.plot(place, paper[batch], "o", mfc="none", color="0.5", ms=9)
ax.plot([], [], "o", mfc="none", color="0.5", ms=9, label="paper")
ax.set_xticks(range(3), layouts)
ax.set(yscale="log", ylim=(100, 2e5), ylabel="longest context (tokens)")
ax.legend(loc="upper left")
fig.set_label(
    "Bars of the longest context, logarithmic, for 128 and 512 sequences: "
    f"{ours[128][0]:,} and {ours[512][0]:,} tokens with multi-head attention, "
    f"{ours[128][1]:,} and {ours[512][1]:,} with one copied key head, "
    f"{ours[128][2]:,} and {ours[512][2]:,} with one key head and divided sequences."
)

weights = 540e9 * 2
cache = (
    512 * 2048 * bytes_per_token(Decoder(**palm, heads=48, kv_heads=48, head_dim=128))
)
measured = {
    "palm_terabytes": cache / 1e12,
    "palm_over_weights": cache / weights,
    "palm_heads": ours[128][0],
    "palm_copies": ours[128][1],
    "palm_batch": ours[128][2],
    "palm_gain": ours[128][2] / ours[128][0],
}
