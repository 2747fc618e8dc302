"""
Analogies are often answered as well without the offset
=======================================================

A figure of :doc:`/foundations/vector_geometry`. Sixty questions in each of 30 drawn
languages, answered by the offset with the words of the question excluded, by the offset
with these words left in, and by the nearest neighbor of the third word alone.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from snippets.foundations.drawn_language import QUESTIONS, draw_counts
from snippets.foundations.vector_geometry import (
    cos_add,
    cosine,
    factorize,
    pmi,
    solve_analogy,
)


def left_in(words, a, a_star, b):
    return int(cos_add(words, a, a_star, b).argmax())


def neighbor(words, a, a_star, b):
    scores = cosine(words, words[b].expand_as(words))
    scores[[a, a_star, b]] = -math.inf
    return int(scores.argmax())


def right(words, method):
    return np.mean([method(words, *q) == q[2] ^ 1 for q in QUESTIONS])


methods = {
    "offset, words of the question excluded": solve_analogy,
    "offset, words of the question left in": left_in,
    "no offset, words of the question excluded": neighbor,
}
shares, itself = [], []
for seed in range(30):
    table = pmi(draw_counts(seed))
    kinds = [factorize(table, 4), factorize(table, 8), table, table.clamp(min=0)]
    shares.append([[right(words, m) for m in methods.values()] for words in kinds])
    itself += [left_in(kinds[1], *q) == q[2] for q in QUESTIONS]
share = np.mean(shares, axis=0)  # (kinds, methods)
few, eight, exact, positive = share
assert few[0] - few[2] > 0.15
assert min(*eight[[0, 2]], *exact[[0, 2]]) > 0.95
assert eight[0] - eight[1] > 0.15
assert positive[0] - positive[2] > 0.05
assert positive[1] < 0.15

fig, ax = plt.subplots(figsize=(6.2, 3.8), layout="constrained")
for position, name in enumerate(methods):
    places = np.arange(4) + 0.27 * (position - 1)
    bars = ax.bar(places, share[:, position], 0.25, label=name)
    ax.bar_label(bars, [f"{value:.0%}" for value in share[:, position]])
names = ["PMI,\n4 features", "PMI,\n8 features", "PMI,\n40 contexts"]
ax.set_xticks(range(4), [*names, "PPMI,\n40 contexts"])
ax.set(ylabel="fraction of right answers", ylim=(0, 1.6), yticks=[0, 0.5, 1])
ax.legend(loc="upper right")
groups = [" / ".join(f"{value:.0%}" for value in row) for row in share]
fig.set_label(
    "Right answers with the offset, with the words of the question left in, and "
    f"without the offset: {groups[0]} with PMI in 4 features, {groups[1]} in 8 "
    f"features, {groups[2]} in 40 contexts, and {groups[3]} with PPMI in 40 contexts."
)

measured = dict(zip(("excluded", "left_in", "neighbor"), eight, strict=True))
measured |= {"itself": np.mean(itself), "excluded_4": few[0], "neighbor_4": few[2]}
measured |= {"excluded_40": positive[0], "neighbor_40": positive[2]}
