"""
What stale samples cost
=======================

A figure of :doc:`/alignment/agentic_reasoning`: updates until a policy succeeds, by the
age of its samples, with and without importance weights.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.alignment.chain_policy import train

RUNS, BATCH, GOAL, LAGS = 8, 64, 0.9, (0, 4, 16, 64)
UPDATES = {4.0: 560, 8.0: 420, 16.0: 280}  # for each learning rate


def needed(lag, corrected, rate=8.0):
    """Updates until each run reaches the goal, if all samples have this lag."""
    since = np.minimum(np.arange(UPDATES[rate]), lag)[:, None]
    lags = np.tile(since, (RUNS, 1, BATCH))
    reached = train(lags, seed=3, rate=rate, corrected=corrected) > GOAL
    assert reached.any(dim=1).all()
    return reached.float().argmax(dim=1).numpy()


counts = {by: np.array([needed(lag, by) for lag in LAGS]) for by in (True, False)}
ratios = [needed(64, False, r).mean() / needed(64, True, r).mean() for r in UPDATES]
mean = {by: found.mean(axis=1) for by, found in counts.items()}

fig, ax = plt.subplots(figsize=(6.0, 3.2), layout="constrained")
for n, (by, found) in enumerate(counts.items()):
    name, line, mark = ("weighted", "-", "o") if by else ("not weighted", "--", "x")
    ax.plot(range(len(LAGS)), mean[by], f"C{n}{mark}{line}", label=name)
    for place, values in enumerate(found):
        at = [place + 0.12 * (-1 if by else 1)] * RUNS
        ax.plot(at, values, f"C{n}{mark}", markersize=3, alpha=0.6)
ax.set(xlabel="lag, in updates", ylabel="updates until 90 %", ylim=(0, None))
ax.set_xticks(range(len(LAGS)), LAGS)
ax.legend()
fig.set_label(
    f"Mean updates until 90 % success at lags of {', '.join(map(str, LAGS))}: weighted "
    f"{', '.join(f'{x:.0f}' for x in mean[True])}; not weighted "
    f"{', '.join(f'{x:.0f}' for x in mean[False])}"
)
measured = {"fresh": mean[True][0], "old": mean[True][3]}
measured |= {"fresh_low": counts[True][0].min(), "fresh_high": counts[True][0].max()}
measured |= {"lag_4_plain": mean[False][1]}
measured |= {"ratio_low": min(ratios), "ratio_high": max(ratios)}
assert (counts[True][3] < counts[False][3]).all()
assert min(ratios) > 1.3
