"""
FLOPs of a decoding step, with all keys and with 2048
=====================================================

A figure of :doc:`/transformers/deepseek`, counted from the published sizes: what one
new token costs in DeepSeek-V3 and in DeepSeek-V3.2, as the cache grows.
"""

import matplotlib.pyplot as plt

from snippets.transformers.deepseek_sizes import V3, V32, flop_parts

lengths = [2**n for n in range(9, 18)]
dense = [flop_parts(V3, 1, n, absorbed=True) for n in lengths]
sparse = [flop_parts(V32, 1, n, absorbed=True) for n in lengths]
matrices = sum(dense[0].values()) - dense[0]["scores and values"]
lines = {
    "all matrices of V3": [matrices] * len(lengths),
    "scores and values, all keys": [p["scores and values"] for p in dense],
    "scores and values, 2048 keys": [p["scores and values"] for p in sparse],
    "indexers": [p["indexers"] for p in sparse],
}

fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for (name, flops), style in zip(lines.items(), ("--", "-o", "-s", "-^"), strict=True):
    ax.plot(lengths, [f / 1e9 for f in flops], style, label=name, ms=4)
ax.set(xscale="log", yscale="log", xlabel="tokens in the cache")
ax.set_ylabel("billion FLOPs per new token")
ax.legend(fontsize=8)
ends = [f"{flops[-1] / 1e9:.0f} ({name})" for name, flops in lines.items()]
fig.set_label(
    f"Four lines on logarithmic axes. At {lengths[-1]} tokens, they are at "
    f"{', '.join(ends)} billion FLOPs. The line of 2048 keys is level from 2048 tokens."
)
steps = [sum(parts[-1].values()) for parts in (dense, sparse)]
assert steps[1] < steps[0] / 5
assert sparse[-1]["indexers"] > steps[1] / 2
assert sum(sparse[0].values()) > sum(dense[0].values())
measured = {
    "dense_long": steps[0] / 1e9,
    "sparse_long": steps[1] / 1e9,
    "matrices": matrices / 1e9,
}
