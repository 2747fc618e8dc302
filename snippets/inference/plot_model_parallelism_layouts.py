"""
As many ranks share the heads of a request as there are key heads
=================================================================

The figure of :doc:`/inference/model_parallelism` on layouts of a mixture of experts:
eight, four or one device for the attention of a request.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.expert_costs import (
    QWEN3_235B,
    cached_tokens,
    step_costs,
    step_seconds,
)

# %%
# Room, and tokens per second
# ---------------------------
# Qwen3-235B-A22B with weights of 8 bits on H100 devices; every request has 4000 tokens
# in the cache, and the batch is as large as fits. Eight devices form a node and share
# NVLink, more are joined by a network of 50 GB/s for each device. Tensor parallelism
# stays in a node: 16 and 32 devices hold two and four copies of the model.

CONTEXT, NODE, ranks = 4000, 8, [4, 8, 16, 32]
layouts = {"tensor parallel": NODE, "groups of four": 4, "data parallel": 1}
network = {"link": 50e9, "latency": 30e-6}
room: dict[str, list[float]] = {name: [] for name in layouts}
rate: dict[str, list[float]] = {name: [] for name in layouts}
for name, tensor_ranks in layouts.items():
    for count in ranks:
        shared = min(tensor_ranks, count)
        joined = min(count, NODE) if name == "tensor parallel" else count
        link = network if joined > NODE else {}
        slots = cached_tokens(QWEN3_235B, joined, shared)
        batch = slots // CONTEXT
        costs = step_costs(QWEN3_235B, joined, shared, batch, CONTEXT, **link)
        room[name].append(slots * count / joined / 1e6)
        rate[name].append(batch / step_seconds(costs) / joined)
tensor, groups, data = layouts
assert rate[data][0] < 0.8 * rate[tensor][0] == 0.8 * rate[groups][0]
assert np.all(np.array(rate[groups][1:]) > 1.02 * np.array(rate[data][1:]))
assert np.all(np.array(rate[data][1:]) > 1.4 * np.array(rate[tensor][1:]))

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.2))
fig.set_label(
    "Left: cached tokens in millions over 4, 8, 16 and 32 devices. "
    + "; ".join(f"{k} " + ", ".join(f"{y:.1f}" for y in v) for k, v in room.items())
    + ". Right: tokens per second and device. "
    + "; ".join(f"{k} " + ", ".join(f"{y:.0f}" for y in v) for k, v in rate.items())
    + "."
)
for name, marker in zip(layouts, "ovs", strict=True):
    ax.plot(ranks, room[name], marker=marker, label=name)
    right.plot(ranks, rate[name], marker=marker, label=name)
ax.set(ylabel="cached tokens (millions)", yscale="log")
right.set(ylabel="tokens per second and device", ylim=(0, None))
for axis in (ax, right):
    axis.set(xlabel="devices", xscale="log")
    axis.set_xticks(ranks, ranks)
    axis.minorticks_off()
ax.legend(title="attention", fontsize=8, title_fontsize=8)

measured = {f"room_{n.split()[0]}": room[n][1] for n in layouts}
measured["gain"] = rate[groups][1] / rate[tensor][1]
measured["gain_data"] = rate[data][1] / rate[tensor][1]
