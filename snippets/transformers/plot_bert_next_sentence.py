"""
Next-sentence prediction by shared words
========================================

A figure of :doc:`/transformers/bert`. The share of words that two segments of Python's
help have in common: for a segment and its continuation, and for a segment and one from
another topic. The threshold of the rule comes from one random choice of pairs, and its
accuracy from three others.
"""

import random
import re
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np

LENGTH, PAIRS = 40, 1000


def shared(a: list[str], b: list[str]) -> float:
    """Words in both segments, divided by the words in at least one."""
    return len(set(a) & set(b)) / len(set(a) | set(b))


def accuracy(yes: np.ndarray, no: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Of a rule that says yes from the threshold on; both answers are as frequent."""
    return (yes >= threshold).mean(-1) / 2 + (no < threshold).mean(-1) / 2


words = [re.findall("[a-z]+", topics[name].lower()) for name in sorted(topics)]
long = [text for text in words if len(text) >= 2 * LENGTH]
following, other = np.zeros((2, 4, PAIRS))
for seed in range(4):
    draw = random.Random(seed)
    for pair in range(PAIRS):
        text, elsewhere = draw.sample(long, 2)
        start = draw.randint(0, len(text) - 2 * LENGTH)
        a = text[start : start + LENGTH]
        b = text[start + LENGTH : start + 2 * LENGTH]
        start = draw.randint(0, len(elsewhere) - LENGTH)
        following[seed, pair] = shared(a, b)
        other[seed, pair] = shared(a, elsewhere[start : start + LENGTH])
        assert shared(b, a) == following[seed, pair]  # so the order is not in it
candidates = np.unique([following[3], other[3]])
threshold = candidates[accuracy(following[3], other[3], candidates[:, None]).argmax()]
following, other = following[:3], other[:3]  # the rule has not seen these
right = accuracy(following, other, threshold)

fig, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
edges = np.linspace(0, following.max(), 31)
for place, (name, values) in enumerate(
    {"continuation": following, "from another topic": other}.items()
):
    style = dict(color=f"C{place}", alpha=0.4, label=name)
    ax.hist(values.ravel(), edges, density=True, **style)
    ax.hist(values.ravel(), edges, density=True, histtype="step", color=f"C{place}")
ax.set(xlabel="share of words that both segments have", ylabel="density of pairs")
ax.legend()
fig.set_label(
    "Two overlapping histograms of the share of common words. Continuations are around "
    f"{following.mean():.2f}, segments from another topic around {other.mean():.2f}."
)

measured = {
    "next_sentence": right.mean(),
    "next_sentence_range": np.ptp(right),
    "shared_following": following.mean(),
    "shared_other": other.mean(),
}
assert right.min() > 0.7
