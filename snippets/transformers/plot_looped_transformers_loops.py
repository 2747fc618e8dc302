"""
Train with random numbers of loops
==================================

A figure of :doc:`/transformers/looped_transformers`. One block, trained in a random
number of two to six loops, without and with input injection, is read out after 1 to
32 loops. Four seeds.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.permutation_hops import (
    HopModel,
    best_guess,
    by_loop,
    train,
)

STEPS, SEEDS, BETWEEN, MOST = 400, 4, (2, 6), 32
TITLES = {"random": "plain", "inject": "input injection"}

accuracy, end = {}, {}
for kind in TITLES:
    torch.manual_seed(0)
    inject = kind == "inject"
    models = [HopModel(1, 4, inject=inject) for _ in range(SEEDS)]
    end[kind] = train(models, STEPS, between=BETWEEN)[-40:].mean()
    accuracy[kind] = by_loop(models, MOST)[0]

fig, axes = plt.subplots(1, 2, figsize=(6.6, 3), sharey=True, layout="constrained")
for ax, kind in zip(axes, TITLES, strict=True):
    ax.axvspan(BETWEEN[0] - 0.15, BETWEEN[1] + 0.3, color="C2", alpha=0.25)
    ax.axhline(best_guess(2), color="0.5", linestyle="--", linewidth=1)
    ax.plot(range(1, MOST + 1), accuracy[kind].T, "o-", markersize=3)
    ax.set(xscale="log", title=TITLES[kind], xlabel="loops", ylim=(0, 1.04))
    ax.set_xticks(ticks := [1, 2, 4, 8, 16, 32], ticks)
    ax.minorticks_off()
axes[0].set_ylabel("nodes named correctly")
worst = {kind: values.min(dim=0).values for kind, values in accuracy.items()}
fig.set_label(
    "Accuracy on held-out permutations against the number of loops, four curves in "
    "each of two panels. The lowest after 4, 8 and 32 loops is "
    f"{worst['random'][3]:.2f}, {worst['random'][7]:.2f} and "
    f"{worst['random'][31]:.2f} in the plain form, and {worst['inject'][3]:.2f}, "
    f"{worst['inject'][7]:.2f} and {worst['inject'][31]:.2f} with input injection."
)

measured = {f"random_{count}": worst["random"][count - 1] for count in (2, 4, 8, 16)}
measured["random_end"], measured["inject_end"] = end["random"], end["inject"]
measured["inject_low"], measured["inject_high"] = accuracy["inject"][:, 15].aminmax()
both = torch.cat([accuracy["random"], accuracy["inject"]])
quick = both[:, 1] > 0.98  # right after two loops already
measured["random_quick"] = both[quick, 15].min()
measured["random_slow"] = both[~quick, 15].max()
assert measured["random_4"] > measured["random_2"] + 0.1
assert measured["random_4"] > measured["random_16"] + 0.2
assert measured["random_quick"] > measured["random_slow"] + 0.1
assert measured["inject_low"] < 0.7
