"""
Self-attention: unscaled scores slow training down
==================================================

For :doc:`/attention/self_attention`: the lookup task with and without the division by
the square root of the width, for a narrow and a wide head. Without the division both
learn more slowly, and the wide head much more slowly.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.lookup_task import SYMBOLS, LookupModel, lookups, train
from snippets.attention.softmax_derivative import derivative_norm

# %%
# Three seeds for each setting
# ----------------------------
# Each setting has the best learning rate of 0.0003, 0.001, 0.003, 0.01 and 0.03, by
# the mean accuracy of these seeds after 100 batches. The wide head without division
# gets more batches, to see whether it arrives. Before training, we take the mean size
# of the derivative of the softmax on 500 sequences.

MARKS = (0, 25, 50, 75, 100, 150, 200)
RATES = {
    (16, "divided"): 1e-2,
    (16, "not divided"): 1e-2,
    (128, "divided"): 3e-3,
    (128, "not divided"): 1e-3,
}
drawn = lookups(500, torch.Generator().manual_seed(9))
curves, slopes = {}, {setting: [] for setting in RATES}
for (head_dim, name), rate in RATES.items():
    marks = (*MARKS, 300, 400) if rate == 1e-3 else MARKS
    curves[head_dim, name] = (marks, [])
    for seed in range(3):
        torch.manual_seed(seed)
        model = LookupModel(head_dim, divided=name == "divided")
        with torch.no_grad():
            weights, _ = model.weights(drawn.symbols, drawn.values)
        slopes[head_dim, name].append(derivative_norm(weights).mean())
        curves[head_dim, name][1].append(train(model, marks, rate=rate))

mean = {setting: np.mean(runs, axis=0) for setting, (_, runs) in curves.items()}
after_100 = {setting: line[MARKS.index(100)] for setting, line in mean.items()}
assert min(after_100[16, "divided"], after_100[128, "divided"]) > 0.95
assert 0.75 < after_100[16, "not divided"] < 0.95
assert after_100[128, "not divided"] < 0.45
assert mean[128, "not divided"][-1] > 0.95
slope = {setting: np.mean(sizes) for setting, sizes in slopes.items()}
assert slope[16, "not divided"] > slope[16, "divided"] + 0.03
assert slope[128, "divided"] / 2 < slope[128, "not divided"] < slope[128, "divided"]

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 3.2), layout="constrained")
for (head_dim, name), (marks, runs) in curves.items():
    ax, color = axes[int(head_dim == 128)], f"C{int(name != 'divided')}"
    ax.plot(marks, np.transpose(runs), color=color, alpha=0.4, lw=1)
    ax.plot(marks, mean[head_dim, name], "o-", color=color, label=name)
    ax.set_title(f"head_dim {head_dim}", loc="left")
for ax in axes:
    ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
    ax.set(xlabel="batches", ylim=(0, 1.05), xlim=(0, 410))
axes[0].set_ylabel("right answers")
axes[0].legend(title="scores", loc="lower right", bbox_to_anchor=(1, 0.12))
fig.set_label(
    "Two panels of accuracy over batches. After 100 batches the head of width 16 has "
    f"{after_100[16, 'divided']:.2f} with division and "
    f"{after_100[16, 'not divided']:.2f} without; the head of width 128 has "
    f"{after_100[128, 'divided']:.2f} with division and "
    f"{after_100[128, 'not divided']:.2f} without, and reaches "
    f"{mean[128, 'not divided'][-1]:.2f} after 400."
)
measured = {"late_128_not": mean[128, "not divided"][-1]}
for (head_dim, name), right in after_100.items():
    key = f"{head_dim}" if name == "divided" else f"{head_dim}_not"
    measured |= {f"best_{key}": right, f"untrained_{key}": slope[head_dim, name]}
