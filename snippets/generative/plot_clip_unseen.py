"""
Combinations that were never trained, and prompts for a shape
=============================================================

Figures for :doc:`/generative/clip`. Three runs for each of two ways to hold out 16 of
64 combinations of shape, color and place.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative import caption_towers as pairs
from snippets.generative.caption_scores import nearest_captions, shape_accuracies

SEEDS, COUNT = 3, 1000
WAYS = {"scattered": pairs.scattered(), "linked": pairs.linked()}
found, prompts = {}, []
for way, held in WAYS.items():
    rows = []
    for seed in range(SEEDS):
        towers = pairs.trained(~held, seed)
        random = torch.Generator().manual_seed(100 + seed)
        images, combo = pairs.draw_pairs(~held, COUNT, random)
        seen = (nearest_captions(towers, images) == combo).float().mean()
        if way == "scattered":
            shape = pairs.KINDS[combo, 0]
            prompts.append(shape_accuracies(towers, images, shape))
        images, combo = pairs.draw_pairs(held, COUNT, random)
        answer = nearest_captions(towers, images)
        words = (pairs.KINDS[answer] == pairs.KINDS[combo]).float()
        rows.append(torch.cat([seen[None], words.prod(1).mean()[None], words.mean(0)]))
    found[way] = torch.stack(rows)  # (seeds, 5): trained, held out, and its three words
prompts = torch.stack(prompts)

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for (way, rows), style, shift in zip(
    found.items(), ("C0o", "C1s"), (-0.12, 0.12), strict=True
):
    ax.plot(torch.arange(5) + shift, rows.T, style)[0].set_label(way)
for x, guess in enumerate([1 / 64, 1 / 64, 1 / 4, 1 / 4, 1 / 4]):
    ax.hlines(guess, x - 0.3, x + 0.3, color="0.5", ls=":")
labels = ["trained", "held out", "its shape", "its color", "its place"]
ax.set_xticks(range(5), labels)
ax.set(ylabel="accuracy", ylim=(0, 1.05))
ax.legend(title="held-out set", loc="center right")
mean = {way: rows.mean(0) for way, rows in found.items()}
fig.set_label(
    "Accuracy, mean of three runs. "
    + " ".join(
        f"{way.capitalize()}: "
        + ", ".join(f"{n} {v:.0%}" for n, v in zip(labels, mean[way], strict=True))
        + "."
        for way in WAYS
    )
)

kinds = ["word alone", "one prompt", "mean of 16"]
fig, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
ax.plot(kinds, prompts.T, "o-", color="C0")
ax.axhline(1 / 4, color="0.5", ls=":")
ax.set(ylim=(0, 1), xlim=(-0.4, 2.4), ylabel="accuracy of the shape")
fig.set_label(
    "Accuracy of the shape, mean of three runs: "
    + ", ".join(f"{k} {v:.0%}" for k, v in zip(kinds, prompts.mean(0), strict=True))
    + ". The mean of 16 prompts is best in each run."
)
measured = dict(zip(("alone", "one", "averaged"), prompts.mean(0), strict=True))
for way, rows in found.items():
    measured |= {f"trained_{way}": rows[:, 0].mean(), f"held_{way}": rows[:, 1].mean()}
    measured |= {f"worst_{way}": rows[:, 1].min(), f"best_{way}": rows[:, 1].max()}
measured |= {"shape": mean["scattered"][2], "color": mean["scattered"][3]}
gain = prompts[:, 2] - prompts[:, 1]
measured |= {"gain": gain.mean(), "least_gain": gain.min()}
assert min(rows[:, 0].mean() for rows in found.values()) >= 0.95
assert mean["scattered"][1] >= 0.5
assert measured["worst_scattered"] > measured["best_linked"]
assert (prompts.argmax(1) == 2).all()  # the mean of 16 is best in each run
