"""
Grouped-query attention: mean of the heads, or one of them?
===========================================================

For :doc:`/attention/grouped_query_attention`: three trained models are converted to a
single key/value head in four ways, and training continues. The mean of the heads starts
behind a kept head and ends ahead of it; with its norm restored, it leads throughout.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import pool_heads
from snippets.attention.head_conversion import (
    HEADS,
    STEPS,
    UPTRAINING,
    convert,
    keep_head,
    norm_of_mean,
    pool_and_rescale,
    trained_model,
    uptrain,
)

# %%
# Seven conversions of each model
# -------------------------------
# The mean of the heads, the mean with its norm restored, a new random head, and four of
# the eight heads, each kept alone.

ways = {
    "rescaled mean": [pool_and_rescale],
    "mean": [pool_heads],
    "one of the heads": [keep_head(head) for head in range(0, HEADS, 2)],
    "new head": [None],
}
curves, norms = {name: [] for name in ways}, []
for seed in range(3):
    trained, _ = trained_model(seed)
    for name, pools in ways.items():
        for pool in pools:
            torch.manual_seed(seed)
            model = convert(trained, 1, pool)
            curves[name].append(uptrain(model, seed))
    norms += [norm_of_mean(layer.key.weight, heads=HEADS) for layer in trained.mix]

mean = {name: np.mean(lines, axis=0) for name, lines in curves.items()}
kept = np.array(curves["one of the heads"]).reshape(3, -1, len(UPTRAINING))
assert mean["mean"][1] < mean["one of the heads"][1] - 0.03
in_each = kept[..., 3].mean(axis=1)  # one of the heads after 20 %, for each model
assert (np.array(curves["mean"])[:, 3] > in_each).all()
assert (in_each > np.array(curves["new head"])[:, 3] + 0.1).all()
assert (mean["rescaled mean"] > mean["mean"] + 0.02).all()
assert (mean["rescaled mean"] > mean["one of the heads"] + 0.02).all()
assert (mean["new head"] < mean["mean"] - 0.02).all()
assert 0.3 < min(norms) <= max(norms) < 0.42

fig, ax = plt.subplots()
percent = [100 * step / STEPS for step in UPTRAINING]
for color, (name, lines) in enumerate(curves.items()):
    ax.plot(percent, np.transpose(lines), color=f"C{color}", alpha=0.3, lw=0.8)
    ax.plot(percent, mean[name], "o-", color=f"C{color}", label=name)
ax.set_xticks(percent, labels=[f"{p:g} %" for p in percent])
ax.set(xlabel="training after conversion (of the original steps)", ylabel="accuracy")
ax.set(ylim=(0, 1.05))
ax.legend(loc="lower right", ncols=2)
said = {n: ", ".join(f"{value:.2f}" for value in line) for n, line in mean.items()}
fig.set_label(
    "Lines of accuracy over training after conversion to one head, at 0, 5, 10 and 20 "
    "percent of the original steps. "
    + " ".join(f"{name.capitalize()}: {line}." for name, line in said.items())
)
measured = {"kept_worst": kept[..., 3].min(), "kept_best": kept[..., 3].max()}
measured["norm"] = np.mean(norms)
for key, line in zip(
    ("rescaled", "pooled", "kept", "random"), mean.values(), strict=True
):
    measured |= {f"{key}_5": line[1], f"{key}_20": line[3]}
