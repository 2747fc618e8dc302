"""
A beam keeps what greedy decoding gives up
==========================================

A figure of :doc:`/language/sampling`. Left: all sequences of two tokens, with their
probabilities; a beam of width 2 follows the bold lines. Right: 200 random tables of
next-token probabilities; how often a beam finds the best of 4096 sequences.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.language.beam_search import beam_search

first = torch.tensor([0.5, 0.4, 0.1])
second = torch.tensor([[0.4, 0.35, 0.25], [0.9, 0.05, 0.05], [0.6, 0.2, 0.2]])
table = torch.cat([second, first[None]]).log()  # the row of token 3 is the start


def chain(tokens):
    """Log-probabilities after the last token."""
    return table[tokens[:, -1]]


greedy, best = (beam_search(chain, torch.tensor([3]), 2, w) for w in (1, 2))

WIDTHS, VOCAB, STEPS, TABLES = [1, 2, 3, 4, 6, 8, 12], 4, 6, 200
found = np.zeros((TABLES, len(WIDTHS)))
for seed in range(TABLES):
    drawn = torch.randn(VOCAB**5 * 2, VOCAB, generator=torch.manual_seed(seed))
    scores = (1.5 * drawn).log_softmax(-1)

    def random_table(tokens, scores=scores):
        """Another row for each text so far."""
        row = torch.ones(len(tokens), dtype=torch.long)
        for token in tokens[:, 1:].T:
            row = row * VOCAB + token
        return scores[row]

    origin = torch.tensor([0])
    exact = beam_search(random_table, origin, STEPS, VOCAB**5).log_prob
    for column, width in enumerate(WIDTHS):
        score = beam_search(random_table, origin, STEPS, width).log_prob
        found[seed, column] = score > exact - 1e-4

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3), layout="constrained")
styles = {True: dict(color="C0", lw=2.2), False: dict(color="0.6", lw=0.8)}
for a, letter in enumerate("ABC"):
    y = 3 - 3 * a
    left.plot([0, 1], [0, y], **styles[a < 2])
    left.text(1, y + (0.45 if a < 2 else -0.95), f"{letter} {first[a]:.2f}", ha="right")
    for b, other in enumerate("ABC"):
        both = (first[a] * second[a, b]).item()
        left.plot([1, 2], [y, y + 1 - b], **styles[both >= 0.2])
        left.text(2.06, y + 1 - b, f"{letter}{other} {both:.3f}", va="center")
left.set(xlim=(-0.1, 2.7), ylim=(-5, 5))
left.axis("off")
right.plot(WIDTHS, 100 * found.mean(0), "o-")
right.set(xlabel="beam width", ylabel="best sequence found, %", ylim=(0, 103))
right.set_xticks(WIDTHS)
fig.set_label(
    "Left, a tree of depth two: A with 0.5 leads to AA with 0.200, B with 0.4 leads to "
    "BA with 0.360, which greedy decoding misses. Right, the share of tables in which "
    "the best sequence is found rises from "
    f"{found[:, 0].mean():.0%} at width 1 to {found[:, -1].mean():.0%} at {WIDTHS[-1]}."
)

rates = dict(zip(WIDTHS, found.mean(0), strict=True))
measured = {"found_greedy": rates[1], "found_4": rates[4]}
assert greedy.tokens == [3, 0, 0]
assert best.tokens == [3, 1, 0]
