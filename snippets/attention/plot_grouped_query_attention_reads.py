"""
Grouped-query attention: what a decoding step reads
===================================================

For :doc:`/attention/grouped_query_attention`: bytes that one decoding step reads from
memory, weights and caches, for a model of the shape of Llama 2 70B with 64, 8 or 1
key/value heads. Nothing is measured; the lines are computed.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.grouped_query_attention import cache_bytes

# %%
# Weights once, and a cache for each request
# ------------------------------------------
# 70 billion weights in 16 bits, and 4096 tokens for each request.

requests = np.arange(1, 129)
weights = 2 * 70e9
read = {
    kv_heads: (weights + requests * cache_bytes(80, kv_heads, 128, tokens=4096)) / 1e9
    for kv_heads in (64, 8, 1)
}

fig, ax = plt.subplots()
for kv_heads, gigabytes in read.items():
    ax.plot(requests, gigabytes, label=f"{kv_heads}")
ax.axhline(weights / 1e9, color="0.5", ls=":")
ax.text(2, weights / 1e9 - 25, "weights alone", va="top")
ax.legend(title="key/value heads")
ax.set(xlabel="requests in one step", ylabel="bytes read (GB)", ylim=(0, None))
fig.set_label(
    "Lines of gigabytes read in one step over the number of requests. All start near "
    f"the {weights / 1e9:.0f} GB of the weights. At 128 requests they reach "
    f"{read[64][-1]:.0f} GB with 64 key/value heads, {read[8][-1]:.0f} GB with 8 and "
    f"{read[1][-1]:.0f} GB with 1."
)
