"""
Rows are fetched while the first block computes
===============================================

A figure of :doc:`/transformers/engram`. What the host and the accelerator do in a
forward pass, in order, and not to scale.
"""

import matplotlib.pyplot as plt

LANES = {
    "host": [(0, 1, "hash"), (1, 2, "read rows, copy")],
    "device": [
        (0, 3.4, "embed, block 1"),
        (3.4, 1, "gate"),
        (4.4, 3, "rest of block 2"),
    ],
}

fig, ax = plt.subplots(figsize=(6, 1.9), layout="constrained")
for y, (lane, works) in enumerate(LANES.items()):
    for start, length, name in works:
        color = "C0" if lane == "host" else "C1" if name == "gate" else "0.6"
        ax.barh(-y, length, 0.6, start, fc=color, ec="0.5", alpha=0.45)
        ax.text(start + length / 2, -y, name, ha="center", va="center", size=9)
copied = sum(LANES["host"][-1][:2])
used = LANES["device"][1][0]
assert copied < used
arrow = {"arrowstyle": "->", "color": "C1"}
ax.annotate("", (used, -0.7), (copied, -0.3), arrowprops=arrow)
ax.axvline(0, ls="--", color="0.5")
ax.text(-0.1, -0.5, "tokens known", rotation=90, va="center", ha="right", size=9)
ax.set_yticks([0, -1], LANES)
ax.set(xticks=[], xlabel="time", xlim=(-0.6, 7.6), ylim=(-1.5, 0.5))
fig.set_label(
    "Two rows of boxes against time. The host hashes the tokens, then reads and copies "
    "rows. Meanwhile the device embeds tokens and computes block 1. An arrow leads "
    "from the end of the copy to the gate on the device, before the rest of block 2."
)
