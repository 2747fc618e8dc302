"""
Equal budgets, five sizes, on Python's help
===========================================

A figure of :doc:`/training/scaling_laws`. Small models predict the next character. For
each budget, five widths are trained with two learning rates on three splits of the
topics. Each width counts with the better rate.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.isoflop_runs import help_places, isoflop_run
from snippets.training.scaling_laws import isoflop_optimum

WIDTHS, RATES, BUDGETS, SPLITS = (4, 8, 16, 32, 64), (0.015, 0.04), (1.2e8, 4.8e8), 3
places = [help_places(seed) for seed in range(SPLITS)]
table = np.array(
    [
        [
            [
                [isoflop_run(split, w, C, rate=rate, seed=seed) for w in WIDTHS]
                for seed, split in enumerate(places)
            ]
            for rate in RATES
        ]
        for C in BUDGETS
    ]
)  # budgets, rates, splits, widths, (N, D, L)
N, D, L = np.moveaxis(table, -1, 0)
sizes, tuned, one_rate = N[0, 0, 0], L.min(axis=1), L[:, RATES.index(0.04)]


def exponents(losses):
    """Best sizes for each budget and split, and the exponent of each split."""
    best = np.array([[isoflop_optimum(sizes, run) for run in runs] for runs in losses])
    return best, np.log(best[1] / best[0]) / np.log(BUDGETS[1] / BUDGETS[0])


best, each = exponents(tuned)
_, each_one = exponents(one_rate)
fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for number, C in enumerate(BUDGETS):
    color = f"C{number}"
    ax.plot(sizes, tuned[number].T, "o", color=color, ms=3)
    label = f"{C / 1e6:.0f} million FLOPs"
    ax.plot(sizes, tuned[number].mean(axis=0), color=color, label=label)
    ax.plot(best[number], [2.35] * SPLITS, "^", color=color)
ax.set(xscale="log", xlabel="parameters N", ylabel="held-out loss, nats")
ax.set_xticks([2000, 3000, 5000, 10000], labels=["2000", "3000", "5000", "10 000"])
ax.minorticks_off()
fig.legend(loc="outside upper center", ncols=2)

measured = {"least": sizes[0], "most": sizes[-1], "guess": np.log(places[0].vocab)}
measured |= {"fewest": D.min() / 1e3, "longest": D.max() / 1e3}
measured |= {"tuned_least": each.min(), "tuned_most": each.max()}
measured |= {"one_least": each_one.min(), "one_most": each_one.max()}
assert len({split.vocab for split in places}) == 1
assert measured["guess"] > L.max()
assert each.min() > 0.05
assert each_one.min() > 0.05
means = np.exp(np.log(best).mean(axis=1))
fig.set_label(
    "Two U-shaped curves of the loss over the parameters; that of the larger budget is "
    "lower. Triangles mark the vertices of parabolas: "
    + "; ".join(
        f"{C / 1e6:.0f} million FLOPs, about {size:.0f} parameters"
        for C, size in zip(BUDGETS, means, strict=True)
    )
    + "."
)
