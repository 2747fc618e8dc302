"""
How late a real loop is while work runs in its thread, in others, or in processes
=================================================================================

Measurement for :doc:`/practice/blocking_coroutines`. Three jobs are started, and a
callback is due every 10 ms. These are wall-clock times of one run, and they vary.
"""

import asyncio
import sys
import time

import matplotlib.pyplot as plt
import torch

from snippets.practice.blocking_coroutines import lags
from snippets.practice.simulated_loop import run

JOBS, PERIOD, BEATS = 3, 0.01, 50
PROGRAM = "sum(i * i for i in range(3_000_000))"
x = torch.randn(1400, 1400)


def sleep() -> None:
    """A call that waits, such as a synchronous HTTP client."""
    time.sleep(0.1)


def python() -> None:
    """A calculation in pure Python."""
    eval(PROGRAM)


def product() -> None:
    """A product of matrices, in C++."""
    x @ x


async def measure(job, where: str) -> tuple[list[float], float]:
    """Lags in ms, and seconds until all jobs are done."""

    async def call() -> None:
        if where == "process":
            command = (sys.executable, "-Sc", PROGRAM)
            child = await asyncio.create_subprocess_exec(*command)
            await child.wait()
        elif where == "thread":
            await asyncio.to_thread(job)
        else:
            job()

    late = asyncio.create_task(lags(PERIOD, BEATS))
    await asyncio.sleep(2 * PERIOD)
    start = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(JOBS)))
    seconds = time.perf_counter() - start
    return [1e3 * value for value in await late], seconds


product()
PLACES = ("coroutine", "thread", "process")
WAYS = {sleep: PLACES[:2], python: PLACES, product: PLACES[:2]}
fig, ax = plt.subplots(figsize=(6.8, 3.4), layout="constrained")
measured, names, edge = {}, [], ax.get_yaxis_transform()
for row, (job, places) in enumerate(WAYS.items()):
    for place in places:
        late, seconds = run(measure(job, place))
        y, name = len(names), f"{job.__name__}_{place}"
        names.append(name.replace("_", ", "))
        ax.plot([max(v, 0.01) for v in late], [y] * BEATS, "|", color=f"C{row}", ms=11)
        ax.text(1.02, y, f"{seconds:.2f} s", va="center", transform=edge)
        measured[name] = max(late)
ax.set(xscale="log", xlabel="beat late (ms, wall clock)", yticks=range(len(names)))
ax.set_yticklabels(names)
ax.invert_yaxis()
worst = [f"{name}: {measured[name.replace(', ', '_')]:.0f} ms" for name in names]
fig.set_label(
    f"How late each of {BEATS} beats was, for {len(names)} ways to run {JOBS} jobs. "
    f"The latest beats: {'; '.join(worst)}."
)
