"""
Each pretext helps with the probe that resembles it
===================================================

A figure of :doc:`/generative/generative_ai`. The same encoder is trained on Python's
help by three pretexts, three runs each. A linear probe then predicts the next word, or
the topic, from its features.
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import one_hot

from snippets.generative import help_passages as data
from snippets.generative import text_pretexts as task
from snippets.generative.linear_probe import probe_scores, share_right

RUNS, VOCAB, WIDTH, LENGTH, UPDATES, BATCH, PAIRS = 3, 512, 64, 20, 400, 128, 32
CLASSES, COUNTS = 8, (100, 200)  # of each class, to fit the probe and to test it

learned, rest = data.help_topics(VOCAB, LENGTH)
probes = {
    "next word": data.next_word_examples(learned, rest, CLASSES, COUNTS),
    "topic": data.topic_examples(learned, rest, CLASSES, COUNTS, LENGTH),
}
random = torch.Generator().manual_seed(0)
shape, both = (RUNS, BATCH), (RUNS, PAIRS)
groups, pairs = (data.places(learned, n) for n in (data.GROUP + 1, 2 * LENGTH))


def masked(encoder):
    hidden = torch.randint(data.GROUP, (*shape, 1), generator=random)
    return task.masked_word_loss(encoder, data.drawn(groups, shape, random), hidden)


pretexts = {
    "untrained": None,
    "next word": lambda e: task.next_word_loss(e, data.drawn(groups, shape, random)),
    "masked word": masked,
    "contrastive": lambda e: task.neighbor_loss(e, data.drawn(pairs, both, random)),
}
scores = {}
for pretext, loss in pretexts.items():
    torch.manual_seed(0)
    answers, lr = (32, 0.03) if pretext == "contrastive" else (VOCAB, 0.01)
    encoder = task.GroupEncoder(RUNS, VOCAB, WIDTH, answers)
    if loss:
        task.train_pretext(encoder, loss, runs=RUNS, updates=UPDATES, lr=lr)
    for name, examples in probes.items():
        scores[pretext, name] = probe_scores(encoder, *examples)
bag = share_right(*(one_hot(p, VOCAB).sum(dim=2) for p in probes["topic"]))

fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.6), sharey=True, layout="constrained")
for ax, name in zip(axes, probes, strict=True):
    for row, pretext in enumerate(pretexts):
        ax.plot(scores[pretext, name], [row] * RUNS, "o", alpha=0.7)
    ax.axvline(1 / CLASSES, color="0.5", linestyle="--")
    ax.set(xlabel="share right", title=f"probe: {name}", xlim=(0.1, 0.6))
axes[0].set(yticks=range(len(pretexts)), yticklabels=pretexts, ylim=(3.5, -0.5))
axes[1].axvline(bag, color="0.5", linestyle=":")
means = {key: sum(values) / RUNS for key, values in scores.items()}
shown = (
    f"{name}: " + ", ".join(f"{means[p, name]:.2f} ({p})" for p in pretexts)
    for name in probes
)
fig.set_label(
    "Share of new examples that the probe gets right, mean of three runs. "
    + f"{'; '.join(shown)}; guessing: {1 / CLASSES:.3f}; topic by words: {bag:.2f}."
)
untrained = {name: max(scores["untrained", name]) for name in probes}
measured = {f"untrained_{n}_high".replace(" ", "_"): untrained[n] for n in probes}
measured["next_word_low"] = min(scores["next word", "next word"])
measured |= {"contrastive_low": min(scores["contrastive", "topic"]), "bag": bag}
measured["contrastive_high"] = max(scores["contrastive", "topic"])
assert measured["next_word_low"] > untrained["next word"] + 0.05
assert measured["contrastive_low"] > untrained["topic"] + 0.03
assert min(scores["masked word", "next word"]) > untrained["next word"]
assert abs(means["contrastive", "topic"] - bag) < 0.05
assert max(scores["next word", "topic"]) < untrained["topic"] + 0.03
