"""
The time that stale samples buy
===============================

A figure of :doc:`/alignment/agentic_reasoning`: simulated time until a policy succeeds,
in a synchronous system and in asynchronous ones with three bounds on the lag.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.alignment.agentic_reasoning import (
    asynchronous,
    batches,
    draw_durations,
    synchronous,
    update_times,
)
from snippets.alignment.chain_policy import train

RUNS, BATCH, UPDATES, GOAL = 8, 64, 240, 0.9
SYSTEMS = {"synchronous": None, "bound 0": 0, "bound 1": 1, "bound 4": 4}

times = {}
for name, bound in SYSTEMS.items():
    systems = []
    for seed in range(RUNS):
        drawn = draw_durations(32_000, np.random.default_rng(seed))
        if bound is None:
            rows = drawn[: UPDATES * BATCH].reshape(UPDATES, BATCH)
            systems.append(synchronous(rows))
        else:
            runs = asynchronous(drawn.tolist(), BATCH, BATCH, UPDATES, bound)
            systems.append(runs)
    clock = np.stack([update_times(runs, BATCH) for runs in systems])
    lags = np.stack([batches(runs, BATCH) for runs in systems])
    reached = train(lags, seed=2) > GOAL  # weighted
    assert reached.any(dim=1).all()
    last = reached.float().argmax(dim=1).numpy() - 1  # the update that reached it
    times[name] = clock[range(RUNS), last] / 1000

fig, ax = plt.subplots(figsize=(6.0, 3.0), layout="constrained")
for place, values in enumerate(times.values()):
    ax.plot([place] * RUNS, values, "C0o", markersize=4, alpha=0.6)
    ax.plot(place, values.mean(), "C0_", markersize=24)
ax.set(ylabel="1000 units of time", ylim=(0, None), xlim=(-0.5, 3.5))
ax.set_xticks(range(len(times)), times)
fig.set_label(
    "Mean time until 90 % success, in 1000 units: "
    + ", ".join(f"{name} {values.mean():.1f}" for name, values in times.items())
)
speedup = times["synchronous"] / times["bound 4"]
measured = {"speedup": speedup.mean(), "speedup_low": speedup.min()}
assert speedup.min() > 3.5
