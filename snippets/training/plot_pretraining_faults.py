"""
What the loss curve says about a run
====================================

Two figures of :doc:`/training/pretraining`: three runs on a source whose entropy rate
is known; and six runs with a fault each, beside a run without one.
"""

import math

import matplotlib.pyplot as plt

from snippets.training.faulty_runs import SEQ, Setting, compare, held_out_texts
from snippets.training.markov_source import (
    VOCAB,
    entropies,
    floor,
    next_tokens,
    source_loss,
)

STEPS, EVERY, SEEDS = 300, 20, 3
FAULTS = {
    "none": Setting(),
    "rate 20 times higher": Setting(lr=0.4),
    "no warm-up": Setting(warmup=0),
    "initial weights 25 times larger": Setting(std=1.0),
    "labels not shifted": Setting(shift=0),
    "labels shifted twice": Setting(shift=2),
    "only 32 texts, repeated": Setting(kept=32),
}

table = next_tokens()
known, least = entropies(table), floor(table, SEQ).item()
runs = compare([s for s in FAULTS.values() for _ in range(SEEDS)], STEPS, EVERY)
logged, held_out = (x.unflatten(1, (-1, SEEDS)).transpose(0, 1) for x in runs)
marks = [*range(0, STEPS, EVERY), STEPS]
start, end = logged[:, 0], held_out[:, -1]
smooth = logged.unfold(1, 10, 1).mean(-1)  # a running mean, (faults, steps, seeds)

fig, ax = plt.subplots(figsize=(6.4, 3.0), layout="constrained")
ax.plot(marks, held_out[0], "C0")
levels = {"no token known": known.none, "one token": known.one, "two tokens": least}
for name, level in levels.items():
    ax.axhline(level, color="0.5", linestyle="--")
    side = "top" if name == "two tokens" else "bottom"
    ax.text(STEPS, level, name, ha="right", va=side)
ax.set(xlabel="updates", ylabel="held-out loss, nats per token", ylim=(0.66, 2))
fig.set_label(
    f"Three curves fall from {held_out[0, 0].mean():.2f} nats per token to "
    f"{end[0].mean():.2f}. Level lines: {known.none:.2f} with no token known, "
    f"{known.one:.2f} with one, {least:.2f} with two. The curves pass the second line, "
    "more slowly than before, and end above the third."
)

# %% Six faults
fig, axes = plt.subplots(
    2, 3, figsize=(6.8, 4.2), sharex=True, sharey=True, layout="constrained"
)
for ax, name in zip(axes.flat, list(FAULTS)[1:], strict=True):
    number = list(FAULTS).index(name)
    ax.axhline(least, color="0.5", linestyle=":", label="floor")
    ax.plot(marks, held_out[0].mean(-1), color="0.5", label="no fault, held-out")
    ax.plot(range(9, STEPS), smooth[number, :, 0], "C0", label="logged")
    ax.plot(marks, held_out[number, :, 0], "C1--", label="held-out")
    ax.set_title(name, fontsize="small")
    ax.set(ylim=(-0.2, 4.5))
fig.supxlabel("updates", fontsize="medium")
fig.supylabel("loss, nats per token", fontsize="medium")
handles, labels = axes[0, 0].get_legend_handles_labels()
fig.legend(handles, labels, loc="outside upper center", ncols=4)
fig.set_label(
    f"Six panels; the run without a fault falls to {end[0].mean():.2f} in each. "
    + " ".join(
        f"{name.capitalize()}: logged loss from {start[n].mean():.2f} to "
        f"{smooth[n, -1].mean():.2f}, held-out loss at the end {end[n].mean():.2f}."
        for n, name in enumerate(FAULTS)
        if n
    )
)

measured = {"floor": least, "guess": math.log(VOCAB), "one_token": known.one}
measured |= {"start": start[0].mean(), "end": end[0].mean(), "end_high": end[0].max()}
paired = source_loss(table, held_out_texts())  # on the same texts
measured["gap"], measured["source"] = measured["end"] - paired, paired
short = ["high_rate", "no_warmup", "large_start", "unshifted", "twice", "repeated"]
for number, key in enumerate(short, start=1):
    measured[f"{key}_low"] = end[number].min()
    measured[f"{key}_logged"] = smooth[number, -1].mean()
measured["large_start_begins"] = start[3].mean()
assert end[0].max() < least + 0.2
assert end[1:].min() > end[0].max() + 0.1
assert smooth[4, -1].max() < least / 2
assert smooth[6, -1].max() < least
