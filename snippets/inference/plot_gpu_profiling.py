"""
GPU profiling: the roofline, and what a program waits for
=========================================================

The figures of :doc:`/inference/gpu_profiling`: two straight lines, this processor's
own, the time of every operation in two steps, and the bandwidth of every memory.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import operations_per_byte
from snippets.inference.gpu_profiling import (
    Counter,
    Layer,
    Machine,
    linear_cost,
    profiled_seconds,
    seconds_of,
)

torch.manual_seed(0)
torch.set_num_threads(1)


def log_axes(ax, **labels) -> None:
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set(**labels)


# %%
# Two lines
# ---------
# Peaks are those of dense 16-bit products, from data sheets. Circles: rows that go
# through weights of 4096 by 4096 at once. Diamonds: attention of a decoding step, with
# one and with eight query heads to a key head.

machines = {
    "H100": Machine(peak=989e12, bandwidth=3.35e12),
    "A100": Machine(peak=312e12, bandwidth=2.04e12),
}
lines = 2.0 ** np.arange(-1, 13)
fig, ax = plt.subplots()
for color, (name, machine) in enumerate(machines.items()):
    corners = [lines[0], machine.ridge, lines[-1]]
    roof = [machine.attainable(x) / 1e12 for x in corners]
    ax.plot(corners, roof, color=f"C{color}", label=name)
    ax.plot(machine.ridge, roof[1], "|", color=f"C{color}", ms=14)
    y = roof[1] * (0.55 if color else 1.3)
    ax.text(machine.ridge, y, f"{machine.ridge:.0f}", ha="center", color=f"C{color}")
points = [
    *((operations_per_byte(heads), f"{heads} heads", "D") for heads in (1, 8)),
    *((linear_cost(m, 4096, 4096).intensity, f"{m}", "o") for m in (1, 16, 256, 1024)),
]
for intensity, label, marker in points:
    y = machine.attainable(intensity) / 1e12
    size, color = (10, "C3") if marker == "D" else (6, "C2")
    ax.plot(intensity, y, marker, color=color, ms=size)
    label = {"1": "1 row, 1 head", "1 heads": ""}.get(label, label)
    ax.annotate(label, (intensity, y), (8, -12), textcoords="offset points")
ax.plot([], [], "o", color="C2", label="rows through weights")
ax.plot([], [], "D", color="C3", ms=9, label="attention to the cache")
log_axes(ax, xlabel="operations per byte", ylabel="trillion operations per second")
ax.set(ylim=(0.8, 2600))
ax.legend(loc="lower right")
fig.set_label(
    "Rooflines of two processors on logarithmic axes: each rises with slope one and "
    "turns level, the H100 at 295 operations per byte, the A100 at 153. On that of the "
    "A100 circles for 1 and 16 rows climb along the slope, those for 256 and 1024 are "
    "on the level part; diamonds for attention stay low at 1 and 8."
)
assert 152 < machines["A100"].ridge < 154
assert 290 < machines["H100"].ridge < 300

# %%
# The roofline of the processor that built this page
# --------------------------------------------------
# One thread, 32 bits. The roof is the fastest product and the fastest reading; bars
# reach from the best round to the median one. Left of the ridge, rows are nearly free.

ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
weight, square = torch.randn(4096, 4096), torch.randn(1024, 1024)
inputs = {rows: torch.randn(rows, 4096) for rows in ROWS}
outputs = {rows: torch.empty(rows, 4096) for rows in ROWS}
layer = Layer(d_model=1024, heads=16, kv_heads=4, d_ff=4096).requires_grad_(False)
prompt, token = torch.randn(1, 128, 1024), torch.randn(1, 1, 1024)
cache = [torch.randn(1, 4, 4095, 64) for _ in range(2)]
steps = {
    "prefill": lambda: layer(prompt, []),
    "decode": lambda: layer(token, list(cache)),
}
counters = {}
for name, run in steps.items():
    with Counter() as counters[name]:
        run()
costs = {rows: linear_cost(rows, 4096, 4096, itemsize=4) for rows in ROWS}
costs |= {name: counter.total for name, counter in counters.items()}

runs = {
    rows: lambda rows=rows: torch.mm(inputs[rows], weight.T, out=outputs[rows])
    for rows in ROWS
}
runs |= steps | {
    "product": lambda: square @ square,
    "sum": lambda: weight.sum(),
    "dot": lambda: weight.flatten().dot(weight.flatten()),
    "vector": lambda: weight.mv(weight[0]),
}
times = seconds_of(runs, rounds=7, clock=time.thread_time)
machine = Machine(
    peak=2 * 1024**3 / times["product"][0],
    bandwidth=weight.nbytes / min(times[name][0] for name in ("sum", "dot", "vector")),
)


def speed(name, turn: int) -> float:
    return costs[name].operations / times[name][turn]


fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.6), width_ratios=[3, 2])
roof = [machine.attainable(x) / 1e9 for x in (0.3, machine.ridge, 100)]
ax.plot([0.3, machine.ridge, 100], roof, color="0.5")
groups = {"1 to 128 rows": ROWS, "prefill": ("prefill",), "decode": ("decode",)}
for color, (label, names) in zip(("C2", "C0", "C1"), groups.items(), strict=True):
    x = [costs[name].intensity for name in names]
    best, median = ([speed(name, turn) / 1e9 for name in names] for turn in (0, 3))
    ax.vlines(x, median, best, color=color)
    ax.plot(x, best, "o" if names is ROWS else "s", color=color, label=label)
log_axes(ax, xlabel="operations per byte", ylabel="billion operations per second")
ax.legend(loc="lower right")
rows_ms = np.array([times[rows] for rows in ROWS])[:, [0, 3]] * 1e3
right.vlines(ROWS, *rows_ms.T, color="C2")
right.plot(ROWS, rows_ms[:, 0], "o-", color="C2")
log_axes(right, xlabel="rows", ylabel="time (ms)")
right.set_yscale("log", base=2)
right.yaxis.set_major_formatter("{x:g}")
fig.set_label(
    "Left: a measured roofline, rising and then level. Points of 1 to 128 rows climb "
    "below it from lower left; a decoding step lies at the far left, low, a prefill "
    "step at the right, near the level roof. Right: time over the number of rows, "
    "nearly level for few rows and proportional to them for many."
)

# %%
# Two steps, operation by operation
# ---------------------------------
# Shares of the counted operations, of the counted bytes, and of the time that the
# profiler saw, for each operation in its best round. In prefill time goes with the
# operations, in decode with the bytes.

GROUPS = {"mm": "weights", "bmm": "attention", "cat": "growing\nthe cache"}


def shares(values: dict[str, float]) -> list[float]:
    total = sum(values.values())
    found = [values.get(name, 0) / total for name in GROUPS]
    return [100 * share for share in [*found, 1 - sum(found)]]


fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), sharex=True, sharey=True)
decode_shares = {}
for ax, (name, run) in zip(axes, steps.items(), strict=True):
    counted = counters[name].costs
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
    decode_shares = bars
axes[0].set_yticks(range(4), [*GROUPS.values(), "rest"])
axes[0].invert_yaxis()
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
fig.set_label(
    "Bars of shares for weights, attention, growing the cache and the rest. In prefill "
    "weights have 95 percent of the operations and most of the time, but half of the "
    "bytes. In decode growing the cache has no operations, a quarter of the bytes, and "
    "a share of the time near that."
)
assert decode_shares["operations"][2] == 0
assert 20 < decode_shares["bytes"][2] < 28

# %%
# Every memory has its own bandwidth
# ----------------------------------
# An array of 32-bit numbers is doubled into another. Small ones wait for the call
# itself, larger ones live in a cache, the largest come from memory.

sizes = 2 ** np.arange(6, 25)
pairs = [(torch.randn(size), torch.empty(size)) for size in sizes.tolist()]


def doubled(x, y):
    for _ in range(max(1, 2**14 // len(x))):
        torch.mul(x, 2, out=y)


doubling = [
    seconds_of({0: lambda p=p: doubled(*p)}, clock=time.thread_time)[0] for p in pairs
]
calls = np.maximum(1, 2**14 // sizes)
seconds = np.array(doubling)[:, [0, 4]]
seconds /= calls[:, None]
gigabytes = 8 * sizes[:, None] / seconds / 1e9
fig, ax = plt.subplots()
kib = 8 * sizes / 1024
ax.vlines(kib, *gigabytes.T, color="C0")
ax.plot(kib, gigabytes[:, 0], "o-", color="C0")
ax.axhline(machine.bandwidth / 1e9, color="0.5", ls=":")
ax.text(kib[0], 1.1 * machine.bandwidth / 1e9, "the roof of the figure above")
log_axes(ax, xlabel="bytes read and written (KiB)", ylabel="gigabytes per second")
ax.set_xticks([1, 16, 256, 4096, 65536], ["1", "16", "256", "4096", "65536"])
fig.set_label(
    "Bandwidth over the size of the data. It rises in proportion while the call takes "
    "all the time, is highest for data of some megabytes, and falls to a fraction once "
    "they no longer fit into a cache."
)

products = {name: counters[name].costs["mm"].intensity for name in steps}
assert abs(products["decode"] - 0.5) < 0.01
assert products["prefill"] > 50
highest = max(speed(n, 0) / machine.attainable(costs[n].intensity) for n in costs)
overhead = seconds[0, 0]
measured = {
    "layer_mb": sum(p.nbytes for p in layer.parameters()) / 1e6,
    "ridge": machine.ridge,
    "highest": highest,
    "gain": speed(64, 0) / speed(1, 0),
    "gain_median": speed(64, 3) / speed(1, 3),
    "prefill": products["prefill"],
    "decode": products["decode"],
    "two_rows": times[2][0] / times[1][0],
    "64_rows": times[64][0] / times[1][0],
    "cat_bytes": decode_shares["bytes"][2] / 100,
    "cat_time": decode_shares["time"][2] / 100,
    "overhead": 1e6 * overhead,
    "cache_gain": gigabytes[:, 0].max() / gigabytes[-1, 0],
    "peak_growth": machines["H100"].peak / machines["A100"].peak,
    "bandwidth_growth": machines["H100"].bandwidth / machines["A100"].bandwidth,
}
