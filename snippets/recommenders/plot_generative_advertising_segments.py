"""
How fine should segments be? Pooled, separate, and partly pooled counts
=======================================================================

A figure of :doc:`/recommenders/generative_advertising`: clicks lost for one to 64
segments, and for segments that have nothing or nearly everything in common.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.ad_policies import ROUGH, PartialPooling, sampling
from snippets.recommenders.ad_worlds import draw_rates, pooled, simulate

WORLDS, TOTAL, BATCH = 12, 10_000, 100
SEGMENTS, SIMILAR, FINE, HALF = (1, 4, 16, 64), (0.0, 0.5, 0.9), 16, 0.5
NAMES = "pooled", "separate", "partly pooled"


def regrets(segments, similarity):
    """Clicks lost by each policy in each world."""
    rng = np.random.default_rng(3)
    rates = draw_rates(WORLDS, segments, 8, rng, similarity)
    policies = sampling(ROUGH, pooled), sampling(ROUGH), PartialPooling()
    runs = [simulate(rates, p, impressions=TOTAL, batch=BATCH) for p in policies]
    return [run.regret[-1] for run in runs]


settings = {(n, HALF) for n in SEGMENTS} | {(FINE, alike) for alike in SIMILAR}
lost = {setting: np.array(regrets(*setting)) for setting in settings}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained", sharey=True)
rows = [(n, HALF) for n in SEGMENTS], [(FINE, alike) for alike in SIMILAR]
for ax, row in zip(axes, rows, strict=True):
    spots = np.arange(len(row))
    for number, look in enumerate(("C3--s", "C0-o", "C2-.^")):
        found = np.array([lost[setting][number] for setting in row])
        error = found.std(axis=1, ddof=1) / WORLDS**0.5
        ax.errorbar(spots, found.mean(axis=1), error, fmt=look, label=NAMES[number])
    ax.set(xticks=spots)
axes[0].set(xlabel="segments", xticklabels=SEGMENTS, ylabel="clicks lost")
axes[0].set(ylim=(0, 420), title=f"similarity {HALF}")
axes[1].set(xlabel="similarity", xticklabels=SIMILAR, title=f"{FINE} segments")
axes[0].legend(loc="upper left")
mean = {setting: found.mean(axis=1) for setting, found in lost.items()}


def listed(row, number):
    return ", ".join(f"{mean[setting][number]:.0f}" for setting in row)


fig.set_label(
    "".join(
        f"{side}, clicks lost for {what}: "
        + "; ".join(f"{name} {listed(row, n)}" for n, name in enumerate(NAMES))
        + ". "
        for side, what, row in zip(
            ("Left", "Right"),
            (f"{SEGMENTS} segments", f"similarities of {SIMILAR}"),
            rows,
            strict=True,
        )
    ).strip()
)
worse = max(found[2] - found[:2].min() for found in mean.values())
measured = {"worse": worse, "fine_pooled": mean[64, HALF][0]}
measured |= {"fine_separate": mean[64, HALF][1]}
assert mean[FINE, 0.0][1] < 0.7 * mean[FINE, 0.0][0]  # nothing in common
assert mean[64, HALF][0] < 0.7 * mean[64, HALF][1]
assert worse < 90
