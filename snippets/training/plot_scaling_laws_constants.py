"""
Three published sets of constants give three different models
=============================================================

A figure of :doc:`/training/scaling_laws`. Best size and tokens per parameter as
functions of the budget, by closed form, from three sets of constants.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.scaling_laws import PUBLISHED, compute_optimal

GOPHER = 5.76e23
TRAINED = {"Gopher": (280e9, 300e9), "Chinchilla": (70e9, 1.4e12)}
KEYS = "rounded", "tex", "besiroglu"

budgets = np.geomspace(1e18, 1e26, 60)
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
measured, ratios = {}, {}
for key, (name, law) in zip(KEYS, PUBLISHED.items(), strict=True):
    N, D = np.array([compute_optimal(law, C) for C in budgets]).T
    left.plot(budgets, N, label=name)
    right.plot(budgets, D / N)
    best = compute_optimal(law, GOPHER)
    measured[f"size_{key}"] = best.N / 1e9
    ratios[name] = best.D / best.N
    if key == "besiroglu":
        measured["exponent_besiroglu"] = law.beta / (law.alpha + law.beta)
for marker, (name, (N, D)) in zip("sD", TRAINED.items(), strict=True):
    for ax, height in ((left, N), (right, D / N)):
        ax.plot(6 * N * D, height, marker, color="0.5")
        below = ax is right and name == "Chinchilla"  # a line runs above
        offset = (-6, -18 if below else 6)
        ax.annotate(name, (6 * N * D, height), offset, ha="right", color="0.5",
                    textcoords="offset points")  # fmt: skip
for ax in (left, right):
    ax.axvline(GOPHER, color="0.5", lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log", xlabel="budget C, FLOPs")
left.set_ylabel("best number of parameters")
right.set_ylabel("tokens per parameter")
right.set_yticks([1, 10, 100], labels=["1", "10", "100"])
fig.legend(loc="outside upper center", ncols=3)
fig.set_label(
    "Left: best size over the budget, three lines that cross; Gopher lies above all of "
    "them. Right: tokens per parameter; at Gopher's budget "
    + ", ".join(f"{name} {ratio:.0f}" for name, ratio in ratios.items())
    + ". The line of Besiroglu falls slowly, the other two rise."
)
assert ratios["Besiroglu"] < 20 < 50 < ratios["Hoffmann, TeX source"]
