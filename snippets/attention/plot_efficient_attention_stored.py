"""
Efficient attention: memory over the length of the text
=======================================================

For :doc:`/attention/efficient_attention`: the numbers that one layer stores between two
tokens, computed for seven variants.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.efficient_attention import all_costs

# %%
# One layer with 32 query heads of 128 features, 16-bit numbers
# -------------------------------------------------------------

tokens = 2 ** np.arange(8, 18)
colors = {
    "multi-head": "C0",
    "grouped-query": "C1",
    "multi-query": "C2",
    "sliding window": "C3",
    "latent": "C4",
    "sparse": "C5",
    "delta rule": "0.5",
}
fig, ax = plt.subplots(figsize=(6.2, 4.2))
for name, color in colors.items():
    mebibytes = [2 * all_costs(int(t))[name].stored / 2**20 for t in tokens]
    style = "--" if name == "sparse" else "-"
    ax.plot(tokens, mebibytes, style, color=color, label=name)
ax.set(xscale="log", yscale="log", xlabel="tokens", ylabel="stored per layer (MiB)")
ax.set_xticks([2**8, 2**11, 2**14, 2**17], labels=["256", "2K", "16K", "128K"])
ax.minorticks_off()
ax.legend(ncols=2)

state = all_costs(1)["delta rule"].stored
equal = state // all_costs(1)["multi-head"].stored
assert all_costs(4096)["sliding window"] == all_costs(2**17)["sliding window"]
fig.set_label(
    "Mebibytes over tokens, both axes logarithmic. Parallel rising lines, from above: "
    "multi-head, grouped-query, sparse and latent close together, multi-query. The "
    "sliding window follows grouped-query and is level from 4096 tokens on; the delta "
    f"rule is level at {2 * state / 2**20:.0f} MiB, less than multi-head from {equal} "
    "tokens on."
)
