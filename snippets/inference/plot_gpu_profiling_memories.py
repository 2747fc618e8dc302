"""
GPU profiling: every memory has its own bandwidth
=================================================

An array of 32-bit numbers is doubled into another, one thread, the best of nine rounds
with a bar to the median. Small arrays wait for the call itself, larger ones live in a
cache, the largest come from memory.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.gpu_profiling import seconds_of

torch.manual_seed(0)
torch.set_num_threads(1)

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
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.yaxis.set_major_formatter("{x:g}")
ax.set(xlabel="bytes read and written (KiB)", ylabel="gigabytes per second")
ax.set_xticks([1, 16, 256, 4096, 65536], ["1", "16", "256", "4096", "65536"])
fig.set_label(
    "Bandwidth over the size of the data. It rises in proportion while the call takes "
    f"all the time, is highest at {kib[gigabytes[:, 0].argmax()]:.0f} KiB with "
    f"{gigabytes[:, 0].max():.0f} gigabytes per second, and falls to "
    f"{gigabytes[-1, 0]:.0f} where the data no longer fit into a cache."
)

measured = {
    "overhead": 1e6 * seconds[0, 0],
    "cache_gain": gigabytes[:, 0].max() / gigabytes[-1, 0],
}
