"""
Less text, the same order
=========================

A figure of :doc:`/language/ngram_models`. Bits per word of trigram models that learned
from a sixteenth of the text to all of it, above those of modified Kneser-Ney. Mean and
range of five random choices of sentences.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.help_sentences import help_sentences, hold_out
from snippets.language.kneser_ney import Discounted, estimated_discounts
from snippets.language.ngram_counts import adjusted, count, vocabulary
from snippets.language.ngram_models import WittenBell, perplexity

NAMES = "Witten-Bell", "absolute discounting", "Kneser-Ney"
PARTS, RUNS = (16, 4, 1), 5


def bits_above(train, test) -> list[float]:
    """Of each method above modified Kneser-Ney; one vocabulary for all of them."""
    counts = count(train, 3, vocabulary(train))
    before = adjusted(counts)
    three = [estimated_discounts(o) for o in before.orders[1:]]
    raw = [(estimated_discounts(o)[0],) * 3 for o in counts.orders[1:]]
    models = [
        WittenBell(counts),
        Discounted(counts, raw),
        Discounted(before, [(d[0],) * 3 for d in three]),
        Discounted(before, three),
    ]
    *bits, modified = (math.log2(perplexity(model, test)) for model in models)
    return [value - modified for value in bits]


sentences = help_sentences()
above, sizes = np.zeros((len(NAMES), len(PARTS), RUNS)), np.zeros(len(PARTS))
for seed in range(RUNS):
    train, test = hold_out(sentences, seed)
    for column, part in enumerate(PARTS):
        some = train[: len(train) // part]
        above[:, column, seed] = bits_above(some, test)
        sizes[column] += sum(map(len, some)) / 1e3 / RUNS

fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
for name, value, marker in zip(NAMES, above, "s^x", strict=True):
    mean, low, high = (f(value, axis=1) for f in (np.mean, np.min, np.max))
    ax.errorbar(sizes, mean, (mean - low, high - mean), marker=marker, label=name)
ax.axhline(0, color="0.5", ls=":", lw=1)
ax.set(xlabel="training text in thousand words", xscale="log")
ax.set_ylabel("bits per word above\nmodified Kneser-Ney")
ax.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
ax.minorticks_off()
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
mean = above.mean(axis=2)
fig.set_label(
    "Bits per word above modified Kneser-Ney, from a sixteenth of the text to all: "
    + ", ".join(
        f"{n} {v[0]:.2f} to {v[-1]:.2f}" for n, v in zip(NAMES, mean, strict=True)
    )
    + "."
)
measured = {
    "least": above[:2].min(),
    "gain": mean[2, -1],
    "won": np.sum(above[2] > 0),
}
assert measured["least"] > 0.005
