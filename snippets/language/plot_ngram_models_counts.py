"""
What a count promises
=====================

Two figures of :doc:`/language/ngram_models`. How often pairs of words that occur once,
twice, ... in one half of the sentences occur in the other half, and how often a model
expects them, for ten random halves; and how many different words come before each word.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.help_sentences import help_sentences, hold_out
from snippets.language.kneser_ney import Discounted, estimated_discounts
from snippets.language.ngram_counts import adjusted, count, vocabulary

sentences = help_sentences()
TIMES = np.arange(1, 10)
means, discounts = [], []
for seed in range(10):
    halves = hold_out(sentences, seed, share=0.5)
    words = vocabulary(halves[0])
    here, there = (count(half, 2, words) for half in halves)
    discounts.append(estimated_discounts(here.orders[1]))
    model = Discounted(here, discounts[-1:])
    scale = here.orders[0][()].total() / there.orders[0][()].total()
    rows = []  # of each pair: count, scaled count in the other half, expected count
    for h, seen in here.orders[1].items():
        other, total = there.orders[1].get(h, {}), model.total(h)
        for w, found in seen.items():
            rows.append((found, scale * other.get(w, 0), total * model.score(w, h)))
    table = np.array(rows)
    means.append([table[table[:, 0] == times, 1:].mean(axis=0) for times in TIMES])
again, expected = np.moveaxis(means, -1, 0)
mean, low, high = (f(again, axis=0) for f in (np.mean, np.min, np.max))
both = expected.mean(axis=0)
discounted = TIMES - np.mean(discounts, axis=0)[np.minimum(TIMES, 3) - 1]

fig, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
ax.plot(TIMES, TIMES, ":", color="0.5", label="as often as here")
ax.errorbar(TIMES, mean, (mean - low, high - mean), fmt="o", label="in the other half")
ax.plot(TIMES, discounted, "C1x", label="first term: discounted count")
ax.plot(TIMES, both, "C2^", mfc="none", label="both terms")
ax.set(xlabel="occurrences of a pair in one half", ylabel="mean in the other half")
ax.legend()
fig.set_label(
    "Dots below the diagonal. Pairs that occur once in one half occur "
    f"{mean[0]:.2f} times in the other on average, pairs that occur twice "
    f"{mean[1]:.2f} times, and pairs that occur nine times {mean[-1]:.1f} times. "
    f"Crosses, the discounted counts, are up to {(mean - discounted).max():.1f} lower; "
    f"triangles, both terms, are at most {np.abs(mean - both).max():.1f} away."
)

words = vocabulary(sentences)
counts = count(sentences, 2, words)
raw, before = counts.orders[0][()], adjusted(counts).orders[0][()]
names = sorted(w for w in words if w.isalpha() and raw[w] > 9)
fig, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
ax.loglog([raw[w] for w in names], [before[w] for w in names], ".", color="0.6", ms=4)
for word, color in (("same", "C1"), ("may", "C0")):
    ax.plot(raw[word], before[word], "o", color=color)
    ax.annotate(word, (raw[word], before[word]), (7, -4), textcoords="offset points")
ax.set(xlabel="occurrences of the word", ylabel="different words before it")
fig.set_label(
    "Scatter plot with logarithmic axes: a cloud of words along a diagonal. Far below "
    f"it, same occurs {raw['same']} times after {before['same']} different words; may "
    f"occurs {raw['may']} times after {before['may']}."
)

measured = {
    "once": mean[0],
    "once_discounted": discounted[0],
    "once_expected": both[0],
    "short": (mean - both)[1:5].max(),
    "before_same": before["same"],
}
assert np.all(np.abs(TIMES - mean - 1)[1:8] < 0.35)  # below the line by about one
assert np.all((mean - both)[1:5] > 0)
assert np.all(np.abs(both - mean)[2:5] < np.abs(discounted - mean)[2:5])
