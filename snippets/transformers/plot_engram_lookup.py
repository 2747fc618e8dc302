"""
From the last tokens to rows of tables
======================================

A figure of :doc:`/transformers/engram`. Two and three tokens of a text are hashed by
two heads each. Every head picks one row of its table.
"""

import matplotlib.pyplot as plt

from snippets.transformers.engram import Engram
from snippets.transformers.ngram_hashing import canonical_ids

words = ["Only", "Alexander", "the", "Great", "could", "tame", "The", "great"]
ids = canonical_ids(words)
engram = Engram(vocab=8, rows=11, heads=2, head_dim=3, d_model=4, padding=7)
tokens = ids[[0, 1, 2, 3, 4, 5, 1, 6, 7]][None]  # "Alexander The great" comes again
rows = engram.rows(tokens)[0] - engram.offsets
sizes = engram.moduli.flatten().tolist()
assert rows[3].equal(rows[8])
again, text = rows[3].tolist(), [words[i] for i in (0, 1, 2, 3, 4, 5, 1, 6, 7)]

fig, ax = plt.subplots(figsize=(6.8, 3.6), layout="constrained")
for t, word in enumerate(text):
    end = t in (3, 8)
    part = end or t in (1, 2, 6, 7)
    color = "C1" if end else "C0" if part else "0.5"
    ax.text(t, 20.2, word, ha="center", color=color, size=9)
    ax.text(t, 18.7, f"{tokens[0, t]}", ha="center", color=color, size=9)
titles = [
    "2 tokens\nhead 1",
    "2 tokens\nhead 2",
    "3 tokens\nhead 1",
    "3 tokens\nhead 2",
]
places = [0.5, 2.5, 5.5, 7.5]
for x, title, size, row in zip(places, titles, sizes, again, strict=True):
    for cell in range(size):
        chosen = cell == row
        color = "C1" if chosen else "0.5"
        ax.barh(13 - 0.8 * cell, 1, 0.7, x - 0.5, fc=color, alpha=1 if chosen else 0.3)
    ax.text(x + 0.6, 13 - 0.8 * row, f"row {row}", va="center", size=9)
    ax.text(x, 14.0, title, ha="center", size=9)
    for start in (3, 8):
        arrow = {"arrowstyle": "->", "color": "C1", "alpha": 0.5}
        ax.annotate("", (x, 16.4), (start, 18.4), arrowprops=arrow)
ax.text(-0.9, 20.2, "token", ha="right", size=9)
ax.text(-0.9, 18.7, "canonical id", ha="right", size=9)
ax.set(xlim=(-2.6, 9), ylim=(0, 21.5))
ax.axis("off")
fig.set_label(
    f"Nine tokens with their canonical ids, and four tables of {sizes[0]}, {sizes[1]}, "
    f"{sizes[2]} and {sizes[3]} rows. Arrows lead from the words Great and great, "
    f"which both end the same three tokens, to rows {again[0]}, {again[1]}, {again[2]} "
    f"and {again[3]}."
)
