"""
A small GPT learns from Python's help
=====================================

Two figures of :doc:`/transformers/gpt`: the held-out loss beside n-grams, for three
splits of the topics; and what the first model writes on the way.
"""

from itertools import chain

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.transformers import gpt_training as task
from snippets.transformers.gpt import GPT, next_token_loss

LENGTH, STEPS, WIDTH = 32, 1000, 32
MARKS = [0, 10, 30, 60, 120, 200, 300, 450, 600, 750, STEPS]
SAMPLED, NAMES = [0, 60, STEPS], ["unigram", "bigram", "trigram"]

curves, grams, texts = np.zeros((3, len(MARKS))), np.zeros((3, 3)), []
for seed in range(3):
    learned, held_out = task.help_bytes(seed)
    cut = task.windows(held_out, LENGTH)
    step = len(cut) // 160
    for order in (1, 2, 3):
        loss = task.n_gram_loss(learned, held_out, order, length=LENGTH, step=step)
        grams[seed, order - 1] = loss
    torch.manual_seed(seed)
    sizes = {"vocab": 256, "n_positions": LENGTH, "d_model": WIDTH, "std": WIDTH**-0.5}
    model = GPT(**sizes, layers=2, heads=2)
    for done in chain([0], task.training(model, learned, STEPS, seed=seed, rate=0.015)):
        if done in MARKS:
            with torch.no_grad():
                loss = next_token_loss(model(cut[::step]), cut[::step])
            curves[seed, MARKS.index(done)] = loss
        if seed == 0 and done in SAMPLED:
            text = task.continuation(model, b"The ", 112, temperature=0.5, seed=1)
            texts.append(text)

level, end = grams.mean(axis=0), curves[:, -1]
fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
ax.plot(MARKS, curves.T, "C0-o", markersize=3)
ax.text(40, 4.1, "GPT, three runs", color="C0")
for number, name in enumerate(NAMES):
    color = f"C{number + 1}"
    ax.axhline(level[number], color=color, linestyle="--")
    ax.text(0.35 * STEPS, level[number], name, color=color, va="bottom", ha="right")
ax.set(xlabel="updates", ylabel="held-out loss, nats per byte", ylim=(1.4, 6.2))
fig.set_label(
    f"Three close curves fall from {curves[:, 0].mean():.1f} to {end.mean():.2f} nats "
    f"per byte. Level lines: unigram {level[0]:.2f}, bigram {level[1]:.2f}, trigram "
    f"{level[2]:.2f}. On average, the curves end slightly below the trigram."
)
measured = {"loss": end.mean(), "low": end.min(), "high": end.max()}
measured |= {"bigram": level[1], "trigram": level[2]}
below = grams - end[:, None]
measured["gap"], measured["gap_max"] = below[:, 2].min(), below[:, 2].max()
measured["below_bigram"] = below[:, 1].min()
measured["still_falling"] = (curves[:, -2] - end).min()
measured["read"] = STEPS * 16 * LENGTH / len(learned)
measured["tested"] = cut[::step, 1:].numel() / 1000
measured["thousands"] = sum(p.numel() for p in model.parameters()) / 1000
assert end.mean() < level[2]
assert measured["below_bigram"] > 0.3
assert measured["still_falling"] > 0

# %% What the first model writes
fig, ax = plt.subplots(figsize=(5.8, 2.4), layout="constrained")
ax.set(xlim=(0, 1), ylim=(len(SAMPLED), 0))
ax.axis("off")
for row, (done, text) in enumerate(zip(SAMPLED, texts, strict=True)):
    lines = [text[start : start + 58] for start in range(0, len(text), 58)]
    ax.text(0, row, f"after {done} updates", color="C0", va="top")
    ax.text(0, row + 0.28, "\n".join(lines), family="monospace", va="top", fontsize=10)
fig.set_label(
    "Three continuations of “The ”: random bytes before training, letters without "
    f"words after {SAMPLED[1]} updates, after {STEPS} updates “{texts[-1][:58]}”."
)
