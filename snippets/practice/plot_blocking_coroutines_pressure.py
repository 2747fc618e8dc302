"""
A queue without and with back-pressure
======================================

Measurement for :doc:`/practice/blocking_coroutines`, on a simulated clock. A source has
a new item every 10 ms. Two workers take 50 ms for each item. The queue holds all items,
or at most ten.
"""

import asyncio
from collections.abc import AsyncIterator

import matplotlib.pyplot as plt

from snippets.practice.blocking_coroutines import process
from snippets.practice.simulated_loop import simulate

ITEMS, EVERY, WORKERS, TAKES, SIZES = 200, 0.01, 2, 0.05, (200, 10)


async def waits(maxsize: int) -> tuple[list[float], list[float]]:
    """When each item was made, and when a worker took it."""
    loop = asyncio.get_running_loop()
    made, taken = [], []

    async def source() -> AsyncIterator[int]:
        for item in range(ITEMS):
            await asyncio.sleep(EVERY)
            made.append(loop.time())
            yield item

    async def handle(_: int) -> None:
        taken.append(loop.time())
        await asyncio.sleep(TAKES)

    await process(source(), handle, WORKERS, maxsize)
    return made, taken


fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.9), layout="constrained")
measured, said, ends = {}, [], []
for size, style, name in zip(SIZES, ("C3-", "C0--"), ("all", "ten"), strict=True):
    made, taken = simulate(waits(size))
    times = sorted(made + taken)
    there = [sum(m <= t for m in made) - sum(m <= t for m in taken) for t in times]
    wait = [b - a for a, b in zip(made, taken, strict=True)]
    label = "holds all" if size == ITEMS else f"holds {size}"
    axes[0].step(times, there, style, where="post", label=label)
    axes[1].plot(range(1, ITEMS + 1), wait, style, label=label)
    measured |= {f"{name}_most": max(there), f"{name}_wait": max(wait)}
    ends.append(taken[-1] + TAKES)
    said.append(f"{label}: up to {max(there)} items wait, up to {max(wait):.2f} s")
axes[0].set(xlabel="time (simulated s)", ylabel="items that wait")
axes[1].set(xlabel="item", ylabel="its wait (simulated s)")
axes[1].legend()
fig.set_label(f"Two queues. {'. '.join(said)}. Both are empty at the same time.")
measured["end"] = ends[0]
assert abs(ends[0] - ends[1]) < 1e-6
assert measured["ten_most"] == 11 < measured["all_most"]
assert measured["ten_wait"] < 0.3 < 2 < measured["all_wait"]
