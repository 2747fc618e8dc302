"""
Four words, from bytes to whole tokens
======================================

A figure of :doc:`/language/byte_pair_encoding`. The toy corpus of the paper: how its
four words are cut after more and more merges.
"""

from itertools import pairwise

import matplotlib.pyplot as plt

from snippets.language.byte_pair_encoding import encode_word, vocabulary
from snippets.language.byte_pair_training import train

words = {b"low": 5, b"lower": 2, b"newest": 6, b"widest": 3}
merges = train(words, 12)
tokens = vocabulary(merges)
shown = [0, 2, 4, 7, 10, 12]
made = [
    ", ".join(token.decode() for token in tokens[256 + start : 256 + stop])
    for start, stop in pairwise(shown)
]

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for row, number in enumerate(shown):
    ranks = {pair: rank for rank, pair in enumerate(merges[:number])}
    left = 0.0
    for word in words:
        for symbol in encode_word(word, ranks):
            token = tokens[symbol].decode()
            style = dict(fc="C0", alpha=0.25) if symbol > 255 else dict(fc="none")
            corner, width = (left + 0.06, row - 0.34), len(token) - 0.12
            ax.add_patch(plt.Rectangle(corner, width, 0.68, **style))
            ax.add_patch(plt.Rectangle(corner, width, 0.68, fc="none", ec="C0"))
            ax.text(left + len(token) / 2, row, token, ha="center", va="center")
            left += len(token)
        left += 1
ax.set(xlim=(-0.2, left - 0.8), ylim=(len(shown) - 0.5, -0.8))
ax.set_yticks(range(len(shown)), [str(number) for number in shown])
ax.set_ylabel("merges")
starts = [0, 4, 10, 17]
names = [f"{word.decode()}: {count} times" for word, count in words.items()]
ax.set_xticks([s + len(w) / 2 for s, w in zip(starts, words, strict=True)], names)
ax.xaxis.tick_top()
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
fig.set_label(
    "Six rows: the words low, lower, newest and widest cut into boxes, one for each "
    "token. At first each letter has a box; new tokens from row to row are "
    + "; ".join(made)
    + ". In the last row each word is one box."
)
assert made[:2] == ["es, est", "lo, low"]
