"""
A trigram model orders words: what a wider beam finds, and what it cannot mend
==============================================================================

Figure for :doc:`/training/sentence_reconstruction`: the share of sentences for which a
beam finds the most probable arrangement, and the share of grammatical answers.
"""

import re

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.kneser_ney import kneser_ney
from snippets.language.ngram_counts import count, vocabulary
from snippets.training.sentence_reconstruction import ordering_beam_search
from snippets.training.sentence_runs import SPECIAL, rows, split_sentences
from snippets.training.small_grammar import (
    CLASSES,
    LONGEST,
    WORDS,
    is_sentence,
    numbers_differ,
)
from snippets.training.word_order_ngrams import as_model, most_probable_order

SEED, WIDTHS = 41, [1, 2, 4, 8]
train, test = split_sentences(learned=8000, held_out=300, seed=SEED)
trigrams = kneser_ney(count(train, 3, vocabulary(train)))
best = [most_probable_order(trigrams, sentence) for sentence in test]
model = as_model(trigrams, WORDS, SPECIAL)
prompts = rows(test, SEED + 1).ids[:, : LONGEST + 1]
found, grammatical = (np.zeros((len(WIDTHS), len(test))) for _ in range(2))
for row, width in enumerate(WIDTHS):
    for column, prompt in enumerate(prompts):
        score, tokens = ordering_beam_search(model, prompt, width, SPECIAL)
        words = [WORDS[i] for i in tokens[len(prompt) : -1]]
        found[row, column] = score > best[column][0] - 1e-4
        grammatical[row, column] = is_sentence(words)
exact = np.array([is_sentence(order) for _, order in best])
split = np.array([numbers_differ(sentence) for sentence in test])

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot(WIDTHS, 100 * found.mean(1), "o-", label="most probable order found")
ax.plot(WIDTHS, 100 * grammatical.mean(1), "s--", label="answer is grammatical")
ax.axhline(100 * exact.mean(), color="0.5", ls=":", label="grammatical, exact search")
ax.set(xlabel="beam width", ylabel="share of problems, %", ylim=(0, 103))
ax.set_xticks(WIDTHS)
fig.legend(loc="outside upper center", ncols=2)
fig.set_label(
    f"Order found: from {found[0].mean():.0%} at width 1 to {found[-1].mean():.0%} at "
    f"{WIDTHS[-1]}. Grammatical: from {grammatical[0].mean():.0%} to "
    f"{grammatical[-1].mean():.0%}; with the exact search {exact.mean():.0%}."
)
measured = {"beam_1": grammatical[0].mean(), "beam_8": grammatical[3].mean()}
measured |= {"found_1": found[0].mean(), "found_8": found[3].mean()}
measured |= {"trigram": exact.mean(), "trigram_split": exact[split].mean()}
measured["split"] = split.mean()
assert exact[split].mean() < 0.3
assert exact[~split].all()
wrong = [" ".join(order) for _, order in best if not is_sentence(order)]
assert "the horse behind my cats wait" in wrong
for order in wrong:  # the attachment and the verb would be a sentence
    _, end = re.split(" (?:" + "|".join(CLASSES["preposition"]) + ") ", order)
    assert is_sentence(end.split())
