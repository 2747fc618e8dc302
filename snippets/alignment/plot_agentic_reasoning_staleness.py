"""
More rollouts, fewer long ones: what a bound on staleness does
==============================================================

A figure of :doc:`/alignment/agentic_reasoning`: kept rollouts per unit of time, and
which rollouts a bound discards, for 64 slots and batches of 64.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.alignment.agentic_reasoning import (
    asynchronous,
    draw_durations,
    synchronous,
)

SLOTS, UPDATES, DRAWS, BOUNDS = 64, 120, 3, (0, 1, 2, 4, 8)


def summary(runs):
    """Kept rollouts per time, share discarded, and mean duration of the kept."""
    kept = [run.end - run.start for run in runs if run.kept]
    end = max(run.end for run in runs)
    return len(kept) / end, 1 - len(kept) / len(runs), np.mean(kept)


rows, base = np.zeros((DRAWS, len(BOUNDS), 3)), np.zeros((DRAWS, 3))
for seed in range(DRAWS):
    durations = draw_durations(25_000, np.random.default_rng(seed))
    full = durations[: SLOTS * UPDATES].reshape(UPDATES, SLOTS)
    base[seed] = summary(synchronous(full))
    for n, bound in enumerate(BOUNDS):
        runs = asynchronous(durations.tolist(), SLOTS, SLOTS, UPDATES, bound)
        rows[seed, n] = summary(runs)
    rows[seed, :, 2] /= durations.mean()
rate, lost, length = rows.mean(axis=0).T
sync_rate, _, _ = base.mean(axis=0)

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
place = range(len(BOUNDS))
left.plot(place, rate, "C0o-", label="asynchronous")
left.axhline(sync_rate, color="C1", linestyle="--", label="synchronous")
left.set(xlabel="bound", ylabel="kept rollouts per time", ylim=(0, 2))
right.plot(place, length, "C0o-", label="duration of kept")
right.plot(place, lost, "C1x--", label="discarded")
right.set(xlabel="bound", ylabel="share", ylim=(0, 1.05))
for ax in (left, right):
    ax.set_xticks(place, BOUNDS)
    ax.legend()
fig.set_label(
    "For bounds of "
    + ", ".join(
        f"{b}: {r:.2f} rollouts per time, {x:.0%} discarded, mean duration of the kept "
        f"{s:.0%} of all"
        for b, r, x, s in zip(BOUNDS, rate, lost, length, strict=True)
    )
    + f". Synchronous: {sync_rate:.2f} rollouts per time."
)
measured = {"sync_rate": sync_rate, "length_0": length[0]}
for n, bound in ((0, 0), (3, 4)):
    measured |= {f"rate_{bound}": rate[n], f"lost_{bound}": lost[n]}
assert np.ptp(rows[..., 0], axis=0).max() < 0.1  # the draws agree
assert 2.5 < rate[0] / sync_rate < 3
assert (np.diff(rate) > -0.01).all()
assert length[0] < 0.5 < 0.9 < length[3]
