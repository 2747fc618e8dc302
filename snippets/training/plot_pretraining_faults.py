"""
What the loss curve says about a run
====================================

Two figures of :doc:`/training/pretraining`: three runs on a source whose entropy rate
is known; and six runs with a fault each, beside a run without one.
"""

import math

import matplotlib.pyplot as plt

from snippets.training import markov_source as source
from snippets.training.faulty_runs import SEQ, Setting, compare, held_out_texts

STEPS, EVERY, SEEDS = 300, 20, 3
FAULTS = {
    "none": Setting(),
    "rate 20 times higher": Setting(lr=0.4),
    "no warm-up": Setting(warmup=0),
    "weights 25 times larger": Setting(std=1.0),
    "labels not shifted": Setting(shift=0),
    "labels shifted twice": Setting(shift=2),
    "32 texts, repeated": Setting(kept=32),
}

table = source.next_tokens()
known, least = source.entropies(table), source.floor(table, SEQ).item()
runs = compare([s for s in FAULTS.values() for _ in range(SEEDS)], STEPS, EVERY)
logged, held_out = (x.unflatten(1, (-1, SEEDS)).transpose(0, 1) for x in runs)
marks = [*range(0, STEPS, EVERY), STEPS]
start, end = logged[:, 0], held_out[:, -1]
smooth = logged.unfold(1, 10, 1).mean(-1)  # a running mean, (faults, steps, seeds)

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
ax.plot(marks, held_out[0], "C0")
levels = {"no token known": known.none, "one token": known.one, "two tokens": least}
for name, level in levels.items():
    ax.axhline(level, color="0.5", linestyle="--")
    ax.text(60, level, name, va="bottom")
ax.set(xlabel="updates", ylabel="held-out loss, nats", ylim=(0.7, 2.05))
fig.set_label(
    f"Three curves fall from {held_out[0, 0].mean():.2f} nats per token to "
    f"{end[0].mean():.2f}. Level lines: {known.none:.2f} with no token known, "
    f"{known.one:.2f} with one, {least:.2f} with two. The curves pass the second line, "
    "more slowly than before, and end above the third."
)

# %% Six faults
fig = plt.figure(figsize=(6.8, 4.4), layout="constrained")
axes = fig.subplots(2, 3, sharex=True, sharey=True, subplot_kw={"ylim": (-0.2, 4.5)})
for number, (ax, name) in enumerate(zip(axes.flat, [*FAULTS][1:], strict=True), 1):
    ax.axhline(least, color="0.5", linestyle=":", label="floor")
    ax.plot(marks, held_out[0].mean(-1), color="0.5", label="no fault, held-out")
    ax.plot(range(9, STEPS), smooth[number, :, 0], "C0", label="logged")
    ax.plot(marks, held_out[number, :, 0], "C1--", label="held-out")
    ax.set_title(name, fontsize="small")
fig.supxlabel("updates", fontsize="medium")
fig.supylabel("loss, nats per token", fontsize="medium")
fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=4)
fig.set_label(
    f"Six panels; the run without a fault falls to {end[0].mean():.2f} in each. "
    + " ".join(
        f"{name.capitalize()}: logged loss from {start[n, 0]:.2f} to "
        f"{smooth[n, -1, 0]:.2f}, held-out loss at the end {end[n, 0]:.2f}."
        for n, name in enumerate(FAULTS)
        if n
    )
)
measured = {"floor": least, "guess": math.log(source.VOCAB), "one_token": known.one}
measured["end"] = end[0].mean()
measured["gap"] = measured["end"] - source.source_loss(table, held_out_texts())
short = ["high_rate", "no_warmup", "large_start", "unshifted", "twice", "repeated"]
measured |= {f"{k}_low": end[n].min() for n, k in enumerate(short, 1)}
measured |= {"large_start_begins": start[3].mean(), "end_high": end[0].max()}
assert end[0].max() < least + 0.2
assert end[1:].min() > end[0].max() + 0.1
assert max(smooth[4, -1].max(), smooth[6, -1].max()) < least
