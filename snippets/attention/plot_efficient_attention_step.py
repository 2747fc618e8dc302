"""
Efficient attention: bytes moved and multiplications of a new token
===================================================================

For :doc:`/attention/efficient_attention`: what one new token costs in eight variants,
after 32,768 tokens.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.efficient_attention import all_costs

# %%
# Two bytes a number; a multiplication and an addition are two operations
# -----------------------------------------------------------------------
# The dotted line is an H100: it computes 989 trillion 16-bit operations and reads 3.35
# trillion bytes per second. A matrix of fixed size is read and written back.

OPERATIONS_PER_BYTE = 989 / 3.35
costs = all_costs(2**15)
colors = [f"C{number}" for number in range(6)] + ["0.5", "0.5"]
left, right = {"ha": "right", "xytext": (-9, -4)}, {"ha": "left", "xytext": (9, -4)}
places = dict.fromkeys(["multi-query", "latent", "sparse", "delta rule"], right)
places["linear"] = {"ha": "center", "xytext": (0, 9)}

moved = {}
fig, ax = plt.subplots(figsize=(6.2, 4.6))
for color, (name, cost) in zip(colors, costs.items(), strict=True):
    moved[name] = (2 if name in ("linear", "delta rule") else 1) * cost.read
    point = cost.multiplications / 1e6, 2 * moved[name] / 2**20
    ax.plot(*point, "o", color=color, ms=9)
    place = places.get(name, left)
    ax.annotate(name, point, textcoords="offset points", **place)
line = np.array([0.7, 4000])
ax.plot(line, 2 * line * 1e6 / OPERATIONS_PER_BYTE / 2**20, ":", color="0.5")
ax.text(250, 0.8, f"{OPERATIONS_PER_BYTE:.0f} operations\nper byte", va="top")
ax.set(xscale="log", yscale="log", xlim=(0.5, 6000), ylim=(0.3, 1500))
ax.set(xlabel="multiplications (millions)", ylabel="bytes moved (MiB)")
fig.set_label(
    "Points of eight variants, multiplications across and bytes moved up, both "
    "logarithmic. Multi-head, grouped-query and multi-query stand above each other; "
    "the sliding window and sparse attention are below and to the left, latent "
    "attention to the right and low, linear attention and the delta rule at the lower "
    f"left. All are above the line of {OPERATIONS_PER_BYTE:.0f} operations per byte."
)
for name, cost in costs.items():
    assert cost.multiplications / moved[name] < OPERATIONS_PER_BYTE
heads, shared = costs["multi-head"], costs["multi-query"]
measured = {
    "query_read": heads.read / shared.read,
    "query_products": heads.multiplications / shared.multiplications,
}
