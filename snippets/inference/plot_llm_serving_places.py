"""
Continuous batching fills a place as soon as it is free
=======================================================

The animation of :doc:`/inference/llm_serving`: twelve requests in four places, in
static batches and in a continuous one.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.inference.cache_policies import Request
from snippets.inference.llm_serving import Pages, serve
from snippets.inference.server_costs import LLAMA3_8B, Server

# %%
# Twelve requests, four places
# ----------------------------
# Above, a batch starts when the one before it has ended; below, a place is taken again
# as soon as it is free. Prompts have 16 tokens, answers 4 to 22.

server = Server(model=LLAMA3_8B)
lengths = [5, 22, 9, 13, 7, 16, 4, 11, 19, 6, 10, 8]
few = [Request(0.011 * i, prompt=16, output=n) for i, n in enumerate(lengths)]
kinds = {"static": True, "continuous": False}
runs = {
    name: serve(few, server, Pages(4096, max_num_seqs=4), static=static)
    for name, static in kinds.items()
}
ends = {name: 1000 * max(run.finish.values()) for name, run in runs.items()}
assert ends["continuous"] < 0.8 * ends["static"]


def places(run) -> dict[int, int]:
    """The lowest free place for each request that enters."""
    place: dict[int, int] = {}
    for before, now in pairwise([(), *run.running]):
        for name in set(now) - set(before):
            taken = {place[other] for other in now if other in place}
            place[name] = min({0, 1, 2, 3} - taken)
    return place


fig, lanes = plt.subplots(2, 1, sharex=True, figsize=(6.2, 3.6))
fig.set_label(
    "Animation of four places over time, as bars that grow. Above, static batches: "
    "places stay empty until the longest request of a batch has ended. Below, the next "
    "request takes a place at once, and all twelve are finished after "
    f"{ends['continuous']:.0f} instead of {ends['static']:.0f} milliseconds."
)


def draw(now: float) -> None:
    for ax, (title, run) in zip(lanes, runs.items(), strict=True):
        ax.clear()
        steps = list(zip(run.starts, run.running, strict=True))
        begin = {name: start for start, names in reversed(steps) for name in names}
        done = 0
        for name, place in places(run).items():
            start, end = 1000 * begin[name], 1000 * run.finish[name]
            done += end <= now
            if start < now:
                width = min(end, now) - start
                ax.barh(place, width, 0.8, start, color=f"C{name % 6}", alpha=0.8)
                ax.text(start + 1, place, name + 1, va="center", fontsize=9)
        ax.set(xlim=(0, 1.02 * ends["static"]), ylim=(3.6, -0.6))
        ax.set(yticks=[], ylabel=title)
        ax.set_title(f"{done} of 12 finished", loc="right", fontsize=9)
    lanes[1].set_xlabel("time (ms)")


times = np.linspace(0, 1.01 * ends["static"], 18)
filling = FuncAnimation(fig, draw, times, interval=400)

measured = {"sooner": ends["continuous"] / ends["static"]}
