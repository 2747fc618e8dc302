"""
Averaging the answers of a list-wise ranker that prefers early positions
========================================================================

A figure of :doc:`/recommenders/llm_recommenders`: left, where an item ends up by its
position in the prompt; right, agreement with the truth for one to 30 calls.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders import llm_recommenders
from snippets.recommenders.llm_recommenders import borda, expected_tau
from snippets.recommenders.rank_aggregation import kendall_tau
from snippets.recommenders.ranker_trials import draw_trial
from snippets.recommenders.simulated_ranker import answer, linear, unbiased

REQUESTS, ITEMS, CALLS = 2000, 10, (1, 2, 3, 5, 10, 20, 30)
plain = np.arange(ITEMS)[None]  # a design of one row: independent random orders


def draw(ranker):
    return draw_trial(ranker, plain, max(CALLS), REQUESTS, np.random.default_rng(0))


relevance, orders, shuffled, by_item = draw(linear(ITEMS))
fixed = np.broadcast_to(orders[:, :1], orders.shape)
answers = {
    "one order": answer(relevance, fixed, linear(ITEMS), np.random.default_rng(1)),
    "random orders": shuffled,
    "unbiased ranker": draw(unbiased(ITEMS)).answers,
}
tau = {
    name: [kendall_tau(borda(found[:, :m]), relevance).mean() for m in CALLS]
    for name, found in answers.items()
}
mean_score = [kendall_tau(by_item[:, :m].mean(axis=1), relevance).mean() for m in CALLS]
first = kendall_tau(borda(answers["one order"][:, :1]), relevance)
error = first.std(ddof=1) / REQUESTS**0.5
formula = np.array([expected_tau(m, ITEMS, slope=0.4, noise=0.3) for m in CALLS])

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), layout="constrained")
biased, flat = (
    1 + llm_recommenders.place_by_position(orders[:, :1], answers[name][:, :1])
    for name in ("random orders", "unbiased ranker")
)
left.plot(np.arange(ITEMS) + 1, biased, "C3-o", label="biased ranker")
left.plot(np.arange(ITEMS) + 1, flat, "C0--s", label="unbiased ranker")
left.set(xlabel="position in the prompt", ylabel="mean place in the answer",
         ylim=(10.2, 0.8), xticks=(1, 5, 10))  # fmt: skip
left.legend(fontsize=8)
for name, look in zip(answers, ("C3-o", "C1-^", "C0--s"), strict=True):
    right.plot(CALLS, tau[name], look, label=name, markersize=4)
right.plot(CALLS, mean_score, "C2x", label="random, mean score")
right.plot(CALLS, formula, "C2:", label="formula")
right.set(xscale="log", xticks=(1, 3, 10, 30), xticklabels=(1, 3, 10, 30), ylim=(0, 1))
right.minorticks_off()
right.set(xlabel="calls for one request", ylabel="Kendall's tau with the truth")
right.legend(fontsize=8, loc="lower right", labelspacing=0.2, borderpad=0)

one, random, clean = (
    [tau[name][CALLS.index(m)] for m in (1, 3, 10, 30)] for name in tau
)
measured = {
    "fixed": one[0], "fixed_10": one[2], "random_10": random[2],
    "random_30": random[3], "clean_1": clean[0], "error": error, "first": biased[0],
    "last": biased[-1], "apart": abs(formula[3:] - mean_score[3:]).max(),
}  # fmt: skip
rows = zip(tau, (one, random, clean), strict=True)
listed = [f"{name}: {', '.join(f'{x:.2f}' for x in row)}" for name, row in rows]
fig.set_label(
    f"Left: the mean place falls from {measured['first']:.1f} for the first position "
    f"to {measured['last']:.1f} for the last; without bias it is 5.5 everywhere. "
    f"Right, tau for 1, 3, 10 and 30 calls. {'; '.join(listed)}. Mean scores lie above "
    f"the Borda count of random orders, and from 5 calls on the formula."
)
assert abs(np.array([one[0], *random[1:]]) - [0.365, 0.544, 0.704, 0.82]).max() < 0.04
assert random[2] - one[0] > 0.3
assert abs(one[3] - one[0]) < 0.03
assert measured["apart"] < 0.01
