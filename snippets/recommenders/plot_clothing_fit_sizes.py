"""
Advised sizes
=============

A figure of :doc:`/recommenders/clothing_fit`: how advised sizes fit, and how many
purchases of a new customer a model needs to advise well.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders.clothing_fit import FIT, LatentSizes, LatentTastes
from snippets.recommenders.fit_causes import fit_by_order, informed_trial
from snippets.recommenders.fit_factors import FitFactors
from snippets.recommenders.fit_quality import shares
from snippets.recommenders.fit_shops import DENSE, draw_histories, draw_shops
from snippets.recommenders.fit_training import train
from snippets.recommenders.fit_trials import advice_trial, newcomer_trial
from snippets.recommenders.fit_world import SIZES

SHOPS, EQUAL, COSTS, COUNTS = 3, (1, 0, 1), (3, 0, 1), (0, 1, 2, 4, 8, 16)
torch.manual_seed(0)
generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
drawn, at = draw_shops(DENSE, SHOPS), (DENSE.customers, DENSE.products, SIZES)
parts, tests = zip(*((one.split.train, one.split.test) for one in drawn), strict=True)
one_lv = [LatentSizes(*at) for _ in drawn]
k_lv = [LatentTastes(*at, 8) for _ in drawn]
k_lf = [FitFactors(*at, 4) for _ in drawn]
train(one_lv, parts, [0.0] * SHOPS, generator)
train(k_lv, parts, [0.03] * SHOPS, generator)
train(k_lf, parts, [0.01] * SHOPS, generator, passes=40, rate=0.1)

bars = {"own choice": sum(shares(one, one.sizes.numpy()) for one in tests) / SHOPS}
settings = {"1-LV": (one_lv, EQUAL), "1-LV, 3 : 1": (one_lv, COSTS)}
settings |= {"K-LF": (k_lf, EQUAL), "K-LV": (k_lv, EQUAL), "K-LV, 3 : 1": (k_lv, COSTS)}
bars |= {name: advice_trial(drawn, *both) for name, both in settings.items()}
histories = [draw_histories(one, 150, 36, rng) for one in drawn]
curves = {
    name: newcomer_trial(drawn, models, histories, COUNTS, generator)
    for name, models in (("K-LV", k_lv), ("1-LV", one_lv))
}
own = np.mean([shares(one, one.sizes.numpy())[FIT] for one in histories])

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), layout="constrained")
rows = np.array([*bars.values()])
for label, color in enumerate(("C0", "C2", "C1")):
    before, name = rows[:, :label].sum(axis=1), ("small", "fit", "large")[label]
    left.barh(range(len(bars)), rows[:, label], left=before, color=color, label=name)
left.set_yticks(range(len(bars)), bars)
left.invert_yaxis()
left.xaxis.set_major_formatter("{x:.0%}")
left.set_xlabel("share of test purchases")
for (name, curve), look in zip(curves.items(), ("C0o-", "C1s--"), strict=True):
    right.plot(range(len(COUNTS)), curve, look, label=name)
right.axhline(own, color="0.4", linestyle=":", label="own choice")
right.yaxis.set_major_formatter("{x:.0%}")
right.set_xticks(range(len(COUNTS)), COUNTS)
right.set(xlabel="purchases of a new customer", ylabel="advised sizes that fit")
for ax in (left, right):
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.4, 1), fontsize=8)
told, points = (
    "; ".join(f"{n}, {', '.join(f'{x:.0%}' for x in row)}" for n, row in part.items())
    for part in (bars, curves)
)
fig.set_label(
    f"Left: shares of small, fit, large. {told}. Right: advised sizes that "
    f"fit after {COUNTS} purchases. {points}; own choice, {own:.0%}."
)
measured = {"factors_fit": bars["K-LF"][FIT]}
for name, models in (("lf", k_lf), ("lv", k_lv)):
    *both, measured["disorder"] = fit_by_order(drawn, models, k_lf)
    measured[f"disordered_{name}"] = both[1]
measured["cost_informed"] = informed_trial(drawn, one_lv, COSTS) @ COSTS
names = {"cost_one": "1-LV", "cost_k": "K-LV"}
names |= {"cost_one_3": "1-LV, 3 : 1", "cost_k_3": "K-LV, 3 : 1"}
measured |= {key: bars[name] @ COSTS for key, name in names.items()}
measured |= {f"after_{n}": curves["K-LV"][COUNTS.index(n)] for n in (0, 2, 8)}
assert measured["after_2"] < own < measured["after_8"]
assert measured["cost_one_3"] > measured["cost_one"] > measured["cost_informed"]
