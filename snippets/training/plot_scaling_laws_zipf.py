"""
A power law that can be derived, and words that only resemble it
================================================================

A figure of :doc:`/training/scaling_laws`. A learner that knows by heart what it has
seen errs on what is new. Left: features drawn at random from Zipf distributions. Right:
the words of Python's help, in their order and shuffled.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.help_text import split_help_text
from snippets.language.window_model import split_into_words
from snippets.training.zipf_learner import expected_error, measured_error, zipf

SEEDS = 16
sizes = np.logspace(2, 5, 10).astype(int)
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.3), layout="constrained")


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


measured, slopes = {}, []
for number, a in enumerate((0.5, 1.0, 2.0)):
    theta = zipf(a, 1_000_000)
    runs = np.array([measured_error(theta, sizes, seed) for seed in range(SEEDS)])
    left.plot(sizes, runs.mean(axis=0), "o", color=f"C{number}", ms=4)
    label = f"a = {a:g}: slope {-a / (1 + a):.2f}"
    left.plot(sizes, expected_error(theta, sizes), color=f"C{number}", label=label)
    again = runs[np.random.default_rng(0).integers(SEEDS, size=(500, SEEDS))]
    key = f"zipf_{10 * a:.0f}"
    measured[key] = slope(sizes, runs.mean(axis=0))
    measured[f"{key}_error"] = np.std([slope(sizes, y) for y in again.mean(axis=1)])
    slopes.append(f"{measured[key]:.3f} for a = {a:g}")
    assert abs(measured[key] + a / (1 + a)) < 0.03

curves = {"in order": [], "shuffled": []}
for seed in range(3):
    learned, held_out = map(split_into_words, split_help_text(seed))
    learned = np.array(learned)
    shuffled = np.random.default_rng(seed).permutation(learned)
    marks = np.geomspace(100, len(learned), 10).astype(int)
    for name, words in (("in order", learned), ("shuffled", shuffled)):
        new = [1 - np.isin(held_out, np.unique(words[:n])).mean() for n in marks]
        curves[name].append((marks, new))
for number, (name, lines) in enumerate(curves.items()):
    for marks, new in lines:
        right.plot(marks, new, "-o", ms=3, color=f"C{number + 3}", label=name)
        name = None
halves = [
    (slope(n[:5], new[:5]), slope(n[5:], new[5:])) for n, new in curves["shuffled"]
]
measured["shuffled_early"], measured["shuffled_late"] = np.mean(halves, axis=0)
assert all(late < early - 0.1 for early, late in halves)
for ax in (left, right):
    ax.set(xscale="log", yscale="log", xlabel="examples learned")
    ax.legend(loc="upper right")
left.set_ylabel("probability that the next is new")
right.set_ylabel("held-out words that are new")
fig.set_label(
    "Both axes logarithmic. Left: three falling lines of dots near their expectation, "
    f"slopes {', '.join(slopes)}. Right: the share of new words, three splits; in "
    "order and shuffled both fall, and are not quite straight."
)
