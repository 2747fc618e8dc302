"""
What a count promises
=====================

Two figures of :doc:`/language/ngram_models`. How often pairs of words that occur once,
twice, ... in one half of the sentences occur in the other half, for ten random halves;
and how many different words come before each word.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.help_sentences import help_sentences, hold_out
from snippets.language.ngram_counts import adjusted, count, vocabulary
from snippets.language.ngram_models import estimated_discounts

sentences = help_sentences()
words = vocabulary(sentences)
TIMES = np.arange(1, 10)
again, discounts = [], []
for seed in range(10):
    halves = hold_out(sentences, seed, share=0.5)
    here, there = (count(half, 2, words) for half in halves)
    scale = here.orders[0][()].total() / there.orders[0][()].total()
    others = [[] for _ in TIMES]
    for context, seen in here.orders[1].items():
        other = there.orders[1].get(context, {})
        for word, found in seen.items():
            if found <= TIMES[-1]:
                others[found - 1].append(other.get(word, 0))
    again.append([scale * np.mean(counts) for counts in others])
    discounts.append(estimated_discounts(here.orders[1]))
mean, low, high = (f(again, axis=0) for f in (np.mean, np.min, np.max))
taken = np.mean(discounts, axis=0)

fig, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
ax.plot(TIMES, TIMES, ":", color="0.5", label="as often as here")
ax.errorbar(TIMES, mean, (mean - low, high - mean), fmt="o", label="in the other half")
ax.plot(TIMES, TIMES - taken[np.minimum(TIMES, 3) - 1], "C1x", label="discounted count")
ax.set(xlabel="occurrences of a pair in one half", ylabel="mean in the other half")
ax.legend()
fig.set_label(
    "Dots below the diagonal. Pairs that occur once in one half occur "
    f"{mean[0]:.2f} times in the other on average, pairs that occur twice "
    f"{mean[1]:.2f} times, and pairs that occur nine times {mean[-1]:.1f} times. "
    "Crosses, the discounted counts, lie at most "
    f"{np.abs(TIMES - taken[np.minimum(TIMES, 3) - 1] - mean).max():.1f} away."
)

counts = count(sentences, 2, words)
raw, before = counts.orders[0][()], adjusted(counts).orders[0][()]
names = sorted(w for w in words if w.isalpha() and raw[w] > 9)
fig, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
ax.loglog([raw[w] for w in names], [before[w] for w in names], ".", color="0.6", ms=4)
for word, color in (("same", "C1"), ("may", "C0")):
    place = raw[word], before[word]
    ax.plot(*place, "o", color=color)
    ax.annotate(word, place, (7, -4), textcoords="offset points")
ax.set(xlabel="occurrences of the word", ylabel="different words before it")
fig.set_label(
    "Scatter plot with logarithmic axes: a cloud of words along a diagonal. Far below "
    f"it, same occurs {raw['same']} times after {before['same']} different words; may "
    f"occurs {raw['may']} times after {before['may']}."
)

measured = {
    "once": mean[0],
    "once_discounted": 1 - taken[0],
    "same": raw["same"],
    "before_same": before["same"],
    "may": raw["may"],
    "before_may": before["may"],
}
assert high[0] < 0.5
assert np.all(mean < TIMES)
