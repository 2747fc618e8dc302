"""
Grouped-query attention: which query heads share a key/value head
=================================================================

Diagram for :doc:`/attention/grouped_query_attention`: eight query heads and the
key/value heads that they use in multi-head, grouped-query and multi-query attention.
"""

import matplotlib.pyplot as plt

# %%
# Query heads above, key/value heads below
# ----------------------------------------

HEADS = 8
names = {8: "multi-head", 2: "grouped-query", 1: "multi-query"}

fig, axes = plt.subplots(3, figsize=(6.2, 4.2))
for ax, (kv_heads, name) in zip(axes, names.items(), strict=True):
    group = HEADS // kv_heads
    for head in range(HEADS):
        shared = head // group
        x = shared * group + (group - 1) / 2
        color = f"C{shared}" if kv_heads < HEADS else "0.5"
        ax.plot([head, x], [1, 0], color=color, lw=1.5)
        ax.plot(head, 1, "o", color=color, ms=9)
        ax.plot(x, 0, "s", color=color, ms=11)
    label = f"{name}\n{kv_heads} key/value head{'s' if kv_heads > 1 else ''}"
    ax.text(-1.0, 0.5, label, ha="right", va="center")
    ax.set(xlim=(-1, 7.5), ylim=(-0.35, 1.35))
    ax.axis("off")
fig.set_label(
    "Three rows of eight query heads connected to key/value heads: each to its own in "
    "multi-head, four to each of two in grouped-query, all to one in multi-query."
)
