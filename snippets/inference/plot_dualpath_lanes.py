"""
Single path and two paths: what each NIC and the processors do
==============================================================

Twelve turns of agents, all waiting. The unit of time is what one storage NIC needs for
the cache of an average turn; prefill takes 0.4 of it on average.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.inference.dualpath import Cluster, draw_jobs, simulate

pair = Cluster(prefill=1, decode=1)
jobs = draw_jobs(12, compute=0.4)
runs = {
    "single path": simulate(jobs, replace(pair, decode=0)),
    "two paths": simulate(jobs, pair),
}
end, end_of_two = (run.finish.max() for run in runs.values())
assert end_of_two < 0.65 * end

fig, lanes = plt.subplots(2, 1, sharex=True, figsize=(6.2, 4.0))
fig.set_label(
    "Animation of three lanes over time, twice. Single path: the storage NIC of the "
    "prefill node reads without pause, that of the decoding node does nothing, and the "
    "processors of the prefill node wait. Two paths: both NICs read, the processors "
    f"wait less, and all is done after {end_of_two / end:.0%} of the time."
)


def draw(now: float) -> None:
    for ax, (title, run) in zip(lanes, runs.items(), strict=True):
        ax.clear()
        for i, job in enumerate(run.jobs):
            bars = [(run.nic[i], run.loaded[i], job.load)]
            bars += [(2, run.finish[i], job.compute)]
            for row, stop, length in bars:
                start = stop - length
                if start < now:
                    width = min(stop, now) - start
                    ax.barh(row, width, 0.8, start, color=f"C{i % 6}", alpha=0.8)
                    ax.text(start + 0.04, row, i + 1, va="center", fontsize=9)
        done = int(np.sum(run.finish <= now))
        ax.set_yticks(range(3), ["NIC, prefill", "NIC, decoding", "processors"])
        ax.set(xlim=(0, 1.02 * end), ylim=(2.6, -0.6))
        ax.set_title(title, loc="left", fontsize=10)
        ax.set_title(f"{done} of 12 computed", loc="right", fontsize=9)
    lanes[1].set_xlabel("time (mean time of one read)")


opening = FuncAnimation(fig, draw, np.linspace(0, 1.01 * end, 16), interval=500)
