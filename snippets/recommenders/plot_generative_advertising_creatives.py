"""
How many ads should a generator write?
======================================

A figure of :doc:`/recommenders/generative_advertising`: click-through rate of Thompson
sampling for two to 64 creatives and the same number of impressions.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.ad_policies import FLAT, ROUGH, sampling
from snippets.recommenders.ad_worlds import draw_rates, simulate

WORLDS, TOTAL, NUMBERS = 32, 5000, (2, 4, 8, 16, 32, 64)

largest = draw_rates(WORLDS, 1, NUMBERS[-1], np.random.default_rng(4))
found = {"best": [], "rough prior": [], "flat prior": []}
for number in NUMBERS:
    rates = largest[..., :number]  # a larger set contains the smaller ones
    best = rates.max(axis=-1)[:, 0]
    found["best"].append(best)
    for name, prior in {"rough prior": ROUGH, "flat prior": FLAT}.items():
        run = simulate(rates, sampling(prior), impressions=TOTAL, batch=100)
        found[name].append(best - run.regret[-1] / TOTAL)
percent = {name: 100 * np.array(rows) for name, rows in found.items()}

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
looks = {"best": "0.5", "rough prior": "C2-^", "flat prior": "C0-o"}
for name, rows in percent.items():
    ax.plot(NUMBERS, rows.mean(axis=1), looks[name], label=name)
    if name != "best":
        error = rows.std(axis=1, ddof=1) / WORLDS**0.5
        band = rows.mean(axis=1) + np.outer((-1, 1), error)
        ax.fill_between(NUMBERS, *band, color=looks[name][:2], alpha=0.15, linewidth=0)
ax.set(xlabel="creatives", ylabel="clicks, % of impressions", ylim=(0, 11.5))
ax.set(xscale="log", xticks=NUMBERS, xticklabels=NUMBERS)
ax.minorticks_off()
ax.legend(loc="upper left")
listed = {
    name: ", ".join(f"{mean:.1f}" for mean in rows.mean(axis=1))
    for name, rows in percent.items()
}
fig.set_label(
    f"Percentage of clicks for {', '.join(map(str, NUMBERS))} creatives: "
    f"{listed['best']} if the best were always shown, {listed['rough prior']} by "
    f"Thompson sampling with a rough prior, {listed['flat prior']} with a flat one."
)
rough, flat = percent["rough prior"], percent["flat prior"]
drop = flat[3] - flat[-1]  # from 16 to 64
measured = {"flat_16": flat[3].mean() / 100, "flat_64": flat[-1].mean() / 100}
measured |= {"rough_16": rough[3].mean() / 100, "rough_64": rough[-1].mean() / 100}
assert drop.mean() > 3 * drop.std(ddof=1) / WORLDS**0.5
