"""
A small GPT puts words in order, with and without a constraint
==============================================================

Two figures of :doc:`/training/sentence_reconstruction`: the loss of models that train
with and without the loss mask; and what the masked models write when they are free, and
when they must use each given word once.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.sentence_runs import (
    EVERY,
    answers,
    rows,
    score,
    split_sentences,
    train_orders,
)
from snippets.training.small_grammar import arrangements, numbers_differ

SEED, SEEDS, UPDATES = 20, 3, 800
train, test = split_sentences(learned=8000, held_out=300, seed=SEED)
run = train_orders(train, test, [True] * SEEDS + [False] * SEEDS, UPDATES, SEED)
prompts = rows(test, SEED + 1).ids
written = {
    free: [answers(m, prompts, free=free) for m in run.models] for free in (0, 1)
}
scores = {
    free: np.array([score(found, test) for found in each]).reshape(2, SEEDS, 4)
    for free, each in written.items()
}
ways = [arrangements(sentence) for sentence in test]
bound = np.mean([1 / n for n in ways])
deviation = math.sqrt(sum((1 - 1 / n) / n for n in ways)) / len(ways)
floor = sum(map(math.log, ways)) / sum(len(s) + 1 for s in test)
losses = run.losses.unflatten(1, (2, SEEDS)).numpy()

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
updates = range(0, UPDATES + 1, EVERY)
for kind, (name, style) in enumerate({"masked": "C0", "all tokens": "C1--"}.items()):
    lines = ax.plot(updates, losses[:, kind], style)
    lines[0].set_label(name)
ax.axhline(floor, color="0.5", linestyle=":", label="perfect model")
ax.set(xlabel="updates", ylabel="loss after SEP, nats", yscale="log")
ax.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
ax.minorticks_off()
fig.legend(loc="outside upper center", ncols=3)
end = losses[-1].mean(-1)
fig.set_label(
    f"Curves of three masked models end at {end[0]:.2f} nats on average, those of three "
    f"models that learn all tokens at {end[1]:.2f}; a perfect model has {floor:.3f}."
)

# %% Free and constrained
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
names = ["words used\nonce each", "grammatical", "original\nsentence"]
for free, name, color in ((1, "free", "C1"), (0, "constrained", "C0")):
    values = 100 * scores[free][0, :, :3]
    places = np.arange(3) + (-0.2 if free else 0.2)
    ax.bar(places, values.mean(0), 0.36, color=color, alpha=0.6, label=name)
    ax.plot(np.tile(places, (SEEDS, 1)), values, "o", color="0.2", markersize=3)
ax.plot([1.6, 2.4], [100 * bound] * 2, "k--", label="bound")
ax.set(ylabel="share of answers, %", ylim=(0, 105))
ax.set_xticks(range(3), names)
fig.legend(loc="outside upper center", ncols=3)
fig.set_label(
    f"Bars, mean of three models. Bound of the original sentence: {bound:.0%}. "
    + " ".join(
        f"{name}: "
        + ", ".join(f"{v:.0%}" for v in scores[free][0, :, :3].mean(0))
        + "."
        for free, name in ((1, "Free"), (0, "Constrained"))
    )
)

free, held = scores[1], scores[0]  # (masked or not, seeds, metrics)
split = [i for i, sentence in enumerate(test) if numbers_differ(sentence)]
hard = [score([a[i] for i in split], [test[i] for i in split]) for a in written[0][:3]]
measured = {"bound": bound, "deviation": deviation, "floor": floor}
measured |= {"free": free[0, :, 0].mean(), "free_low": free[0, :, 0].min()}
measured |= {"multiset": held[0, :, 0].min(), "grammatical": held[0, :, 1].mean()}
measured |= {"grammatical_low": held[0, :, 1].min(), "exact": held[0, :, 2].mean()}
measured |= {"free_all": free[1, :, 0].mean(), "free_all_high": free[1, :, 0].max()}
measured |= {"all_grammatical": held[1, :, 1].mean(), "moved": held[0, :, 3].mean()}
measured |= {"loss": end[0], "loss_all": end[1]}
measured |= {"exact_spread": np.abs(held[0, :, 2] - bound).max()}
measured |= {"gpt_split": min(s.grammatical for s in hard)}
print({k: round(float(v), 4) for k, v in measured.items()})
print(held, free, losses[-1], len(split))
assert held[0, :, 0].min() == 1
assert held[0, :, 1].min() > 0.95
assert free[0, :, 0].min() > 0.6
