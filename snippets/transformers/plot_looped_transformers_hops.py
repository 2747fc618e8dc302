"""
One block in four loops, and four blocks
========================================

Two figures of :doc:`/transformers/looped_transformers`. Models learn to follow a
permutation of six nodes for three hops. The looped ones are then read out after 1 to
32 loops. Four seeds each.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.permutation_hops import (
    HopModel,
    best_guess,
    by_loop,
    train,
)

STEPS, SEEDS, WINDOW, LOOPS, MOST = 400, 4, 20, 4, 32
SIZES = {"once": (1, 1), "looped": (1, LOOPS), "deep": (LOOPS, 1)}

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
centers = torch.arange(WINDOW, STEPS + 1, WINDOW) - WINDOW / 2
measured, sizes, held_out = {}, {}, {}
for number, (name, (k, loops)) in enumerate(SIZES.items()):
    torch.manual_seed(0)
    models = [HopModel(k, loops) for _ in range(SEEDS)]
    sizes[name] = sum(p.numel() for p in models[0].body.parameters())
    history = train(models, STEPS).unflatten(0, (-1, WINDOW)).mean(dim=1)
    label = rf"${k} \otimes {loops}$: {sizes[name]:,} parameters"
    ax.plot(centers, history, f"C{number}", label=[label, *[None] * (SEEDS - 1)])
    held_out[name] = by_loop(models, loops)[0][:, -1]
    assert (history[-4:].mean() - history[-8:-4].mean()).abs() < 0.03  # level
    if name == "looped":
        accuracy, size = by_loop(models, MOST)
for known, text in ((1, "best guess after one hop"), (2, "after two hops")):
    ax.axhline(best_guess(known), color="0.5", linestyle="--", linewidth=1)
    ax.text(STEPS, best_guess(known) - 0.01, text, color="0.5", ha="right", va="top")
ax.set(xlabel="training step", ylabel="nodes named correctly", ylim=(0, 1.04))
ax.legend(loc="center right", bbox_to_anchor=(1, 0.74))
once_worst, once_best = held_out["once"].aminmax()
fig.set_label(
    "Accuracy on training batches, four curves for each of three models. One block in "
    f"four loops and four blocks rise to 1. One block applied once stays near "
    f"{best_guess(2):.2f}, the best guess for a model that knows two hops. On "
    f"held-out permutations it reaches {once_worst:.2f} to {once_best:.2f}."
)

measured["guess_2"] = best_guess(2)
measured["once_parameters"], measured["once_best"] = sizes["once"], once_best
measured["looped_worst"], measured["deep_worst"] = (
    held_out[name].min() for name in ("looped", "deep")
)
measured["ratio"] = sizes["deep"] / sizes["looped"]
assert sizes["looped"] == sizes["once"]
assert min(measured["looped_worst"], measured["deep_worst"]) > 0.97
assert once_best < 0.6

# %% The looped models, read out after every loop
fig, ax = plt.subplots(figsize=(5.6, 2.8), layout="constrained")
ax.axvline(LOOPS, color="C2", linewidth=5, alpha=0.25)
ax.axhline(best_guess(2), color="0.5", linestyle="--", linewidth=1)
ax.plot(range(1, MOST + 1), accuracy.T, "o-", markersize=3)
ax.set(xscale="log", xlabel="loops", ylabel="nodes named correctly", ylim=(0, 1.04))
ax.set_xticks(ticks := [1, 2, 4, 8, 16, 32], ticks)
ax.minorticks_off()
worst, quick = accuracy.min(dim=0).values, accuracy[:, 1] > 0.98
fig.set_label(
    "Accuracy on held-out permutations against the number of loops, four curves. The "
    f"lowest is {worst[3]:.2f} after 4 loops, {worst[7]:.2f} after 8 and "
    f"{worst[31]:.2f} after 32. {quick.sum()} curves stay above "
    f"{accuracy[quick, 1:].min():.2f} from the second loop on."
)
measured["fixed_8"] = worst[7]
measured["quick"], measured["quick_16"] = quick.sum(), accuracy[quick, 15].min()
measured["slow_16"] = accuracy[~quick, 15].max()
measured["growth"] = (size[:, MOST - 1] / size[:, LOOPS - 1]).min()
assert measured["quick_16"] > measured["slow_16"] + 0.3
assert measured["growth"] > 4
