"""
One block in four loops, and four blocks
========================================

A figure of :doc:`/transformers/looped_transformers`. Models learn to follow a
permutation of six nodes for three hops. Four seeds each.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.permutation_hops import (
    HopModel,
    best_guess,
    by_loop,
    train,
)

STEPS, SEEDS, WINDOW = 400, 4, 20
SIZES = {"once": (1, 1), "looped": (1, 4), "deep": (4, 1)}
NAMES = {
    "once": "1 block, 1 loop",
    "looped": "1 block, 4 loops",
    "deep": "4 blocks, 1 loop",
}

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
centers = torch.arange(WINDOW, STEPS + 1, WINDOW) - WINDOW / 2
measured, sizes, worst, best = {}, {}, {}, {}
for number, (name, (k, loops)) in enumerate(SIZES.items()):
    torch.manual_seed(0)
    models = [HopModel(k, loops) for _ in range(SEEDS)]
    sizes[name] = sum(p.numel() for p in models[0].body.parameters())
    history = train(models, STEPS).unflatten(0, (-1, WINDOW)).mean(dim=1)
    label = f"{NAMES[name]}: {sizes[name]:,} parameters"
    ax.plot(centers, history, f"C{number}", label=[label, *[None] * (SEEDS - 1)])
    held_out = by_loop(models, loops)[0][:, -1]
    worst[name], best[name] = held_out.min(), held_out.max()
    assert (history[-4:].mean() - history[-8:-4].mean()).abs() < 0.03  # level
for known, text in ((1, "best guess after one hop"), (2, "after two hops")):
    measured[f"guess_{known}"] = best_guess(known)
    ax.axhline(best_guess(known), color="0.5", linestyle="--", linewidth=1)
    ax.text(STEPS, best_guess(known) - 0.01, text, color="0.5", ha="right", va="top")
ax.set(xlabel="training step", ylabel="nodes named correctly", ylim=(0, 1.04))
ax.legend(loc="center right", bbox_to_anchor=(1, 0.74))
fig.set_label(
    "Accuracy on training batches, four curves for each of three models. One block in "
    f"four loops and four blocks rise to 1. One block applied once stays near "
    f"{measured['guess_2']:.2f}, the best guess for a model that knows two hops. On "
    f"held-out permutations it reaches {worst['once']:.2f} to {best['once']:.2f}."
)

measured["once_parameters"], measured["once_best"] = sizes["once"], best["once"]
measured["looped_worst"], measured["deep_worst"] = worst["looped"], worst["deep"]
measured["ratio"] = sizes["deep"] / sizes["looped"]
assert sizes["looped"] == sizes["once"]
assert min(worst["looped"], worst["deep"]) > 0.97
assert best["once"] < 0.6
