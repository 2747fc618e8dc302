"""
Attention by request keeps more tokens and gets more out of each device
=======================================================================

The figure of :doc:`/inference/model_parallelism` on layouts of a mixture of experts:
tensor parallelism throughout, or data-parallel attention with expert parallelism.
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
# in the cache, and the batch is as large as fits. Up to eight devices share NVLink,
# more a network of 50 GB/s for each device.

CONTEXT, ranks = 4000, [4, 8, 16, 32]
layouts = {"tensor parallel": False, "attention by request": True}
room: dict[str, list[float]] = {name: [] for name in layouts}
rate: dict[str, list[float]] = {name: [] for name in layouts}
for count in ranks:
    link = (
        {"link": 450e9, "latency": 10e-6}
        if count <= 8
        else {"link": 50e9, "latency": 30e-6}
    )
    for name, data_parallel in layouts.items():
        slots = cached_tokens(QWEN3_235B, count, data_parallel=data_parallel)
        batch = slots // CONTEXT
        costs = step_costs(
            QWEN3_235B, count, batch, CONTEXT, data_parallel=data_parallel, **link
        )
        room[name].append(slots / 1e6)
        rate[name].append(batch / step_seconds(costs) / count)
tensor, by_request = layouts
gain = np.array(rate[by_request]) / rate[tensor]
assert gain[0] < 0.8
assert gain[1] > 1.4
assert gain[3] > 4
assert room[by_request][0] < room[tensor][0]

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.2))
fig.set_label(
    "Left: cached tokens over 4, 8, 16 and 32 devices, tensor parallel "
    + ", ".join(f"{y:.1f}" for y in room[tensor])
    + " million, attention by request "
    + ", ".join(f"{y:.1f}" for y in room[by_request])
    + ". Right: tokens per second and device, "
    + ", ".join(f"{y:.0f}" for y in rate[tensor])
    + " against "
    + ", ".join(f"{y:.0f}" for y in rate[by_request])
    + "."
)
for name, marker in zip(layouts, "os", strict=True):
    ax.plot(ranks, room[name], marker=marker, label=name)
    right.plot(ranks, rate[name], marker=marker, label=name)
ax.set(ylabel="cached tokens (millions)", yscale="log")
right.set(ylabel="tokens per second and device", ylim=(0, None))
for axis in (ax, right):
    axis.set(xlabel="devices", xscale="log")
    axis.set_xticks(ranks, ranks)
    axis.minorticks_off()
ax.legend(fontsize=8)

measured = {"room_tensor": room[tensor][1], "room_request": room[by_request][1]}
measured["gain"] = gain[1]
