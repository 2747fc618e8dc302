"""
Twelve slots that wait for each other, and twelve that do not
=============================================================

A figure of :doc:`/alignment/agentic_reasoning`: rollouts of a synchronous and of an
asynchronous system, from the same draw of durations.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.alignment.agentic_reasoning import (
    asynchronous,
    draw_durations,
    synchronous,
    update_times,
    utilization,
)

SLOTS, UPDATES, SEED = 12, 4, 3

durations = draw_durations(2000, np.random.default_rng(SEED))
sync = synchronous(durations[: SLOTS * UPDATES].reshape(UPDATES, SLOTS))
end = max(run.end for run in sync)
free = asynchronous(durations.tolist(), SLOTS, SLOTS, 40, max_staleness=1)
free = [run for run in free if run.start < end]

fig, axes = plt.subplots(2, 1, figsize=(6.8, 4.6), layout="constrained", sharex=True)
parts = []
for ax, runs, name in zip(
    axes, (sync, free), ("synchronous", "asynchronous"), strict=True
):
    for run in runs:
        span = (run.start, min(run.end, end) - run.start)
        kind = {"facecolor": f"C{run.version % 4}" if run.kept else "none"}
        bar = (run.slot - 0.4, 0.8)
        ax.broken_barh([span], bar, edgecolor="0.5", linewidth=0.5, **kind)
    updates = [t for t in update_times(runs, SLOTS) if t <= end]
    for time in updates:
        ax.axvline(time, color="0.5", linestyle=":")
    lost = sum(not run.kept for run in runs if run.end <= end)
    parts.append(f"{name}: {len(updates)} updates, {lost} rollouts discarded")
    ax.set(title=name, ylabel="slot", yticks=(), xlim=(0, end))
axes[1].set_xlabel("time, in turns of generation")
fig.set_label(
    f"Bars: rollouts in {SLOTS} slots, until time {end:.0f}. {'; '.join(parts)}. In "
    f"the synchronous system, slots are used for {utilization(sync):.0%} of the time."
)
measured = {
    "sync_updates": len(update_times(sync, SLOTS)),
    "async_updates": len(updates),
}
assert measured["async_updates"] > 1.5 * measured["sync_updates"]

# %% The same with 64 slots, 2000 updates
many = draw_durations(2000 * 64, np.random.default_rng(0)).reshape(-1, 64)
measured |= {"mean": many.mean(), "slowest": many.max(axis=1).mean()}
measured["idle"] = 1 - utilization(synchronous(many))
assert 0.75 < measured["idle"] < 0.83
