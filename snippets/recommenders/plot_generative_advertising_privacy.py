"""
What privacy costs: noisy counts, and how often they are released
=================================================================

A figure of :doc:`/recommenders/generative_advertising`: click-through rate of Thompson
sampling that sees only counts with Laplace noise.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.ad_policies import ROUGH, sampling
from snippets.recommenders.ad_worlds import draw_rates, simulate
from snippets.recommenders.generative_advertising import private

WORLDS, TOTAL = 12, 20_000
EPSILON, RELEASES = (0.03, 0.1, 0.3, 1.0, 3.0), (5, 20, 200)

rates = draw_rates(WORLDS, 4, 8, np.random.default_rng(6))
best = rates.max(axis=-1).mean(axis=1)


def positive(counts):
    """Noise can make counts negative."""
    return np.maximum(counts, 0)


def click_rate(releases, release):
    """Clicks per impression in each world; an impression is in one release."""
    policy, batch = sampling(ROUGH, positive), TOTAL // releases
    run = simulate(rates, policy, impressions=TOTAL, batch=batch, release=release)
    return best - run.regret[-1] / TOTAL


def noisy(epsilon):
    rng = np.random.default_rng(7)
    return lambda counts: private(counts, epsilon, rng)


found = {n: [click_rate(n, noisy(e)) for e in EPSILON] for n in RELEASES}
exact = {n: click_rate(n, lambda counts: counts) for n in RELEASES}
fig, ax = plt.subplots(figsize=(5, 3.1), layout="constrained")
places = [*EPSILON, 10]
for look, n in zip(("C2-^", "C0-o", "C3--s"), RELEASES, strict=True):
    mean = 100 * np.mean([*found[n], exact[n]], axis=1)
    ax.plot(places[:-1], mean[:-1], look, label=f"{n} releases")
    ax.plot(places[-1], mean[-1], look)
for level in (best.mean(), rates.mean()):
    ax.axhline(100 * level, color="0.5", linewidth=0.8)
ax.text(0.03, 100 * best.mean() - 0.35, "best ads", color="0.4")
ax.text(10, 100 * rates.mean() - 0.35, "all equally often", color="0.4", ha="right")
ax.set(xscale="log", xticks=places, ylim=(2.5, 7.2))
ax.set_xticklabels([*EPSILON, "no noise"])
ax.minorticks_off()
ax.set(xlabel=r"$\varepsilon$ of one impression", ylabel="clicks, % of impressions")
ax.legend(loc="lower right", bbox_to_anchor=(1, 0.16))
listed = {
    n: ", ".join(f"{100 * row.mean():.1f}" for row in [*found[n], exact[n]])
    for n in RELEASES
}
fig.set_label(
    f"Percentage of clicks for an epsilon of {', '.join(map(str, EPSILON))} and no "
    f"noise: {'; '.join(f'{listed[n]} with {n} releases' for n in RELEASES)}. The best "
    f"ads have {100 * best.mean():.1f}, and all equally often {100 * rates.mean():.1f}."
)
few, many = found[RELEASES[0]], found[RELEASES[-1]]
measured = {"few": few[2].mean(), "many": many[2].mean()}
measured |= {"strict": max(rows[0].mean() for rows in found.values())}
gap = few[2] - many[2]
assert gap.mean() > 4 * gap.std(ddof=1) / WORLDS**0.5
