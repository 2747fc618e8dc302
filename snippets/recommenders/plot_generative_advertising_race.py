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

WORLDS, TOTAL, DELAYS = 16, 20_000, (50, 400, 2000)
TRIALS, ALPHAS = (1000, 2000, 3000, 4000, 6000), (0.1, 0.2, 0.3, 0.4, 0.6)
tuning, rates = (ads.draw_rates(WORLDS, 4, 8, np.random.default_rng(n)) for n in (0, 1))


def split_test(world, trial, segmented):
    rng = np.random.default_rng(2)
    during, after = ads.explore_then_commit(world, trial, rng, segmented=segmented)
    return np.array([trial * during, trial * during + (TOTAL - trial) * after])


def lost(world, policy, batch=DELAYS[0]):
    return ads.simulate(world, policy, impressions=TOTAL, batch=batch).regret


def tuned(candidates):
    return min(candidates, key=lambda policy: lost(tuning, policy)[-1].mean())


flat, *sharp = sampling(FLAT), *(sampling(ROUGH, sharpness=s) for s in (1, 2, 4))
policies = {
    "Thompson, pooled": ("C3--", sampling(FLAT, ads.pooled)),
    "Thompson, flat prior": ("C0-", flat),
    "Thompson, tuned": ("C2-", tuned([flat, *sharp])),
    "LinUCB, tuned": ("C1-.", tuned([bounds(alpha) for alpha in ALPHAS])),
}
best = rates.max(axis=-1).mean()
even = TOTAL * (best - rates.mean())
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.7), layout="constrained")
left.plot([0, TOTAL], [0, even], "0.5", label="all equally often")
final, late = {"all equally often": even}, {}
for kind, name in enumerate(("A/B, pooled", "A/B per segment")):
    trial = min(TRIALS, key=lambda n: split_test(tuning, n, bool(kind))[1].mean())
    ends = split_test(rates, trial, bool(kind)).mean(axis=1)
    left.plot([0, trial, TOTAL], [0, *ends], ("C5:", "C4:")[kind], label=name)
    final[name] = ends[1]
for name, (style, policy) in policies.items():
    regret = lost(rates, policy)
    left.plot(range(0, TOTAL, DELAYS[0]), regret.mean(axis=1), style, label=name)
    final[name] = regret[-1].mean()
    if name != "Thompson, pooled":
        later = [lost(rates, policy, n)[-1] for n in DELAYS[1:]]
        late[name] = np.array([regret[-1], *later])
        mean, quartiles = late[name].mean(1), np.quantile(late[name], (0.25, 0.75), 1)
        right.plot(DELAYS, mean, style, marker="o", markersize=4)
        right.fill_between(DELAYS, *quartiles, color=style[:2], alpha=0.15, linewidth=0)
left.set(xlabel="impressions", ylabel="clicks lost", xticks=[0, 10_000, 20_000])
right.set(xlabel="impressions between updates", ylabel="clicks lost in the end")
right.set(xscale="log", xticks=DELAYS, xticklabels=DELAYS, ylim=(0, 320))
right.minorticks_off()
fig.legend(loc="outside lower center", ncols=3, columnspacing=1, handlelength=1.6)
ends = ", ".join(f"{row[-1].mean():.0f} by {name}" for name, row in late.items())
fig.set_label(
    f"Left: clicks lost after {TOTAL} impressions, with updates every {DELAYS[0]}: "
    + ", ".join(f"{name} {value:.0f}" for name, value in final.items())
    + f". Right: with updates every {DELAYS[-1]} impressions, {ends}."
)
flat, sharp, bound = late.values()
lift = (best * TOTAL - flat[0].mean()) / (best * TOTAL - final["Thompson, pooled"]) - 1
measured = {"mean": rates.mean(), "best": best, "even": even, "all": best * TOTAL}
measured |= {"lift": lift, "flat": flat[0].mean(), "tuned": sharp[0].mean()}
measured |= {"bound": bound[0].mean(), "late_flat": flat[-1].mean() / flat[0].mean()}
measured["late_bound"] = bound[-1].mean() / bound[0].mean()
gap = bound[[0, -1]] - sharp[[0, -1]]
near, far = gap.mean(axis=1) / (gap.std(axis=1, ddof=1) / WORLDS**0.5)
assert (lift > 0.15) & (abs(near) < 2) & (far > 3)
