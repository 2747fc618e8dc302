"""
What stale samples cost, and what they buy
==========================================

A figure of :doc:`/alignment/agentic_reasoning`: updates until a policy succeeds, by the
age of its samples; and the time that this takes in both rollout systems.
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

RUNS, BATCH, GOAL, LAGS, BOUNDS = 8, 64, 0.9, (0, 4, 16, 64), (0, 1, 4)
names = ["sync.", *(f"≤ {bound}" for bound in BOUNDS)]


def until_goal(success):
    """First update after which each run reaches the goal; all must."""
    reached = success > GOAL
    assert reached.any(dim=1).all()
    return reached.float().argmax(dim=1).numpy()


counts = {True: [], False: []}
for lag in LAGS:
    since = np.minimum(np.arange(420), lag)[None, :, None]
    lags = since.repeat(RUNS, axis=0).repeat(BATCH, axis=2)
    for corrected, found in counts.items():
        found.append(until_goal(train(lags, seed=3, corrected=corrected)))

# %% Time in the two systems: lags and times come from the simulator
steps, times = 240, []
for bound in (None, *BOUNDS):
    systems = []
    for seed in range(RUNS):
        free = draw_durations(32_000, np.random.default_rng(seed))
        if bound is None:
            systems.append(synchronous(free[: steps * BATCH].reshape(steps, BATCH)))
        else:
            systems.append(asynchronous(free.tolist(), BATCH, BATCH, steps, bound))
    clock = np.stack([update_times(runs, BATCH) for runs in systems])
    lags = np.stack([batches(runs, BATCH) for runs in systems])
    times.append(clock[range(RUNS), until_goal(train(lags, seed=2)) - 1])

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.3), layout="constrained")
for n, (corrected, found) in enumerate(counts.items()):
    name, mark = ("weighted", "o-") if corrected else ("not weighted", "x--")
    left.plot(range(len(LAGS)), np.mean(found, axis=1), f"C{n}{mark}", label=name)
    for place, values in enumerate(found):
        left.plot(
            [place + 0.15] * RUNS, values, f"C{n}{mark[0]}", markersize=3, alpha=0.6
        )
left.set(xlabel="lag, updates", ylabel="updates until 90 %", ylim=(0, None))
left.set_xticks(range(len(LAGS)), LAGS)
left.legend()
for place, values in enumerate(times):
    right.plot([place] * RUNS, values / 1000, "C0o", markersize=3, alpha=0.6)
    right.plot(place, values.mean() / 1000, "C0_", markersize=18)
right.set(ylabel="1000 turns until 90 %", ylim=(0, None), xlim=(-0.5, 3.5))
right.set_xticks(range(4), names)
mean = {corrected: np.mean(found, axis=1) for corrected, found in counts.items()}
speedup = times[0] / times[3]
fig.set_label(
    f"Left: mean updates until 90 % success at lags {LAGS}: weighted "
    f"{', '.join(f'{x:.0f}' for x in mean[True])}; not weighted "
    f"{', '.join(f'{x:.0f}' for x in mean[False])}. Right: mean time, "
    + ", ".join(f"{n} {t.mean():.0f}" for n, t in zip(names, times, strict=True))
)
measured = {"fresh": mean[True][0], "old": mean[True][3], "old_plain": mean[False][3]}
measured |= {"fresh_low": counts[True][0].min(), "fresh_high": counts[True][0].max()}
measured |= {"speedup": speedup.mean(), "speedup_low": speedup.min()}
measured |= {"lag_4_plain": mean[False][1]}
assert (np.array(counts[True][3]) < counts[False][3]).all()
assert speedup.min() > 3.5
