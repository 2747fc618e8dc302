"""
Grouped-query attention: accuracy after merging heads
=====================================================

For :doc:`/attention/grouped_query_attention`: three trained models have their eight
key/value heads averaged to four, two or one. Fewer heads need more training.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.head_conversion import (
    STEPS,
    UPTRAINING,
    convert,
    recaller,
    trained_model,
    uptrain,
)
from snippets.attention.recall_task import shown_baselines

# %%
# Up to 64 steps of uptraining
# ----------------------------
# That is 20 % of the original 320 steps. New models with four heads get as many steps.
# Two baselines know which four values a text shows, but not which one was asked for.

original, pooled, scratch = [], {4: [], 2: [], 1: []}, []
for seed in range(3):
    trained, reached = trained_model(seed)
    original.append(reached)
    for kv_heads, curves in pooled.items():
        curves.append(uptrain(convert(trained, kv_heads), seed))
    torch.manual_seed(seed)
    scratch.append(uptrain(recaller(4), seed))
pooled = {kv_heads: np.array(curves) for kv_heads, curves in pooled.items()}
mean = {kv_heads: curves.mean(axis=0) for kv_heads, curves in pooled.items()}
new = np.mean(scratch, axis=0)
random = torch.Generator().manual_seed(5)
any_shown, most_frequent = shown_baselines(20_000, random)

assert min(original) > 0.98
assert pooled[4][:, 0].min() > 0.65 > 0.45 > pooled[1][:, 0].max()
assert pooled[4][:, 1].min() > 0.96
assert pooled[2][:, 1].min() > 0.7
assert pooled[1][:, 1].max() < 0.7
assert pooled[1][:, 3].min() > 0.85
assert np.max(scratch) < 0.5

fig, ax = plt.subplots()
percent = [100 * step / STEPS for step in UPTRAINING]
for color, (kv_heads, curves) in enumerate(pooled.items()):
    ax.plot(percent, curves.T, color=f"C{color}", alpha=0.4, lw=1)
    label = f"{kv_heads} heads" if kv_heads > 1 else "1 head"
    ax.plot(percent, mean[kv_heads], "o-", color=f"C{color}", label=label)
ax.plot(percent, new, "s--", color="0.5", label="4 heads, new model")
ax.axhline(any_shown, color="0.5", ls=":")
ax.text(20, any_shown - 0.02, "naming any shown value", ha="right", va="top")
ax.set_xticks(percent, labels=[f"{p:g} %" for p in percent])
ax.set(xlabel="training after conversion (of the original steps)", ylabel="accuracy")
ax.set(ylim=(0, 1.05))
ax.legend(loc="lower right", ncols=2)
after = {n: ", ".join(f"{value:.2f}" for value in line) for n, line in mean.items()}
fig.set_label(
    "Lines of accuracy over training after conversion, at 0, 5, 10 and 20 percent of "
    f"the original steps. Four heads: {after[4]}. Two heads: {after[2]}. One head: "
    f"{after[1]}. New models with four heads end at {new[-1]:.2f}. A dotted line marks "
    f"{any_shown:.2f}, the accuracy of naming any shown value."
)
measured = {
    "original": np.mean(original),
    **{f"mean_{kv_heads}_before": line[0] for kv_heads, line in mean.items()},
    **{f"mean_{kv_heads}": mean[kv_heads][1] for kv_heads in (4, 2)},
    **{f"mean_{kv_heads}_twice": mean[kv_heads][2] for kv_heads in (2, 1)},
    "mean_1_last": mean[1][3],
    "scratch_last": new[3],
    "any_shown": any_shown,
    "most_frequent": most_frequent,
}
