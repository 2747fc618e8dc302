"""
A small GPT puts words in order, with and without a constraint
==============================================================

Two figures of :doc:`/training/sentence_reconstruction`: the loss of three models; and
what they write when they are free, and when they must use each given word once.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from snippets.training import sentence_runs as runs
from snippets.training.small_grammar import arrangements, numbers_differ, orders

SEED, MODELS, UPDATES = 41, 3, 800
train, test = runs.split_sentences(learned=8000, held_out=300, seed=SEED)
models, losses = runs.train_orders(train, test, MODELS, UPDATES, SEED)
prompts = runs.rows(test, SEED + 1).ids
written = [[runs.answers(m, prompts, free=f) for m in models] for f in (True, False)]
free, held = np.array([[runs.score(a, test) for a in each] for each in written])
ways = np.array([arrangements(sentence) for sentence in test])
bound = (1 / ways).mean()
floor = np.log(ways).sum() / sum(len(sentence) + 1 for sentence in test)

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
updates = range(0, UPDATES + 1, runs.EVERY)
ax.plot(updates, losses, "C0", label=["small GPT"] + [None] * (MODELS - 1))
ax.axhline(floor, color="0.5", linestyle=":", label="perfect model")
ax.set(xlabel="updates", ylabel="loss after SEP, nats", yscale="log")
ax.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
ax.minorticks_off()
fig.legend(loc="outside upper center", ncols=2)
fig.set_label(
    f"Three curves fall from {losses[0].mean():.1f} nats to "
    + ", ".join(f"{loss:.2f}" for loss in losses[-1])
    + f". A perfect model has {floor:.2f}."
)

# %% Free and constrained
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
text = []
for name, values, color in (("free", free, "C1"), ("constrained", held, "C0")):
    values = 100 * values
    places = np.arange(3) + (-0.2 if name == "free" else 0.2)
    ax.bar(places, values.mean(0), 0.36, color=color, alpha=0.6, label=name)
    ax.plot(np.tile(places, (MODELS, 1)), values, "ko", markersize=3)
    text.append(f"{name}: " + ", ".join(f"{v:.0f} %" for v in values.mean(0)))
ax.plot([1.6, 2.4], [100 * bound] * 2, "k--", label="bound")
ax.set(ylabel="share of answers, %", ylim=(0, 105))
ax.set_xticks(range(3), ["words used\nonce each", "grammatical", "original\nsentence"])
fig.legend(loc="outside upper center", ncols=3)
fig.set_label(
    "Pairs of bars: words used once each, grammatical, original sentence. Means, "
    f"{'; '.join(text)}. The bound of the original sentence is {bound:.0%}."
)

split = [i for i, sentence in enumerate(test) if numbers_differ(sentence)]
hard = [
    runs.score([answers[i] for i in split], [test[i] for i in split]).grammatical
    for answers in written[1]
]
measured = {"bound": bound, "floor": floor, "gpt_split": min(hard)}
measured["deviation"] = 100 * math.sqrt(((1 - 1 / ways) / ways).sum()) / len(ways)
measured |= {"free": free[:, 0].mean(), "free_low": free[:, 0].min()}
measured |= {"grammatical": held[:, 1].mean(), "grammatical_low": held[:, 1].min()}
measured |= {"exact": held[:, 2].mean(), "loss": losses[-1].mean()}
measured["random"] = np.mean([1 / orders(sentence) for sentence in test])
measured["exact_spread"] = 100 * np.abs(held[:, 2] - bound).max()
assert (held[:, 0] == 1).all()
assert held[:, 1].min() > 0.9
assert 0.6 < free[:, 0].min() < 1
assert (losses[-1] > floor).all()
