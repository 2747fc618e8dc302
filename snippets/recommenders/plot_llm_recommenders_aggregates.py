"""
Borda count, Kemeny's ranking, fitted positions, or scores
==========================================================

A figure of :doc:`/recommenders/llm_recommenders`: six ways to make one ranking of the
same answers, for random and for balanced orders.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders import rank_aggregation
from snippets.recommenders.llm_recommenders import (
    borda,
    borda_corrected,
    place_by_position,
    places,
    williams,
)
from snippets.recommenders.rank_aggregation import kemeny, kendall_tau
from snippets.recommenders.ranker_trials import draw_trial
from snippets.recommenders.simulated_ranker import linear, u_shaped

REQUESTS, ITEMS, CALLS = 1000, 10, (1, 4, 10)
rng, ranker, plain = np.random.default_rng(2), linear(ITEMS), np.arange(ITEMS)[None]
log = draw_trial(ranker, plain, 1, REQUESTS, rng)  # one call for each other request
expected = place_by_position(log.orders, log.answers)


def all_ways(design, calls):
    """Tau of each request, by each way to aggregate."""
    trial = draw_trial(ranker, design, calls, REQUESTS, rng)
    known = trial.scores - ranker.offset[places(trial.orders)]
    points = {
        "Kemeny": kemeny(trial.answers),
        "reciprocal ranks": rank_aggregation.reciprocal_rank_fusion(trial.answers),
        "Borda": borda(trial.answers),
        "Borda, fitted": borda_corrected(trial.orders, trial.answers, expected),
        "mean score": trial.scores.mean(axis=1),
        "mean score, known bias": known.mean(axis=1),
    }
    return {name: kendall_tau(found, trial.relevance) for name, found in points.items()}


DESIGNS = {"random": plain, "Williams": williams(ITEMS)}
tau = {(kind, m): all_ways(DESIGNS[kind], m) for kind in DESIGNS for m in CALLS}
names = list(tau["random", 1])
mean = {key: [found[name].mean() for name in names] for key, found in tau.items()}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0), layout="constrained", sharey=True)
for ax, kind in zip(axes, DESIGNS, strict=True):
    for m, look in zip(CALLS, ("C3o", "C1^", "C0s"), strict=True):
        label = "1 call" if m == 1 else f"{m} calls"
        ax.plot(mean[kind, m], range(len(names)), look, label=label)
    ax.set(xlim=(0.3, 1), xlabel="Kendall's tau with the truth", title=f"{kind} orders")
    ax.grid(axis="y", alpha=0.4)
axes[0].set(yticks=range(len(names)), yticklabels=names)
axes[0].legend(fontsize=8, loc="lower right")

other = draw_trial(u_shaped(ITEMS), plain, 1, REQUESTS, rng)  # the fit is not for it
stale = borda_corrected(other.orders, other.answers, expected)
ten, balanced = tau["random", 10], tau["Williams", 10]
gap = ten["Borda"] - ten["Kemeny"]
measured = {
    "kemeny_1": tau["random", 1]["Kemeny"].mean(), "kemeny_10": ten["Kemeny"].mean(),
    "fitted_1": mean["random", 1][3], "fitted_10": mean["random", 10][3],
    "known_1": mean["random", 1][5], "balanced_10": balanced["Borda"].mean(),
    "unfitted": kendall_tau(borda(other.answers), other.relevance).mean(),
    "stale": kendall_tau(stale, other.relevance).mean(),
    "balanced_score": balanced["mean score"].mean(), "gap": gap.mean(),
}  # fmt: skip
listed = [
    f"{kind}, {name}: {', '.join(f'{mean[kind, m][row]:.2f}' for m in CALLS)}."
    for kind in DESIGNS
    for row, name in enumerate(names)
]
fig.set_label(f"Kendall's tau with 1, 4 and 10 calls. {' '.join(listed)}")
assert measured["gap"] > 4 * gap.std(ddof=1) / REQUESTS**0.5
assert measured["fitted_10"] > ten["Borda"].mean() + 0.1
assert abs(balanced["Borda, fitted"].mean() - measured["balanced_10"]) < 0.01
assert measured["stale"] < measured["unfitted"] - 0.03
