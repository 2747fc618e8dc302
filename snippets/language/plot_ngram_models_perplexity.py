"""
Which smoothing predicts best
=============================

A figure of :doc:`/language/ngram_models`. Perplexity of held-out sentences of Python's
help for n-grams of one to three words. Mean and range of three random choices.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.help_sentences import help_sentences, hold_out
from snippets.language.kneser_ney import Discounted, estimated_discounts
from snippets.language.ngram_counts import adjusted, count, vocabulary
from snippets.language.ngram_models import AddK, WittenBell, perplexity

NAMES = ["add 1", "add 0.01", "Witten-Bell", "absolute discounting"]
NAMES += ["Kneser-Ney", "modified Kneser-Ney"]
ORDERS, RUNS = (1, 2, 3), 3


def models(counts):
    """In the order of the names; one discount is that of n-grams that occur once."""
    raw = [estimated_discounts(order) for order in counts.orders[1:]]
    before = adjusted(counts)
    three = [estimated_discounts(order) for order in before.orders[1:]]
    yield AddK(counts, 1.0)
    yield AddK(counts, 0.01)
    yield WittenBell(counts)
    yield Discounted(counts, [(d[0],) * 3 for d in raw])
    yield Discounted(before, [(d[0],) * 3 for d in three])
    yield Discounted(before, three)


values = np.zeros((len(NAMES), len(ORDERS), RUNS))
new, kinds, size = np.zeros((3, RUNS))
sentences = help_sentences()
for seed in range(RUNS):
    train, test = hold_out(sentences, seed)
    words = vocabulary(train)
    for order in ORDERS:
        counts = count(train, order, words)
        for row, model in enumerate(models(counts)):
            values[row, order - 1, seed] = perplexity(model, test)
    seen = {s[i : i + 3] for s in train for i in range(len(s) - 2)}
    new[seed] = np.mean(
        [s[i : i + 3] not in seen for s in test for i in range(len(s) - 2)]
    )
    kinds[seed], size[seed] = len(words), sum(map(len, train)) / 1e3

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for name, value, marker in zip(NAMES, values, "v<s^xo", strict=True):
    mean, low, high = (f(value, axis=1) for f in (np.mean, np.min, np.max))
    ax.errorbar(ORDERS, mean, (mean - low, high - mean), marker=marker, label=name)
ax.set(xlabel="words in an n-gram", ylabel="perplexity, held out", yscale="log")
ax.set_xticks(ORDERS)
ax.set_yticks([50, 100, 200, 400, 800], ["50", "100", "200", "400", "800"])
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
mean = values.mean(axis=2)
fig.set_label(
    f"Six curves that start near {mean[2, 0]:.0f}, for single words. For trigrams: "
    + ", ".join(f"{n} {v:.0f}" for n, v in zip(NAMES, mean[:, 2], strict=True))
    + ". From two words to three, the curves of added counts rise."
)

measured = {"new": new.mean(), "vocabulary": kinds.mean(), "words": size.mean()}
measured["unigram"] = mean[2, 0]
measured["bigram_loss"] = np.log2(values[5, 1] / values[4, 1]).mean()
for name, value in zip(NAMES, mean[:, 2], strict=True):
    measured[name.replace(" ", "_").replace(".", "").replace("-", "_").lower()] = value
assert np.all(values[0, 2] > 2 * values[0, 0])
assert np.all(np.diff(values[:, 2], axis=0) < 0)  # in this order, in each run
assert np.all(values[3, 2] - values[4, 2] > 3 * (values[4, 2] - values[5, 2]))
