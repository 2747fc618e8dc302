"""
Clicks or sales? What the reward leaves out
===========================================

A figure of :doc:`/recommenders/generative_advertising`: sales of a policy that
maximizes clicks, and of one that maximizes sales.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import betaincinv, ndtr

from snippets.recommenders.ad_policies import ROUGH, sampling
from snippets.recommenders.ad_worlds import SHAPE, simulate

WORLDS, CREATIVES, TOTAL = 24, 8, 20_000
CORRELATIONS = (-0.9, -0.5, 0.0, 0.5, 0.9)
SALES = (1.0, 300.0)  # prior: one sale in 301 impressions


def shares(rates, prior):
    """How often each creative is shown by a policy that maximizes these rates."""
    run = simulate(rates, sampling(prior), impressions=TOTAL, batch=100)
    return run.shows / TOTAL


rng = np.random.default_rng(5)
score, other = rng.normal(size=(2, WORLDS, 1, CREATIVES))
clicks = betaincinv(*SHAPE, ndtr(score))
by_clicks = shares(clicks, ROUGH)
rows = []
for r in CORRELATIONS:
    buyers = betaincinv(2, 18, ndtr(r * score + np.sqrt(1 - r**2) * other))
    sales = clicks * buyers  # per impression
    weights = shares(sales, SALES), by_clicks, np.full_like(sales, 1 / CREATIVES)
    sold = [(weight * sales).sum(axis=(1, 2)) for weight in weights]
    rows.append([sales.max(axis=(1, 2)), *sold])
best, *found = 10_000 * np.array(rows).transpose(1, 0, 2)  # correlations, worlds

names = "maximize sales", "maximize clicks", "all equally often"
fig, ax = plt.subplots(figsize=(5, 3.1), layout="constrained")
percent = [100 * sold.mean(axis=1) / best.mean(axis=1) for sold in found]
for name, row, look in zip(names, percent, ("C2-^", "C3--s", "0.5"), strict=True):
    ax.plot(CORRELATIONS, row, look, label=name)
ax.set(xlabel="correlation of click rate and share of buyers", xticks=CORRELATIONS)
ax.set(ylabel="sales, % of the best", ylim=(0, 105))
ax.legend(loc="lower left")
fig.set_label(
    f"Sales in percent of the best creative's, for correlations of {CORRELATIONS}: "
    + "; ".join(
        f"{name} {', '.join(f'{value:.0f}' for value in row)}"
        for name, row in zip(names, percent, strict=True)
    )
    + "."
)
gap = found[0] - found[1]
error = gap.std(axis=1, ddof=1) / WORLDS**0.5
measured = {"by_sales": found[0][0].mean(), "by_clicks": found[1][0].mean()}
measured |= {"even_sales": found[2][0].mean()}
measured |= {"gap": gap[0].mean(), "gap_error": error[0]}
assert gap[0].mean() > 2 * error[0]
