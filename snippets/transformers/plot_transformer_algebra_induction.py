"""
An induction head, read from its weights
========================================

Two figures of :doc:`/transformers/transformer_algebra`. Three models learn to copy:
where their heads look, what their circuits do, what each part adds to the right logit.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.transformers import induction_circuits as found
from snippets.transformers import induction_task as task
from snippets.transformers import transformer_algebra as algebra

PARTS = ["tokens", "positions", "head 0.0", "head 1.0"]
EXAMPLE, STREAMS = 25, ["embeddings", "after block 0", "after block 1"]
tested = task.texts(500, torch.Generator().manual_seed(100))
runs, leads, others, lenses, maps = [], [], [], [], []
for seed in range(3):
    model = task.attention_only(layers=2, seed=seed)
    losses = task.train(model, 400, seed)
    attention = found.attention_maps(model, tested.ids)
    where, *symbols = found.weight_circuits(model)
    with torch.no_grad():
        lens = algebra.logit_lens(model, tested.ids)
        parts = algebra.logit_parts(model, algebra.residual_parts(model, tested.ids))
    lead = {name: found.lead(part, tested).mean() for name, part in parts.items()}
    others.append(max(abs(lead[name]) for name in lead if name != "head 1.0"))
    leads.append([lead[name] for name in PARTS])
    lenses.append([task.accuracy(logits, tested) for logits in lens])
    runs.append(found.measurements(model, tested))
    runs[-1]["falls"] = np.mean(losses[-100:-50]) - np.mean(losses[-50:])
    maps = maps or [*(shown[EXAMPLE] for shown in attention), where.tril(), *symbols]

titles = ["weights 0.0", "weights 1.0", "QK 0.0", "QK 1.0", "OV 1.0"]
labels = [("key position", "query position")] * 3
labels += [("symbol before key", "query symbol"), ("logit", "symbol read")]
fig, axes = plt.subplots(2, 3, figsize=(6.4, 4.6), layout="constrained")
axes[0, 2].set_axis_off()
text = "".join(chr(65 + symbol) for symbol in tested.ids[EXAMPLE])
note = f"text:\n{text}\n\n0.0, 1.0: heads\norange: above 0\npurple: below 0"
axes[0, 2].text(0, 0.5, note, va="center", size=8)
axes = [*axes[0, :2], *axes[1]]
for ax, title, (across, down), shown in zip(axes, titles, labels, maps, strict=True):
    limit = shown.abs().max()
    ax.imshow(shown, cmap="PuOr_r", vmin=-limit, vmax=limit)
    ax.set(title=title, xlabel=across, ylabel=down, xticks=[], yticks=[])
low = {name: min(run[name] for run in runs) for name in runs[0]}
fig.set_label(
    "Five heat maps. Weights of head 0.0: a line below the diagonal. Of 1.0: first "
    "the diagonal, then two lines below it. QK of 0.0: positive on and just below the "
    "diagonal. QK and OV of 1.0: the diagonal has the largest entry in at least "
    f"{low['match']:.0%} and {low['copied']:.0%} of the rows."
)

# %% What each part adds directly, and what the logit lens reads
leads, lenses = map(np.array, (leads, lenses))
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.4), layout="constrained")
for ax, names, values in [(left, PARTS, leads), (right, STREAMS, lenses)]:
    ax.barh(names, values.mean(0), color="C0", alpha=0.5)
    ax.plot(values.T, names, "C0o", markersize=4)
    ax.invert_yaxis()
left.set(xlabel="added to the right logit", title="direct attribution")
right.set(xlabel="accuracy", xlim=(0, 1.05), title="logit lens")
right.axvline(1 / task.SYMBOLS, color="0.5", linestyle=":")
fig.set_label(
    "Left, mean additions to the right logit: "
    + ", ".join(f"{n}: {v:z.1f}" for n, v in zip(PARTS, leads.mean(0), strict=True))
    + ". Right, accuracies of the logit lens: "
    + ", ".join(f"{n}: {v:.0%}" for n, v in zip(STREAMS, lenses.mean(0), strict=True))
    + f". Dotted: guessing, {1 / task.SYMBOLS:.0%}."
)
measured = low | {"accuracy": lenses[:, 2].mean(), "lens": lenses[:, 1].max()}
measured |= {"direct": max(others), "induction": leads[:, 3].min()}
measured |= {name: max(run[name] for run in runs) for name in ("without", "falls")}
assert measured["lens"] < 0.1 < 0.9 < lenses[:, 2].min()
assert measured["direct"] < 0.05 * measured["induction"]
assert min(low["match"], low["copied"], low["where"]) > 0.8
