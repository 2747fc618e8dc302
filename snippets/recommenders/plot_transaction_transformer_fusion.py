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

EFFECTS = {"same effect for all": (1.2, 0.0), "opposite effects": (0.0, 1.2)}
SETS, TRAIN, TEST, SEED = 3, 4000, 3000, 7
WAYS = {
    "trees on the table": "C0o",
    "trees on table, counts": "C0o",
    "late fusion: pretrained": "C1s",
    "late fusion: fine-tuned": "C1s",
    "frozen network: pretrained": "C2^",
    "frozen network: fine-tuned": "C2^",
    "joint fusion": "C3D",
    "trees on table, counts, order": "C0o",
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

listed = "; ".join(
    f"{name}, {way[0].mean():.3f} and {way[1].mean():.3f}"
    for name, way in zip(WAYS, found, strict=True)
)
fig.set_label(
    "Mean AUC with the same effect for all users (left) and with opposite effects "
    f"(right), from top to bottom. {listed}. There is a mark for each of three runs. "
    f"Dotted lines, true log-odds: {oracle[0]:.3f} and {oracle[1]:.3f}."
)
gains = (found.joint - found.late_tuned).mean(axis=1)
joint = found.joint.mean(axis=1)
own = (found.joint - found.frozen_tuned).mean(axis=1)
measured = {"gain_same": gains[0], "gain_opposite": gains[1]}
measured |= {"own_same": own[0], "own_opposite": own[1]}
measured |= {"table": (found.joint - found.table).mean(axis=1).min()}
measured |= {"counts": found.counts[0].mean(), "by_hand": found.by_hand[0].mean()}
measured |= {"frozen": found.frozen_tuned[0].mean(), "joint": joint[0]}
measured |= {"late": found.late_tuned[0].mean()}
measured |= {
    "tuned": found.late_tuned[1].mean(),
    "kept": found.late_pretrained[1].mean(),
}
measured |= {"spread": sample.std(dim=0).mean()}
measured |= {"offset": sample.mean(dim=0).abs().mean()}
assert gains[0] > 0.008
assert gains[1] > 0.04
assert abs(own[0]) < 0.012
assert own[1] > 0.03
assert found.by_hand.mean() > found.joint.mean()
