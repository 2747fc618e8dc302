"""
Late and joint fusion of statements and a table
===============================================

A figure of :doc:`/recommenders/transaction_transformer`: AUC of a label that depends on
the order of two transactions, in the same way for all users or in opposite ways.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders.fusion_study import Comparison, aucs, compare
from snippets.recommenders.payday_world import draw_study

EFFECTS = {"same effect for all users": (1.2, 0.0), "opposite effects": (0.0, 1.2)}
SETS, TRAIN, TEST, SEED = 3, 4000, 3000, 7
WAYS = {
    "trees, table": "C0o",
    "trees, table and counts": "C0o",
    "late fusion, pretrained": "C1s",
    "late fusion, fine-tuned": "C1s",
    "network, frozen pretrained": "C2^",
    "network, frozen fine-tuned": "C2^",
    "joint fusion": "C3D",
    "trees, counts and order": "C0o",
}

sizes, rng = (SETS, TRAIN + TEST, TRAIN), np.random.default_rng(SEED)
study = draw_study([*EFFECTS.values()], *sizes, rng)
compared, sample = compare(study, TRAIN, SEED)
# from each way to one array: a row for each effect, a column for each data set
found = Comparison(*(way.reshape(len(EFFECTS), SETS) for way in compared))
oracle = aucs(study, torch.tensor(study.odds[:, TRAIN:])).reshape(-1, SETS).mean(axis=1)

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.4), sharey=True, layout="constrained")
for ax, effect, row in zip(axes, EFFECTS, range(len(EFFECTS)), strict=True):
    for place, (look, way) in enumerate(zip(WAYS.values(), found, strict=True)):
        ax.plot(way[row], [place] * SETS, "|", color=look[:2], markersize=11)
        ax.plot(way[row].mean(), place, look)
    ax.axvline(oracle[row], color="0.5", linestyle=":")
    ax.set(title=effect, xlabel="AUC")
    ax.grid(axis="x")
axes[0].set_yticks(range(len(WAYS)), WAYS)
axes[0].invert_yaxis()

means = [", ".join(f"{way[row].mean():.3f}" for way in found) for row in range(2)]
fig.set_label(
    f"Mean AUC of eight ways, from top to bottom: {', '.join(WAYS)}. Left, with the "
    f"same effect for all users: {means[0]}. Right, with opposite effects: {means[1]}. "
    f"A mark for each of three runs. Dotted lines, true log-odds: {oracle[0]:.3f} and "
    f"{oracle[1]:.3f}."
)
gains = (found.joint - found.late_tuned).mean(axis=1)
own = (found.joint - found.frozen_tuned).mean(axis=1)
overall = (found.joint - found.table).mean(axis=1)
measured = {"gain_same": gains[0], "gain_opposite": gains[1]}
measured |= {"own_same": own[0], "own_opposite": own[1], "table": overall.min()}
measured |= {"spread": sample.std(dim=0).mean()}
measured |= {"offset": sample.mean(dim=0).abs().mean()}
assert gains[0] > 0.008
assert gains[1] > 0.04
assert abs(own[0]) < 0.012
assert own[1] > 0.03
