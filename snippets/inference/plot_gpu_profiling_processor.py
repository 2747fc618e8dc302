"""
GPU profiling: the roofline of the processor that built this page
=================================================================

One thread, 32 bits. The roof is the fastest product and the fastest reading; bars reach
from the best of seven rounds to the median one.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.gpu_profiling import Counter, Machine, linear_cost, seconds_of
from snippets.inference.profiled_layer import linear_step, two_steps

torch.manual_seed(0)
torch.set_num_threads(1)

ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
weight, square = torch.randn(4096, 4096), torch.randn(1024, 1024)
steps = two_steps()
costs = {rows: linear_cost(rows, 4096, 4096, itemsize=4) for rows in ROWS}
for name, run in steps.items():
    with Counter() as counter:
        run()
    costs[name] = counter.total

runs = {rows: linear_step(weight, rows) for rows in ROWS}
runs |= steps | {"product": lambda: square @ square, "signs": lambda: weight.neg_()}
runs |= {"sum": lambda: weight.sum(), "vector": lambda: weight.mv(weight[0])}
runs["dot"] = lambda: weight.flatten().dot(weight.flatten())
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
ax.set(xlabel="operations per byte", ylabel="billion operations per second")
ax.legend(loc="lower right")
rows_ms = np.array([times[rows] for rows in ROWS])[:, [0, 3]] * 1e3
right.vlines(ROWS, *rows_ms.T, color="C2")
right.plot(ROWS, rows_ms[:, 0], "o-", color="C2")
right.set(xlabel="rows", ylabel="time (ms)")
for each in (ax, right):
    each.set_xscale("log", base=2)
    each.set_yscale("log", base=10 if each is ax else 2)
    for axis in (each.xaxis, each.yaxis):
        axis.set_major_formatter("{x:g}")
fig.set_label(
    f"Left: a measured roofline, ridge at {machine.ridge:.1f}. Points of 1 to 128 rows "
    "climb below it; a decoding step lies far left, a prefill step at the right. "
    f"Right: time over rows, {rows_ms[0, 0]:.1f} to {rows_ms[-1, 0]:.1f} ms."
)

measured = {"peak": machine.peak / 1e9, "bandwidth": machine.bandwidth / 1e9}
measured |= {
    "ridge": machine.ridge,
    "highest": max(speed(n, 0) / machine.attainable(costs[n].intensity) for n in costs),
    "gain": speed(64, 0) / speed(1, 0),
    "in_place": 2 * weight.nbytes / times["signs"][0] / machine.bandwidth,
    "two_rows": times[2][0] / times[1][0],
    "64_rows": times[64][0] / times[1][0],
}
