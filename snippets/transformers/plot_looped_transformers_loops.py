"""
Read out after every loop, also beyond training
===============================================

Two figures of :doc:`/transformers/looped_transformers`. One block, trained in four
loops or in a random number of two to six, is read out after 1 to 32 loops. Four seeds.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.permutation_hops import (
    HopModel,
    best_guess,
    by_loop,
    train,
)

STEPS, SEEDS, TRAINED, MOST = 400, 4, 4, 32
KINDS = {"fixed": None, "random": (2, 6)}
TITLES = {"fixed": "trained in 4 loops", "random": "trained in 2 to 6 loops"}

accuracy, size, end = {}, {}, {}
for kind, between in KINDS.items():
    torch.manual_seed(0)
    models = [HopModel(1, TRAINED) for _ in range(SEEDS)]
    end[kind] = train(models, STEPS, between=between)[-40:].mean()
    accuracy[kind], size[kind] = by_loop(models, MOST)

loops = torch.arange(1, MOST + 1)
fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.1), sharey=True, layout="constrained")
for ax, kind in zip(axes, KINDS, strict=True):
    low, high = KINDS[kind] or (TRAINED, TRAINED)
    ax.axvspan(low - 0.15, high + 0.15, color="C2", alpha=0.25)
    ax.axhline(best_guess(2), color="0.5", linestyle="--", linewidth=1)
    for seed in range(SEEDS):
        style = {"color": f"C{seed}", "marker": "os^D"[seed], "markersize": 3}
        ax.plot(loops, accuracy[kind][seed], **style, label=f"run {seed + 1}")
    ax.set(xscale="log", title=TITLES[kind], xlabel="loops", ylim=(0, 1.04))
    ax.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    ax.minorticks_off()
axes[0].set_ylabel("nodes named correctly")
axes[1].legend(loc=(0.2, 0.04))
worst = {kind: values.min(dim=0).values for kind, values in accuracy.items()}
fig.set_label(
    "Accuracy on held-out permutations against the number of loops, four curves in "
    f"each of two panels. Trained in 4 loops, the worst run has "
    f"{worst['fixed'][3]:.2f} after 4 loops, {worst['fixed'][7]:.2f} after 8 and "
    f"{worst['fixed'][31]:.2f} after 32. Trained in 2 to 6 loops, it has "
    f"{worst['random'][3]:.2f}, {worst['random'][7]:.2f} and "
    f"{worst['random'][31]:.2f}."
)

shown = {"fixed": (5, 6, 8), "random": (2, 4, 6, 8, 16)}
measured = {
    f"{kind}_{count}": worst[kind][count - 1] for kind in KINDS for count in shown[kind]
}
quick = accuracy["fixed"][:, 1] > 0.98  # right after two loops already
measured["quick"] = quick.sum()
measured["quick_16"] = accuracy["fixed"][quick, 15].min()
measured["slow_16"] = accuracy["fixed"][~quick, 15].max()
measured["random_end"] = end["random"]
assert accuracy["fixed"][:, 0].max() <= best_guess(2)
assert worst["fixed"][TRAINED - 1] > 0.97
assert measured["random_8"] > measured["fixed_8"] + 0.1
assert measured["quick_16"] > measured["slow_16"] + 0.3

# %% The state grows
fig, ax = plt.subplots(figsize=(5.6, 2.4), layout="constrained")
ax.plot(loops, size["fixed"].T, "C0")
ax.axvline(TRAINED, color="C2", linestyle="--")
ax.text(TRAINED + 0.4, 0.93 * size["fixed"].max(), "loops in training", color="C2")
ax.set(xlabel="loops", ylabel="size of the state", xlim=(0, MOST), ylim=(0, None))
fig.set_label(
    "Root mean square of the state against the number of loops, four curves, "
    f"trained in 4 loops. The mean rises from {size['fixed'][:, 3].mean():.1f} after "
    f"4 loops to {size['fixed'][:, 31].mean():.0f} after 32."
)
measured["growth"] = (size["fixed"][:, 31] / size["fixed"][:, 3]).min()
assert measured["growth"] > 4
