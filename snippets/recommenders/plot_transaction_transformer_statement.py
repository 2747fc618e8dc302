"""
A bank statement as tokens
==========================

A figure of :doc:`/recommenders/transaction_transformer`: four invented transactions,
their five special tokens, and the tokens of their descriptions.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train
from snippets.recommenders.sample_statements import draw_statement, plain_text
from snippets.recommenders.transaction_tokens import (
    encode,
    fit_amount_bins,
    special_tokens,
)

LEARNED, HELD_OUT, MERGES = 20, 20, 200
CONTEXT, PAPER_TEXT, PAPER_SHORT = 2048, 55, 14  # tokens; the last two: reported
KINDS = ("sign", "amount", "month", "day", "weekday", "description")

rng = np.random.default_rng(0)
users = [draw_statement(rng) for _ in range(LEARNED + HELD_OUT)]
learned = [paid for user in users[:LEARNED] for paid in user]
held_out = [paid for user in users[LEARNED:] for paid in user]
edges = fit_amount_bins(np.array([paid.amount for paid in learned]))
words = word_counts("\n".join(map(plain_text, learned)))
tokenizer = Tokenizer(train(words, MERGES))
short = np.mean([len(encode(paid, edges, tokenizer)) for paid in held_out])
text = np.mean([len(tokenizer.encode(plain_text(paid))) for paid in held_out])


MINUS = "\N{MINUS SIGN}"


def names(paid):
    """The tokens in words."""
    first, bin_id, *_ = special_tokens(paid, edges)
    fields = ["+" if first else MINUS, f"bin {bin_id - 1}", f"{paid.day:%b}"]
    fields += [f"{paid.day.day}", f"{paid.day:%a}"]
    ids = tokenizer.encode(paid.description)
    return fields + [tokenizer.decode([i]).replace(" ", "␣") for i in ids]


fig, ax = plt.subplots(figsize=(6.8, 3.3), layout="constrained")
for row, paid in enumerate([held_out[0], *held_out[2:5]]):
    amount = f"{paid.amount:+.2f}".replace("-", MINUS)
    line = f"{paid.day}   {amount}   {paid.description}"
    ax.text(0, 2 * row - 0.42, line, fontsize=10, va="center")
    x = 0.0
    for place, name in enumerate(names(paid)):
        width = 0.5 + 0.17 * len(name)
        color = f"C{min(place, 5)}"
        for style in ({"fc": color, "alpha": 0.25}, {"fc": "none", "ec": color}):
            ax.add_patch(plt.Rectangle((x, 2 * row + 0.1), width - 0.1, 0.8, **style))
        middle = x + (width - 0.1) / 2
        ax.text(middle, 2 * row + 0.5, name, size=9, ha="center", va="center")
        x += width
for kind, name in enumerate(KINDS):
    ax.add_patch(plt.Rectangle((0, 0), 0, 0, color=f"C{kind}", alpha=0.5, label=name))
ax.set(xlim=(-0.1, 11), ylim=(7.4, -1))
ax.axis("off")
fig.legend(loc="outside lower center", ncols=6, fontsize=9, columnspacing=1)
listed = "; ".join(
    f"{paid.description} becomes {', '.join(names(paid))}" for paid in held_out[:1]
)
fig.set_label(
    "Four transactions with date, amount, and description. Below each, its tokens in "
    "boxes: five special tokens in five colors, for sign, amount bin, month, day, and "
    f"weekday, then pieces of the description in a sixth color. {listed}. ␣ is a space."
)
measured = {"short": short, "text": text}
measured |= {"fits_text": CONTEXT / PAPER_TEXT, "fits_short": CONTEXT / PAPER_SHORT}
assert short < 0.6 * text
