"""
Grouped-query attention: mean of the heads, or one of them?
===========================================================

For :doc:`/attention/grouped_query_attention`: three trained models are converted to a
single key/value head in four ways and trained for up to 20 % of the original steps. The
mean of the heads starts behind a single kept head and ends ahead of it; with its norm
restored, the mean leads throughout.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import pool_heads
from snippets.attention.head_conversion import (
    HEADS,
    RATE,
    STEPS,
    convert,
    keep_head,
    pool_and_rescale,
    trained_model,
)
from snippets.attention.recall_task import train

# %%
# Seven conversions of each model
# -------------------------------
# The mean of the heads, the mean with its norm restored, a new random head, and four of
# the eight heads, each kept alone.

marks = (0, 16, 32, 64)
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
            curves[name].append(train(model, marks, seed=seed + 50, rate=RATE))
    for layer in trained.mix:
        heads = layer.key.weight.unflatten(0, (HEADS, -1))
        norms.append(heads.mean(0).norm() / heads.norm(dim=(1, 2)).mean())

mean = {name: np.mean(lines, axis=0) for name, lines in curves.items()}
kept = np.array(curves["one of the heads"]).reshape(3, -1, len(marks))
assert mean["mean"][1] < mean["one of the heads"][1] - 0.03
in_each = kept[..., 3].mean(axis=1)  # one of the heads after 20 %, for each model
assert (np.array(curves["mean"])[:, 3] > in_each).all()
assert (in_each > np.array(curves["new head"])[:, 3] + 0.1).all()
assert (mean["rescaled mean"] > mean["mean"] + 0.02).all()
assert (mean["rescaled mean"] > mean["one of the heads"] + 0.02).all()
assert (mean["new head"] < mean["mean"] - 0.02).all()
assert 0.3 < min(norms) <= max(norms) < 0.42

fig, ax = plt.subplots()
percent = [100 * step / STEPS for step in marks]
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
measured = {
    "pooled_5": mean["mean"][1],
    "pooled_20": mean["mean"][3],
    "kept_5": mean["one of the heads"][1],
    "kept_20": mean["one of the heads"][3],
    "kept_worst": kept[..., 3].min(),
    "kept_best": kept[..., 3].max(),
    "random_5": mean["new head"][1],
    "random_20": mean["new head"][3],
    "rescaled_5": mean["rescaled mean"][1],
    "rescaled_20": mean["rescaled mean"][3],
    "norm": np.mean([norm.item() for norm in norms]),
}
