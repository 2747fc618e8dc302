"""
GPU profiling: two steps, operation by operation
================================================

A layer of a decoder: prefill of 128 tokens, and decoding of one token with 4095 others
in the cache. Shares of the counted operations, of the counted bytes, and of the time
that the profiler saw, for each operation in its best round, one thread.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.gpu_profiling import Counter, profiled_seconds
from snippets.inference.profiled_layer import two_steps

torch.manual_seed(0)
torch.set_num_threads(1)

GROUPS = {"mm": "weights", "bmm": "attention", "cat": "growing\nthe cache"}


def shares(values: dict[str, float]) -> list[float]:
    total = sum(values.values())
    found = [values.get(name, 0) / total for name in GROUPS]
    return [100 * share for share in [*found, 1 - sum(found)]]


fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), sharex=True, sharey=True)
table, intensity = {}, {}
for ax, (name, run) in zip(axes, two_steps().items(), strict=True):
    with Counter() as counter:
        run()
    counted = counter.costs
    intensity[name] = counted["mm"].intensity
    rounds = [profiled_seconds(run) for _ in range(21 if name == "decode" else 9)]
    seen = {key: min(found[key] for found in rounds) for key in rounds[0]}
    bars = {
        "operations": shares({k: cost.operations for k, cost in counted.items()}),
        "bytes": shares({k: cost.moved for k, cost in counted.items()}),
        "time": shares(seen),
    }
    for place, (label, widths) in enumerate(bars.items()):
        ax.barh(np.arange(4) + 0.27 * (place - 1), widths, 0.25, label=label)
    ax.set(title=name, xlabel="share (%)")
    table[name] = bars
axes[0].set_yticks(range(4), [*GROUPS.values(), "rest"])
axes[0].invert_yaxis()
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
fig.set_label(
    "Shares of weights, attention, growing the cache and the rest, in percent. "
    + " ".join(
        f"{name}, {label}: " + ", ".join(f"{width:.0f}" for width in widths) + "."
        for name, bars in table.items()
        for label, widths in bars.items()
    )
)
assert table["decode"]["operations"][2] == 0
assert 20 < table["decode"]["bytes"][2] < 28
assert abs(intensity["decode"] - 0.5) < 0.01
assert intensity["prefill"] > 50

measured = {
    "prefill": intensity["prefill"],
    "decode": intensity["decode"],
    "cat_bytes": table["decode"]["bytes"][2] / 100,
    "cat_time": table["decode"]["time"][2] / 100,
}
