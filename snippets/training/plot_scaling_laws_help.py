"""
Equal budgets, five widths, two learning rates, on Python's help
================================================================

A figure of :doc:`/training/scaling_laws`. Small models predict the next character. For
each budget and learning rate, five widths are trained on three splits of the topics.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.isoflop_runs import help_places, isoflop_run
from snippets.training.scaling_laws import isoflop_optimum

WIDTHS, RATES, BUDGETS, SPLITS = (4, 8, 16, 32, 64), (0.015, 0.04), (1.2e8, 4.8e8), 3
places = [help_places(seed) for seed in range(SPLITS)]
best, tokens = {}, []
fig, axes = plt.subplots(1, 2, figsize=(7, 3.3), sharey=True, layout="constrained")
for rate, ax in zip(RATES, axes, strict=True):
    for color, C in enumerate(BUDGETS):
        runs = [
            [isoflop_run(split, width, C, rate=rate, seed=seed) for width in WIDTHS]
            for seed, split in enumerate(places)
        ]
        N, D, L = np.array(runs).transpose(2, 0, 1)
        best[rate, C] = np.array(
            [isoflop_optimum(*run) for run in zip(N, L, strict=True)]
        )
        tokens.append(D)
        ax.plot(N.T, L.T, "o", color=f"C{color}", ms=3)
        label = f"{C / 1e6:.0f} million FLOPs"
        ax.plot(N[0], L.mean(axis=0), color=f"C{color}", label=label)
        ax.plot(best[rate, C], [2.3] * SPLITS, "^", color=f"C{color}")
    ax.set(title=f"learning rate {rate}", xscale="log", xlabel="parameters N")
    ax.set_xticks([2000, 5000, 10000], labels=["2000", "5000", "10 000"])
    ax.minorticks_off()
axes[0].set_ylabel("held-out loss, nats per character")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)

sizes = {key: np.exp(np.log(values).mean()) for key, values in best.items()}
low, high = RATES
few, many = BUDGETS
ratio = np.log(many / few)
each = {  # exponents of the best size, for each split
    rate: np.log(best[rate, many] / best[rate, few]) / ratio for rate in RATES
}
moved = [sizes[high, C] / sizes[low, C] for C in BUDGETS]
measured = {"moved_few": moved[0], "moved_many": moved[1]}
measured["mixed"] = np.log(sizes[high, many] / sizes[low, few]) / ratio
for key, rate in (("low", low), ("high", high)):
    measured |= {f"{key}_least": each[rate].min(), f"{key}_most": each[rate].max()}
measured["low_mean"] = each[low].mean()
tokens = np.array(tokens)
measured |= {"least": N.min(), "most": N.max(), "fewest": tokens.min() / 1e3}
measured["longest"] = tokens.max() / 1e3
assert min(moved) > 1.1
assert min(values.min() for values in each.values()) > 0.05
fig.set_label(
    "Two panels, each with two U-shaped curves of the loss over the parameters; the "
    "curve of the larger budget is lower. Triangles mark the vertices of parabolas. "
    + "; ".join(
        f"rate {rate}, {C / 1e6:.0f} million FLOPs: about {size:.0f} parameters"
        for (rate, C), size in sizes.items()
    )
    + "."
)
