"""
One or two mean differences turn a word into its partner
========================================================

A figure of :doc:`/foundations/vector_geometry`. In each of 30 drawn languages, each of
twelve words is moved along the mean difference of the other five pairs. The lines tell
which word is nearest to the result.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.drawn_language import draw_counts
from snippets.foundations.vector_geometry import (
    cosine,
    factorize,
    mean_difference,
    pmi,
)

amounts = np.linspace(0, 5, 11)
landed, sides = np.zeros((3, 11)), []
for seed in range(30):
    words = factorize(pmi(draw_counts(seed)), 8)
    for word in range(12):
        others = torch.arange(12) // 2 != word // 2
        male, female = words[0::2][others[0::2]], words[1::2][others[1::2]]
        step = mean_difference(female, male)
        middle = (female.mean(dim=0) + male.mean(dim=0)) / 2
        sides.append(((words[word] - middle) @ step > 0).item() == word % 2)
        toward = -step if word % 2 else step
        for position, amount in enumerate(amounts):
            target = words[word] + amount * toward
            found = int(cosine(words, target.expand_as(words)).argmax())
            landed[{word: 0, word ^ 1: 1}.get(found, 2), position] += 1 / 360
assert landed[1, 2] > 0.6
assert landed[1, 4] > 0.93
assert landed[1, 10] < 0.85
assert np.mean(sides) > 0.97

fig, ax = plt.subplots(layout="constrained")
names = ["the word itself", "its partner", "another word"]
for name, curve in zip(names, landed, strict=True):
    ax.plot(amounts, curve, "o-", ms=4, label=name)
ax.set(xlabel="length of the step, in mean differences", ylabel="fraction of words")
ax.legend(
    title="nearest after the step",
    loc="center right",
    bbox_to_anchor=(1, 0.52),
    fontsize=10,
)
fig.set_label(
    f"Three lines over the length of the step. The partner is nearest for "
    f"{landed[1, 1]:.0%} of the words after half a mean difference, {landed[1, 2]:.0%} "
    f"after one, {landed[1, 4]:.0%} after two and {landed[1, 10]:.0%} after five. "
    "Shorter steps leave the word itself nearest, longer ones lead to other words."
)

measured = {
    "sides": np.mean(sides),
    "one_step": landed[1, 2],
    "two_steps": landed[1, 4],
    "five_steps": landed[1, 10],
}
