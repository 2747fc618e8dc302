"""
One neighbor or two
===================

A figure of :doc:`/transformers/bert`. What a causal and a two-sided model may read when
they predict a hidden symbol of a Markov chain, and the exact probabilities of the
symbol in each case.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import entropy

from snippets.transformers.masked_chain import SYMBOLS, entropies, transitions

NAMES = "ABCDEFGH"
chain = transitions()
two = chain @ chain
text, hidden = "CHA?BFE", 3
left, right = NAMES.index(text[hidden - 1]), NAMES.index(text[hidden + 1])
rows = {
    "left side only": chain[left].numpy(),
    "both sides": (chain[left] * chain[:, right] / two[left, right]).numpy(),
}

fig, axes = plt.subplots(2, 2, figsize=(6.4, 3.6), layout="constrained")
for column, (name, probabilities) in enumerate(rows.items()):
    ax = axes[0, column]
    for place, symbol in enumerate(text):
        if place != hidden and (place < hidden or column):
            middle, width = (place + hidden) / 2, abs(place - hidden)
            angle = np.linspace(0, np.pi, 40)
            x, y = (
                middle + width / 2 * np.cos(angle),
                0.5 + 0.35 * width * np.sin(angle),
            )
            ax.plot(x, y, "C1" if place > hidden else "C0")
        seen = place != hidden and (place < hidden or column)
        weight = "bold" if place == hidden else None
        alpha = 1 if seen or place == hidden else 0.3
        ax.text(place, 0, symbol, ha="center", size=14, weight=weight, alpha=alpha)
    ax.set(title=name, xlim=(-0.6, 6.6), ylim=(-0.3, 1.8))
    ax.axis("off")
    ax = axes[1, column]
    ax.bar(list(NAMES), probabilities, color=f"C{column}")
    nats = entropy(probabilities)
    ax.text(0.97, 0.9, f"{nats:.2f} nats", transform=ax.transAxes, ha="right", va="top")
    ax.set(ylim=(0, 1), xlabel="hidden symbol")
axes[1, 0].set_ylabel("probability")
best = {name: NAMES[p.argmax()] for name, p in rows.items()}

fig.set_label(
    f"Above, the text {' '.join(text)} twice, with arcs from the positions that are "
    "read to the hidden one: three from the left side, then six from both. Below, the "
    f"probabilities of {SYMBOLS} symbols. From the left side, {best['left side only']} "
    f"is likeliest, with {rows['left side only'].max():.2f}; from both sides, "
    f"{best['both sides']}, with {rows['both sides'].max():.2f}."
)

alone, one, both = entropies(chain)
measured = {
    "alone": alone,
    "left": one,
    "both": both,
    "left_best": rows["left side only"].max(),
    "both_best": rows["both sides"].max(),
}
assert both < one - 0.3 < alone - 0.6
assert entropy(rows["both sides"]) < entropy(rows["left side only"])
