"""
A head that is not needed puts its weight on the first position
===============================================================

For :doc:`/attention/stabilized_attention`: one head copies after triggers. Its weights
in one text; then the loss of six models, with all positions, a window of four alone,
and the window with the first or the second position.
"""

from math import inf

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention import backcopy_task as task
from snippets.attention.backcopy_task import D_MODEL, INPUTS
from snippets.attention.self_attention import causal
from snippets.attention.sliding_window_attention import window_mask
from snippets.attention.stabilized_attention import StabilizedAttention

torch.manual_seed(0)
sinks = [-inf] * 6 + [0.0] * 6  # the usual softmax, and softmax-off-by-one
layers = [StabilizedAttention(d_model=D_MODEL, heads=1, sinks=sink) for sink in sinks]
models = task.train(layers, rate=0.05, batches=1000)

text = task.texts(9, torch.Generator().manual_seed(5))[4, :-1]
with torch.no_grad():
    x = models[0].norm(models[0].embed(text[None]))
    weights = models[0].layer.weights(x, causal(INPUTS, INPUTS))[0, 0]
rows = torch.arange(INPUTS)
trigger = text < task.TRIGGERS
before = weights[rows, rows - 1][trigger].mean()
first = weights[~trigger & (rows > 1), 0].mean()
assert trigger.sum() > 1

fig, ax = plt.subplots(figsize=(4.6, 3.8), layout="constrained")
image = ax.imshow(weights, cmap="viridis", vmin=0, vmax=1)
fig.colorbar(image, label="weight")
ax.set_yticks(rows[trigger].tolist(), labels=["trigger"] * int(trigger.sum()))
ax.set(xticks=[0, 5, 10], xlabel="key position", ylabel="query")
fig.set_label(
    f"Attention weights of {INPUTS} queries. In the {trigger.sum()} rows of triggers, "
    f"the position before has {before:.0%} of the weight on average. In the other rows "
    f"the first position has {first:.0%}."
)

# %% Hide some positions from the trained models
window = window_mask(INPUTS, INPUTS, window=4)
masks = {"all positions": causal(INPUTS, INPUTS), "window of 4": window}
masks["window and first"] = window | (rows == 0)
masks["window and second"] = window | ((rows == 1) & (rows[:, None] > 0))
results = [[task.evaluate(model, mask) for mask in masks.values()] for model in models]
lost = np.array([[result.ordinary for result in row] for row in results])
share = np.array([row[0].on_first for row in results])
copied = min(result.copied for row in results for result in row)
soft, one = lost[:6], lost[6:]
assert copied > 0.95
assert np.abs(lost[:, [0, 2]]).max() < 0.03
assert soft[:, 1].min() > 0.04
assert one[:, 1].mean() < soft[:, 1].mean() / 4
assert share[6:].min() > 0.8

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for row, (name, mark) in enumerate(zip(masks, "osv^", strict=True)):
    place = np.repeat([0, 1], 6) + 0.18 * (row - 1.5)
    ax.plot(place, lost[:, row].clip(1e-3), mark, color=f"C{row}", ms=5, label=name)
ax.set_xticks([0, 1], labels=["softmax", "softmax-off-by-one"])
ax.set(yscale="log", ylabel="excess loss, nats")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
fig.set_label(
    "Excess loss of six models with the usual softmax and six with softmax-off-by-one. "
    f"With all positions, and with a window and the first, at most "
    f"{lost[:, [0, 2]].max():.3f}. With the window alone, {soft[:, 1].min():.2f} to "
    f"{soft[:, 1].max():.2f} and {one[:, 1].min():.3f} to {one[:, 1].max():.2f}."
)
measured = {"before": before, "first": first, "copied": copied}
keys = ("full", "soft_window", "soft_first", "soft_second")
measured |= dict(zip(keys, soft.mean(axis=0), strict=True))
measured |= {"soft_least": soft[:, 1].min(), "soft_most": soft[:, 1].max()}
measured |= {"one_window": one[:, 1].mean(), "one_weight": share[6:].mean()}
measured["soft_weight"] = share[:6].mean()
