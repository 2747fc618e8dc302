"""
Paged attention: the same memory under four policies
====================================================

A snapshot of a cache with 16,384 slots after 2500 iterations of one simulated server.
Each line of a panel is 2048 slots; blank slots belong to no request.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.cache_policies import four_policies
from snippets.inference.serving_simulator import Scheduler, draw_requests

SIZE, LINE = 16384, 2048
requests = draw_requests(400)
kinds = {"token state": "C0", "reserved": "C2", "internal fragmentation": "C1"}

fig, axes = plt.subplots(2, 2, figsize=(6.2, 4.2), sharex=True, sharey=True)
running = {}
for ax, (policy, memory) in zip(axes.flat, four_policies(SIZE).items(), strict=True):
    scheduler = Scheduler(requests, memory)
    for _ in range(2500):
        scheduler.retire()
        scheduler.admit(now=0.0)
        scheduler.decode()
    owned = np.full(memory.size, 3)
    for name in scheduler.running:
        slots = np.concatenate([list(span) for span in memory.spans[name]])
        owned[slots] = 2
        owned[slots[: scheduler.final[name]]] = 1
        owned[slots[: scheduler.stored[name]]] = 0
    for row, line in enumerate(owned.reshape(-1, LINE)):
        for start, end in pairwise([0, *np.flatnonzero(np.diff(line)) + 1, LINE]):
            color = [*kinds.values(), "none"][line[start]]
            ax.barh(row, end - start, 0.85, start, color=color)
    running[policy] = len(scheduler.running)
    ax.set(title=f"{policy}: {running[policy]} requests", xlim=(0, LINE))
    ax.set(xticks=[0, 1024, 2048], yticks=[], ylim=(7.6, -0.6))
fig.supxlabel("slot within its line", fontsize="medium")
patches = [plt.Rectangle((0, 0), 1, 1, color=color) for color in kinds.values()]
fig.legend(patches, kinds, loc="outside upper center", ncols=3)

assert list(running.values()) == sorted(running.values())
assert running["Paged"] > 2 * running["Oracle"]
fig.set_label(
    f"Four maps of one memory. Max, {running['Max']} requests: each line is used at "
    "its left end and otherwise mostly internal fragmentation. Pow2 and Oracle, "
    f"{running['Pow2']} and {running['Oracle']} requests, with large blank gaps. "
    f"Paged, {running['Paged']} requests: token state nearly everywhere."
)
