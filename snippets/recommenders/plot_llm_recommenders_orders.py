"""
Which orders to ask in: random, reversed, rotated, balanced
===========================================================

A figure of :doc:`/recommenders/llm_recommenders`: agreement with the truth for four
ways to choose the orders, and for three kinds of position bias.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.llm_recommenders import borda, rotations, williams
from snippets.recommenders.rank_aggregation import kendall_tau
from snippets.recommenders.ranker_trials import draw_trial
from snippets.recommenders.simulated_ranker import half_read, linear, u_shaped, unbiased

REQUESTS, ITEMS, CALLS = 1500, 10, (1, 2, 4, 10, 20)
plain = np.arange(ITEMS)[None]
DESIGNS = {
    "random": lambda _: plain,
    "reversed pairs": lambda _: np.concatenate([plain, plain[:, ::-1]]),
    "rotations": lambda calls: rotations(ITEMS, min(calls, ITEMS)),
    "Williams design": lambda _: williams(ITEMS),
}
RANKERS = {"linear": linear, "U-shaped": u_shaped, "half-read middle": half_read}


def mean_tau(ranker, design, calls):
    """Agreement of the Borda count with the truth, mean of all requests."""
    rng = np.random.default_rng(1)
    trial = draw_trial(ranker(ITEMS), design, calls, REQUESTS, rng)
    return kendall_tau(borda(trial.answers), trial.relevance).mean()


tau = {
    (bias, name): [mean_tau(ranker, design(m), m) for m in CALLS]
    for bias, ranker in RANKERS.items()
    for name, design in DESIGNS.items()
}
clean = [mean_tau(unbiased, plain, m) for m in CALLS]
fig, axes = plt.subplots(1, 3, figsize=(7.6, 3.4), layout="constrained", sharey=True)
for ax, bias in zip(axes, RANKERS, strict=True):
    for name, look in zip(DESIGNS, ("C1-^", "C3-v", "C2-D", "C4-o"), strict=True):
        ax.plot(CALLS, tau[bias, name], look, label=name, markersize=4)
    ax.plot(CALLS, clean, "C0--", label="unbiased ranker")
    ax.set(xscale="log", xticks=CALLS, xticklabels=CALLS, title=bias, xlabel="calls")
    ax.minorticks_off()
axes[0].set(ylabel="Kendall's tau with the truth", ylim=(0.2, 1))
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5,
           fontsize=8)  # fmt: skip

two, ten = CALLS.index(2), CALLS.index(10)
weak = partial(linear, slope=0.1)
measured = {
    "pair": tau["linear", "reversed pairs"][two],
    "u_pair": tau["U-shaped", "reversed pairs"][two],
    "balanced_worst": min(tau[bias, "Williams design"][ten] for bias in RANKERS),
    "rotated": tau["linear", "rotations"][ten],
}
both = {key: f"{found[two]:.2f} and {found[ten]:.2f}" for key, found in tau.items()}
listed = [
    f"{bias}: {', '.join(f'{name} {both[bias, name]}' for name in DESIGNS)}."
    for bias in RANKERS
]
fig.set_label(
    f"Kendall's tau with 2 and 10 calls. {' '.join(listed)} "
    f"Unbiased ranker: {clean[two]:.2f} and {clean[ten]:.2f}."
)
assert abs(measured["pair"] - tau["linear", "random"][ten]) < 0.03
assert abs(measured["u_pair"] - tau["U-shaped", "random"][0]) < 0.03
for bias in ("linear", "U-shaped"):
    assert measured["balanced_worst"] > tau[bias, "random"][ten] + 0.1
assert tau["linear", "Williams design"][ten] > measured["rotated"] + 0.04
read = [tau["half-read middle", name][ten] for name in ("random", "Williams design")]
assert 0 < read[1] - read[0] < 0.04
assert 0 < mean_tau(weak, williams(ITEMS), 10) - mean_tau(weak, plain, 10) < 0.04
