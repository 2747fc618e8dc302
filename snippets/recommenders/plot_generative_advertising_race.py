"""
Learning which ad works for whom: regret of seven policies
==========================================================

A figure of :doc:`/recommenders/generative_advertising`: clicks lost while 20,000 ads
are shown, and what happens if clicks are counted late.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders import ad_worlds as ads
from snippets.recommenders.ad_policies import FLAT, ROUGH, bounds, sampling

WORLDS, TOTAL, DELAYS = 20, 20_000, (50, 200, 1000, 2000)
tuning, rates = (ads.draw_rates(WORLDS, 4, 8, np.random.default_rng(n)) for n in (0, 1))


def split_test(world, trial, segmented):
    rng = np.random.default_rng(2)
    during, after = ads.explore_then_commit(world, trial, rng, segmented=segmented)
    return np.array([trial * during, trial * during + (TOTAL - trial) * after])


def lost(world, policy, batch=DELAYS[0]):
    return ads.simulate(world, policy, impressions=TOTAL, batch=batch).regret


trials, alphas = (1000, 2000, 3000, 4000, 6000), (0.1, 0.2, 0.3, 0.4, 0.6)
alpha = min(alphas, key=lambda a: lost(tuning, bounds(a))[-1].mean())
tests = {}
for name, kind in {"A/B, pooled": False, "A/B per segment": True}.items():
    trial = min(trials, key=lambda n: split_test(tuning, n, kind)[1].mean())
    tests[name] = [0, trial, TOTAL], [0, *split_test(rates, trial, kind).mean(axis=1)]
policies = {
    "Thompson, pooled": ("C3--", sampling(FLAT, ads.pooled)),
    "Thompson, flat prior": ("C0-", sampling(FLAT)),
    "Thompson, rough prior": ("C2-", sampling(ROUGH)),
    "LinUCB": ("C1-.", bounds(alpha)),
}
best = rates.max(axis=-1).mean()
even = TOTAL * (best - rates.mean())
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.7), layout="constrained")
left.plot([0, TOTAL], [0, even], "0.5", label="all equally often")
for style, (name, test) in zip(("C5:", "C4:"), tests.items(), strict=True):
    left.plot(*test, style, label=name)
final = {}
for name, (style, policy) in policies.items():
    regret = lost(rates, policy)
    shown = np.arange(1, len(regret) + 1) * DELAYS[0]
    left.plot(shown, regret.mean(axis=1), style, label=name)
    final[name] = np.array(regret[-1:])
    if name != "Thompson, pooled":
        late = [regret[-1], *(lost(rates, policy, n)[-1] for n in DELAYS[1:])]
        final[name] = np.array(late)
        right.plot(DELAYS, final[name].mean(axis=1), style, marker="o", markersize=4)
        middle = np.quantile(late, (0.25, 0.75), axis=1)
        right.fill_between(DELAYS, *middle, color=style[:2], alpha=0.15, linewidth=0)
left.set(xlabel="impressions", ylabel="clicks lost", ylim=(0, 750))
left.set(xticks=[0, 10_000, 20_000])
right.set(xlabel="impressions between updates", ylabel="clicks lost in the end")
right.set(xscale="log", xticks=DELAYS, xticklabels=DELAYS, ylim=(0, 320))
right.minorticks_off()
fig.legend(loc="outside lower center", ncols=3, columnspacing=1, handlelength=1.6)
means = {name: found.mean(axis=1) for name, found in final.items()}
fig.set_label(
    f"Left: clicks lost after {TOTAL} impressions: {even:.0f} with all equally often"
    + "".join(f", {ends[-1]:.0f} by {name}" for name, (_, ends) in tests.items())
    + "".join(f", {found[0]:.0f} by {name}" for name, found in means.items())
    + f". Right: with updates every {DELAYS[-1]} impressions, "
    + ", ".join(f"{found[-1]:.0f} by {n}" for n, found in list(means.items())[1:])
    + "."
)
pooled, flat, rough, bound = (found / TOTAL for found in means.values())
measured = {"alpha": alpha, "even": even, "best": best, "mean": rates.mean()}
measured |= {
    "pooled": best - pooled[0],
    "flat": best - flat[0],
    "rough": best - rough[0],
}
measured |= {"lift": (best - flat[0]) / (best - pooled[0]) - 1, "lost": TOTAL * flat[0]}
measured |= {"late_flat": flat[-1] / flat[0], "late_bound": bound[-1] / bound[0]}
measured |= {"bound": TOTAL * bound[0], "late_rough": rough[-1] / rough[0]}
assert bound[0] < rough[0] < flat[0] < pooled[0]
