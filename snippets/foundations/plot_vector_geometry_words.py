"""
Six differences between word vectors point in the same direction
================================================================

A figure of :doc:`/foundations/vector_geometry`. Vectors of eight features for twelve
words of a drawn language, seen along the mean step from the male to the female form.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.drawn_language import NAMES, draw_counts
from snippets.foundations.vector_geometry import (
    cosine,
    factorize,
    mean_difference,
    pmi,
    project,
)

words = factorize(pmi(draw_counts(29)), features=8)  # a draw whose labels fit
step = mean_difference(words[1::2], words[0::2])
along, rest = project(words, step)
across = (along @ step / step.norm()).numpy()
up = (torch.linalg.svd(rest - rest.mean(dim=0)).U[:, 0] * 4).numpy()

others = []
for seed in range(30):
    drawn = factorize(pmi(draw_counts(seed)), 8)
    steps = drawn[1::2] - drawn[0::2]
    others.append(cosine(steps, (steps.sum(dim=0) - steps) / 5).mean())
similar = torch.stack(others).mean()
assert similar > 0.5

fig, ax = plt.subplots(layout="constrained")
for noun in range(6):
    pair = slice(2 * noun, 2 * noun + 2)
    ax.plot(across[pair], up[pair], "o", color=f"C{noun}", ms=4)
    start, end = zip(across[pair], up[pair], strict=True)
    arrow = {"arrowstyle": "->", "color": f"C{noun}", "lw": 1.5}
    ax.annotate("", end, start, arrowprops=arrow)
    for place, word, side in zip((start, end), NAMES[pair], "rl", strict=True):
        side = {"r": "right", "l": "left"}[side]
        ax.text(*place, f"  {word}  ", ha=side, va="center")
ax.set(xlabel="along the mean step from male to female")
ax.set(ylabel="largest other variance")
ax.set(xlim=(across.min() - 0.8, across.max() + 0.8))
assert np.all(across[1::2] > across[0::2])
fig.set_label(
    "Six arrows from the male to the female form of a noun, man to woman, king to "
    "queen and four more. All point to the right and are about equally long; the "
    "pairs lie at different heights."
)

measured = {"similar": similar}
