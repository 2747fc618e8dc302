"""
Kernel optimization: four operations on eight million numbers
=============================================================

All four on one block, then the next block, in memory set aside before; one thread.
Small blocks pay for calls, large ones do not stay in a cache. Bars reach from the best
of nine rounds to the median.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.flash_attention_kernel import numbers_moved
from snippets.inference.gpu_profiling import Counter, seconds_of
from snippets.inference.kernel_optimization import hardswish, hardswish_in_blocks
from snippets.inference.triton_kernels import fused_hardswish, softmax

torch.manual_seed(0)
torch.set_num_threads(1)

x = torch.randn(2**23)
out, buffer = torch.empty(2, len(x))
blocks = [2**power for power in (12, 14, 16, 18, 20, 23)]
runs = {
    block: lambda size=block: hardswish_in_blocks(x, out, buffer[:size])
    for block in blocks
}
runs |= {
    "four, new memory each": lambda: hardswish(x),
    "one kernel": lambda: torch.ops.aten.hardswish.out(x, out=out),
    "x + 1": lambda: torch.add(x, 1, out=out),
}
times = seconds_of(runs, rounds=9, clock=time.thread_time)
best, median = (
    {name: 1e3 * found[turn] for name, found in times.items()} for turn in (0, 4)
)
in_blocks = np.array([[best[block], median[block]] for block in blocks])
kib = np.array(blocks) / 256
fig, ax = plt.subplots()
ax.vlines(kib, *in_blocks.T, color="C0")
ax.plot(kib, in_blocks[:, 0], "o-", color="C0", label="four operations, in blocks")
for color, (name, style) in enumerate(zip([*runs][-3:], ("-", "-", "--"), strict=True)):
    ax.axhline(best[name], color=f"C{color + 1}", ls=style, label=name)
ax.set_xscale("log", base=2)
ax.set_xticks(kib, [f"{size:g}" for size in kib])
ax.set_yscale("log", base=2)
ax.yaxis.set_major_formatter("{x:g}")
ax.set(xlabel="block (KiB)", ylabel="time (ms)")
ax.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.92))
fig.set_label(
    "Time over the size of the block, logarithmic. The curve falls from small blocks "
    "and rises again where a block is all of the numbers, "
    f"{in_blocks[-1, 0]:.1f} ms. Level lines: "
    + ", ".join(f"{name} {best[name]:.1f} ms" for name in [*runs][-3:])
    + "."
)

# %%
# Words that the operations and kernels move, counted:

with Counter() as counter:
    hardswish(x)
fused = numbers_moved(lambda: fused_hardswish(x[:1000])) / 1000
assert (counter.total.moved / x.nbytes, fused) == (9, 2)
rows = torch.randn(6, 300)
online = numbers_moved(lambda: softmax(rows, block=64)) / rows.numel()
measured = {
    "faster": in_blocks[-1, 0] / best["one kernel"],
    "blocks": in_blocks[-1, 0] / in_blocks[:, 0].min(),
    "new_memory": best["four, new memory each"] / in_blocks[-1, 0],
    "over_one": median["one kernel"] / median["x + 1"],
    "online_gain": 4 / online,
}
