"""
The same text in eleven languages
=================================

A figure of :doc:`/language/byte_pair_encoding`. How many bytes and tokens the same
messages take in each language, divided by the number for English. Two tokenizers of
2000 merges: one trained on English only, one on the eleven languages. Mean of three
random halves of the messages.
"""

import random

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train
from snippets.language.help_text import help_text
from snippets.language.translated_messages import translated_messages

messages = translated_messages()
names = list(messages)
number = len(messages["English"])
english = Tokenizer(train(word_counts(help_text()), 2000))
counts = np.zeros((3, len(names), 4))  # bytes, words, tokens of the two tokenizers
pays = []
for seed in range(3):
    order = random.Random(seed).sample(range(number), number)
    half, rest = order[: number // 2], order[number // 2 :]
    seen = [messages[name][i] for name in names for i in half]
    mixed = Tokenizer(train(word_counts("\n".join(seen)), 2000))
    lines = [help_text(), *(messages["English"][i] for i in half)]
    like = Tokenizer(train(word_counts("\n".join(lines)), 2000))  # English, as mixed
    unseen = "\n".join(messages["English"][i] for i in rest)
    pays.append(len(mixed.encode(unseen)) / len(like.encode(unseen)) - 1)
    for row, name in enumerate(names):
        text = "\n".join(messages[name][i] for i in rest)
        counts[seed, row] = (
            len(text.encode()),
            len(text.split()),
            len(english.encode(text)),
            len(mixed.encode(text)),
        )
ratio = (counts / counts[:, :1]).mean(axis=0)  # English is the first row
per_word = (counts[:, :, 2:] / counts[:, :, 1:2]).mean(axis=0)

order = ratio[:, 2].argsort()
fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for column, marker, label in (
    (0, "x", "bytes"),
    (2, "o", "tokens, trained on English"),
    (3, "s", "tokens, trained on all eleven"),
):
    ax.plot(ratio[order, column], range(len(names)), marker, label=label, ms=7)
ax.axvline(1, lw=0.8, ls=":", color="0.5")
ax.set_yticks(range(len(names)), [names[row] for row in order])
ax.set(xlabel="number for the same messages, English = 1", xlim=(0, None))
ax.legend(loc="lower right")
worst = order[-1]
fig.set_label(
    "Dot plot of eleven languages. Tokens of the tokenizer trained on English rise "
    f"from 1 for English to {ratio[worst, 2]:.1f} for {names[worst]}; trained on all "
    f"eleven, no language is above {ratio[:, 3].max():.1f}. Bytes reach "
    f"{ratio[:, 0].max():.1f}."
)

measured = {
    "messages": number,
    "worst": ratio[:, 2].max(),
    "worst_range": np.ptp(counts[:, :, 2] / counts[:, :1, 2], axis=0).max(),
    "worst_mixed": ratio[:, 3].max(),
    "worst_bytes": ratio[:, 0].max(),
    "english_pays": np.mean(pays),
}
for name in ("English", "Turkish", "Russian", "Georgian"):
    for column, key in enumerate(("word", "word_mixed")):
        measured[f"{key}_{name.lower()}"] = per_word[names.index(name), column]
assert names[worst] == "Georgian"
assert ratio[:, 3].max() < 2 < 4 < ratio[:, 2].max()
