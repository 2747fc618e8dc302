"""
Which tokens of a conversation are labels
=========================================

A figure of :doc:`/training/tool_use_finetuning`: a conversation with one call, token by
token; only what the assistant wrote is a label.
"""

import matplotlib.pyplot as plt

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import training_steps
from snippets.training.pretraining import IGNORED
from snippets.training.tool_messages import SPECIAL, render
from snippets.training.tool_runs import conversation
from snippets.training.tool_use_finetuning import encode_with_offsets, mask_labels

WIDTH, CHARACTER, GAP = 58, 0.92, 0.9

text, spans = render(conversation("12*34", calls=True))
words = {w: n for w, n in word_counts(text).items() if not w.isdigit()}
tokenizer = Tokenizer([step.pair for step in training_steps(words)], SPECIAL)
ids, offsets = encode_with_offsets(tokenizer, text)
labels = mask_labels(ids, offsets, spans)
pieces = [text[start:end] for start, end in offsets]

fig, ax = plt.subplots(figsize=(6.8, 2.9), layout="constrained")
x, row = 0.0, 0
for piece, label in zip(pieces, labels, strict=True):
    width = CHARACTER * len(piece) + GAP
    if x + width > WIDTH or (piece in ("<|assistant|>", "<|tool|>") and x > 0):
        x, row = 0.0, row + 1
    kind = {"facecolor": "C0", "alpha": 0.35} if label != IGNORED else {"fill": False}
    box = plt.Rectangle((x, row), width - 0.25, 0.7, edgecolor="0.5", **kind)
    ax.add_patch(box)
    ax.text(
        x + width / 2 - 0.1,
        row + 0.36,
        piece,
        ha="center",
        va="center",
        family="monospace",
        fontsize=8,
    )
    x += width
ax.set(xlim=(0, WIDTH), ylim=(row + 1, -0.2))
ax.axis("off")
kept = sum(label != IGNORED for label in labels)
fig.set_label(
    f"{len(ids)} tokens: the user's question, the assistant's call, the tool's result, "
    f"the assistant's answer. {kept} are filled: the call with the token that ends it, "
    "and the answer with the token that ends the turn."
)
measured = {"tokens": len(ids), "labels": kept}
assert labels[0] == IGNORED
assert labels[-1] != IGNORED
