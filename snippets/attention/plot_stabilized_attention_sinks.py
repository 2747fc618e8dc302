"""
A window that drops the first token harms a head that has nothing to do
=======================================================================

For :doc:`/attention/stabilized_attention`: one head copies after triggers and is not
needed otherwise. The loss after ordinary symbols, with all positions visible, with a
window of four alone, and with the window and the first or the second position.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.backcopy_task import D_MODEL, INPUTS, evaluate, train
from snippets.attention.self_attention import causal
from snippets.attention.sliding_window_attention import window_mask
from snippets.attention.stabilized_attention import StabilizedAttention

layer = partial(StabilizedAttention, d_model=D_MODEL, heads=1)
layers = {
    "softmax": layer,
    "off by one": partial(layer, sinks=0.0),
    "learned sink": partial(layer, sinks=0.0, learn_sinks=True),
    "gate": partial(layer, gated=True),
}
window = window_mask(INPUTS, INPUTS, window=4)
position = torch.arange(INPUTS)
masks = {
    "all positions": causal(INPUTS, INPUTS),
    "window of 4": window,
    "window and first": window | (position == 0),
    "window and second": window | ((position == 1) & (position[:, None] > 0)),
}

# %%
# Train three models of each kind with all positions, then hide some
# ------------------------------------------------------------------
kinds, results = {}, {}
for name, made in layers.items():
    kinds[name] = [train(made, rate=0.03, seed=s, batches=300) for s in range(3)]
    results[name] = [[evaluate(m, a) for a in masks.values()] for m in kinds[name]]
lost = {
    name: np.array([[e.ordinary for e in row] for row in rows])
    for name, rows in results.items()
}
first = {k: np.mean([row[0].on_first for row in r]) for k, r in results.items()}
copied = min(e.copied for rows in results.values() for row in rows for e in row)
sinks = [model.layer.sinks.item() for model in kinds["learned sink"]]

assert copied > 0.95
assert max(v[:, [0, 2]].max() for v in lost.values()) < 0.03
assert lost["softmax"][:, [1, 3]].min() > 0.08
assert lost["gate"][:, 1].mean() < lost["softmax"][:, 1].mean() / 4
assert lost["learned sink"][:, 1].min() > 0.1
assert first["off by one"] > first["softmax"]

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for row, (name, mark) in enumerate(zip(masks, "osv^", strict=True)):
    for column, values in enumerate(lost.values()):
        place = np.full(3, column + 0.18 * (row - 1.5))
        label = None if column else name
        ax.plot(place, values[:, row], mark, color=f"C{row}", ms=5, label=label)
ax.set_xticks(range(len(layers)), labels=layers)
ax.set(yscale="log", ylabel="excess loss, nats")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
kept = max(values[:, [0, 2]].max() for values in lost.values())
alone = (f"{name} {values[:, 1].mean():.2f}" for name, values in lost.items())
fig.set_label(
    "Excess loss of four kinds of layers, three models each. With all positions, and "
    f"with a window and the first, at most {kept:.3f}. With the window alone, on "
    f"average: {', '.join(alone)}."
)
measured = {"copied": copied, "sink": max(sinks), "full": lost["softmax"][:, 0].mean()}
for key, name in zip(("soft", "one", "learned", "gate"), layers, strict=True):
    measured[f"{key}_window"] = lost[name][:, 1].mean()
    measured[f"{key}_weight"] = first[name]
measured["soft_first"] = lost["softmax"][:, 2].mean()
measured["soft_second"] = lost["softmax"][:, 3].mean()
