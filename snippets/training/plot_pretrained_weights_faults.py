"""
What a missing tensor costs, and which mistakes the loss does not show
======================================================================

Two figures of :doc:`/training/pretrained_weights`: three checkpoints that are loaded
without one of their tensors; and loaded in ways that fit every shape but are wrong.
"""

import tempfile
from math import log

import matplotlib.pyplot as plt
import torch

from snippets.training.faulty_loads import FAULTS, costs
from snippets.training.pretrained_weights import load_gpt2, save_gpt2
from snippets.transformers.gpt import GPT
from snippets.transformers.gpt_training import help_bytes, training, windows

SIZES = {"vocab": 256, "n_positions": 32, "d_model": 32, "layers": 1, "heads": 2}
runs = []
for seed in range(3):
    learned, held_out = help_bytes(seed)
    cut = windows(held_out, 32)[:: len(held_out) // 3200]
    torch.manual_seed(seed)
    trained = GPT(**SIZES, std=32**-0.5)
    list(training(trained, learned, 400, seed=seed, rate=0.015))  # one update each
    with tempfile.TemporaryDirectory() as folder:
        save_gpt2(trained, folder)
        model = load_gpt2(folder)
    runs.append(costs(model, GPT(**SIZES), cut, trained.double()(cut)))
loss = sum(run.loss for run in runs) / len(runs)
cost, added, off = (torch.stack(x, -1) for x in list(zip(*runs, strict=True))[1:])
names = [name for name in model.state_dict() if name != "lm_head.weight"]
order = cost.mean(dim=1).argsort()
labels = [names[i].removeprefix("h.0.") for i in order]
guess = log(256) - loss
fig, ax = plt.subplots(figsize=(6.8, 4.6), layout="constrained")
ax.axvline(guess, color="0.5", linestyle="--")
ax.plot(cost[order], labels, "C0o", markersize=5, alpha=0.6)
ax.set_xscale("symlog", linthresh=0.01)
ax.set(xlabel="loss added if this tensor is missing, nats per byte", xlim=(-0.01, 5))
ax.xaxis.set_major_formatter("{x:g}")
fig.set_label(
    f"Sixteen rows of three dots. {labels[-1]} adds {cost[order[-1]].mean():.2f} nats, "
    f"as much as guessing. The next four, all matrices of the block, add at least "
    f"{cost[order[-5:-1]].min():.2f}. {labels[-6]} adds {cost[order[-6]].mean():.2f}. "
    f"The rest, norms and biases, add at most {cost[order[:-6]].max():.2f}."
)

# %% Loads that fit every shape
fig = plt.figure(figsize=(7.2, 3.6), layout="constrained")
left, right = fig.subplots(1, 2, sharey=True)
left.plot(off.flip(0), [*FAULTS][::-1], "C0o", markersize=5, alpha=0.6)
right.plot(added.flip(0), [*FAULTS][::-1], "C1s", markersize=5, alpha=0.6)
left.set(xscale="log", xlabel="largest error of a logit")
right.set_xscale("symlog", linthresh=0.01)
right.set(xlabel="loss added, nats per byte", xlim=(-0.01, 2))
right.xaxis.set_major_formatter("{x:g}")
left.grid(axis="x", alpha=0.3)
right.grid(axis="x", alpha=0.3)
fig.set_label(
    "Two panels, three dots a row. "
    + " ".join(
        f"{name}: logits off by {off[n].mean():.2g}, loss added {added[n].mean():z.3f}."
        for n, name in enumerate(FAULTS)
    )
)
small, tiny = cost[order[:-6]], added[4:].abs().max()
measured = {"loss": loss, "small_high": small.max(), "wpe": cost[order[-6]].mean()}
measured |= {"matrix_low": cost[order[-5:-1]].min(), "none": off[-1].max()}
measured |= {"hidden": (small.amax(1) < 0.02).sum(), "gelu": off[-3].min()}
measured |= {"heads_low": added[0].min(), "heads_high": added[0].max()}
measured |= {"order_low": added[1:4].min(), "heads_logit": off[0].min()}
measured["bf16_logit"] = off[4].max()
assert (labels[-1], labels[-6]) == ("wte.weight", "wpe.weight")
assert (cost[order[-1]].mean() - guess).abs() < 0.1
assert measured["matrix_low"] > 2 * measured["small_high"]
assert 0 < measured["heads_low"] < measured["heads_high"] < 0.15 < measured["order_low"]
assert tiny < 0.001 < measured["gelu"] > 50 * measured["none"]
