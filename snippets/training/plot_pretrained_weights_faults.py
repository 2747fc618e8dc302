"""
What a missing tensor costs, and which mistakes the loss does not show
======================================================================

Two figures of :doc:`/training/pretrained_weights`: three checkpoints, each after a
short and a longer training, are loaded without one of their tensors; and loaded in
ways that fit every shape but are wrong.
"""

from math import log

import matplotlib.pyplot as plt

from snippets.training.checkpoint_runs import SHAPE, costs_of_runs
from snippets.training.faulty_loads import FAULTS
from snippets.transformers.gpt import GPT

SHORT, LONG = 100, 600  # updates
short, long = (costs_of_runs(range(3), steps) for steps in (SHORT, LONG))
names = [name for name in GPT(**SHAPE).state_dict() if name != "lm_head.weight"]
order = long.missing.mean(dim=1).argsort()
labels = [names[i].removeprefix("h.0.") for i in order]
early, cost = short.missing[order], long.missing[order]
fig, ax = plt.subplots(figsize=(6.8, 5), layout="constrained")
ax.plot(early, labels, "C1o", markersize=5, fillstyle="none")
ax.plot(cost, labels, "C0o", markersize=5, alpha=0.6)
ax.plot([], "C1o", fillstyle="none", label=f"after {SHORT} updates")
ax.plot([], "C0o", label=f"after {LONG} updates")
ax.set_xscale("symlog", linthresh=0.01)
ax.set(xlabel="loss added if this tensor is missing, nats per byte", xlim=(-0.015, 5))
ax.xaxis.set_major_formatter("{x:g}")
fig.legend(loc="outside lower center", ncols=2)
fig.set_label(
    f"Sixteen rows of three rings, {SHORT} updates, and three dots, {LONG}. Means: "
    + "; ".join(
        f"{label} {a:z.3f} and {b:z.3f}"
        for label, a, b in zip(labels, early.mean(1), cost.mean(1), strict=True)
    )
)

# %% Loads that fit every shape
fig = plt.figure(figsize=(7.2, 3.6), layout="constrained")
left, right = fig.subplots(1, 2, sharey=True)
for panel, x, mark in ((left, long.off, "C0o"), (right, long.added, "C1s")):
    panel.plot(x.flip(0), [*FAULTS][::-1], mark, markersize=5, alpha=0.6)
    panel.grid(axis="x", alpha=0.3)
left.set(xscale="log", xlabel="largest error of a logit")
right.set_xscale("symlog", linthresh=0.01)
right.set(xlabel="loss added, nats per byte", xlim=(-0.01, 2))
right.xaxis.set_major_formatter("{x:g}")
fig.set_label(
    "Two panels, three dots a row. "
    + " ".join(
        f"{name}: logits off by {off.mean():.2g}, loss added {added.mean():z.3f}."
        for name, off, added in zip(FAULTS, long.off, long.added, strict=True)
    )
)
added, off = long.added, long.off
small, matrices = cost[:10].amax(1), cost[11:15]
measured = {"short_loss": short.loss.mean(), "loss": long.loss.mean()}
measured |= {"small_high": small.max(), "half_high": small.sort().values[4]}
measured |= {"wpe": cost[10].mean(), "matrix_low": matrices.min()}
measured |= {"heads_low": added[0].min(), "heads_high": added[0].max()}
measured |= {"heads_short": short.added[0].max(), "heads_logit": off[0].min()}
measured |= {"order_low": added[1:4].min(), "bf16_logit": off[4].max()}
measured |= {"gelu": off[6].min(), "none": off[-1].max()}
assert labels[9:11] + labels[15:] == ["ln_1.weight", "wpe.weight", "wte.weight"]
assert (cost[15].mean() - log(256) + measured["loss"]).abs() < 0.1
assert matrices.min() > 2 * small.max() > 0.1
assert (cost[9:].amin(1) > early[9:].amax(1)).all()
assert (added[:4].amin(1) > short.added[:4].amax(1)).all()
assert 0 < measured["heads_high"] < 0.15 < measured["order_low"]
assert added[4:].abs().max() < 0.001 < measured["gelu"] > 50 * measured["none"]
