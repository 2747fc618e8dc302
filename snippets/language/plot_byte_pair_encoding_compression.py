"""
Bytes per token, with and without spaces
========================================

A figure of :doc:`/language/byte_pair_encoding`. Bytes per token of held-out topics of
Python's help, for vocabularies of several sizes and three rules of pre-tokenization.
Mean and range of three random choices of topics.
"""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import regex

from snippets.language import byte_pair_encoding as bpe
from snippets.language.byte_pair_training import train
from snippets.language.help_text import split_help_text

RULES = {
    "cut at white space only": r" ?\S+|\s+(?!\S)|\s+",
    "GPT-2": bpe.PATTERN,
    "GPT-2, space apart": bpe.PATTERN.replace(" ?", ""),
}
SIZES = [0, 250, 1000, 4000]
MIXED = regex.compile(rb"[A-Za-z][!-@\[-`{-~]|[!-@\[-`{-~][A-Za-z]")


def used(words, merges):
    """How often each token occurs in the words."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    counts = Counter()
    for word, count in words.items():
        for symbol in bpe.encode_word(word, ranks):
            counts[symbol] += count
    return counts


ratio = np.zeros((len(RULES), len(SIZES), 3))
mixed, unused = np.zeros((len(RULES), 3)), np.zeros(3)
for seed in range(3):
    topics, held_out = split_help_text(seed)
    for rule, pattern in enumerate(RULES.values()):
        words = bpe.word_counts(topics, pattern)
        merges = train(words, SIZES[-1])
        learned = bpe.vocabulary(merges)[256:]
        mixed[rule, seed] = np.mean([bool(MIXED.search(token)) for token in learned])
        new = bpe.word_counts(held_out, pattern)
        size = len(held_out.encode())
        for column, number in enumerate(SIZES):
            ratio[rule, column, seed] = size / used(new, merges[:number]).total()
        if pattern == bpe.PATTERN:
            unused[seed] = 1 - len(set(used(words, merges)) - set(range(256))) / 4000

fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
for rule, (name, marker) in enumerate(zip(RULES, "s^o", strict=True)):
    mean, low, high = (f(ratio[rule], axis=1) for f in (np.mean, np.min, np.max))
    ax.errorbar(SIZES, mean, (mean - low, high - mean), marker=marker, label=name)
ax.set(xlabel="merges", ylabel="bytes per token, held out", ylim=(0.8, None))
ax.legend()
last = ratio[:, -1].mean(axis=1)
white = ratio[0, -1] / ratio[1, -1] - 1
fig.set_label(
    "Three curves that rise from 1 byte per token without merges. With 4000 merges "
    + ", ".join(f"{n}: {v:.2f}" for n, v in zip(RULES, last, strict=True))
    + ". The upper two are close together."
)

measured = {
    "held_out": last[1],
    "apart": last[2],
    "space_gain": (ratio[1, -1] / ratio[2, -1]).mean(),
    "white_gain": white.min(),
    "mixed_white": mixed[0].mean(),
    "mixed": mixed[1].mean(),
    "unused": unused.mean(),
}
assert np.all(ratio[1, -1] > 1.3 * ratio[2, -1])
