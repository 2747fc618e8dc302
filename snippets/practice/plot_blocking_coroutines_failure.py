"""
What a failure does to the other tasks
======================================

A figure for :doc:`/practice/blocking_coroutines`, on a simulated clock. Five tasks
start at once, and one fails after 0.2 s. They run under ``asyncio.gather`` or in an
``asyncio.TaskGroup``.
"""

import asyncio

import matplotlib.pyplot as plt

from snippets.practice.simulated_loop import simulate

TASKS, FAILS, AT = [0.5, 0.6, 0.2, 0.7, 0.8], 2, 0.2


async def five(grouped: bool) -> tuple[list[tuple[str, float]], float]:
    """How and when each task ended, and when the caller saw the error."""
    loop = asyncio.get_running_loop()
    ends = [("", 0.0)] * len(TASKS)

    async def task(number: int) -> None:
        try:
            await asyncio.sleep(TASKS[number])
            if number == FAILS:
                raise KeyError(number)
            ends[number] = ("finished", loop.time())
        except asyncio.CancelledError:
            ends[number] = ("cancelled", loop.time())
            raise
        except KeyError:
            ends[number] = ("failed", loop.time())
            raise

    try:
        if grouped:
            async with asyncio.TaskGroup() as group:
                for number in range(len(TASKS)):
                    group.create_task(task(number))
        else:
            await asyncio.gather(*map(task, range(len(TASKS))))
    except* KeyError:
        seen = loop.time()
    await asyncio.sleep(1)
    return ends, seen


COLORS = {"finished": "C0", "cancelled": "C7", "failed": "C3"}
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.8, 2.6), layout="constrained")
measured, said = {}, []
for ax, name in zip(axes, ("gather", "TaskGroup"), strict=True):
    ends, seen = simulate(five(name == "TaskGroup"))
    for row, (how, when) in enumerate(ends, 1):
        ax.barh(row, when, color=COLORS[how])
        ax.text(when + 0.02, row, how, va="center")
    ax.axvline(seen, color="0.5", ls=":")
    ax.set(title=name, xlabel="time (simulated s)", xlim=(0, 1.15))
    count = sum(how == "finished" for how, _ in ends)
    measured[f"finished_{name.lower()}"] = count
    said.append(f"{name}: after a task fails at {seen} s, {count} of 4 others finish")
    assert seen == AT
axes[0].set(ylabel="task", yticks=range(1, len(TASKS) + 1))
axes[0].invert_yaxis()
fig.set_label(f"{'. '.join(said)}.")
assert (measured["finished_gather"], measured["finished_taskgroup"]) == (4, 0)
