"""
A keyboard that predicts
========================

An animation of :doc:`/language/ngram_models`. A held-out sentence is typed with three
suggestions of a trigram model; bars show what each order adds to the probability. How
many taps are saved is measured on three random choices of held-out sentences, and again
for words ranked by frequency.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.language.help_sentences import help_sentences, hold_out
from snippets.language.kneser_ney import modified_kneser_ney
from snippets.language.ngram_counts import count, vocabulary
from snippets.language.ngram_models import MaximumLikelihood
from snippets.language.predictive_keyboard import Keyboard

sentences = help_sentences()
ready, saved = np.zeros((2, 2, 3))
for seed in range(3):
    train, test = hold_out(sentences, seed)
    single, counts = (count(train, order, vocabulary(train)) for order in (1, 3))
    models = MaximumLikelihood(single), modified_kneser_ney(counts)
    for row, model in enumerate(models):
        keyboard = Keyboard(model)
        taps = [tap for sentence in test[:30] for tap in keyboard.write(sentence)]
        without = sum(len(w) + w.isalpha() for s in test[:30] for w in s)  # and spaces
        first = [t for t in taps if t.suggestions and not t.typed]
        ready[row, seed] = np.mean([t.written.endswith(" ") for t in first])
        saved[row, seed] = 1 - len(taps) / without

sentence = next(s for s in test if 6 < len(s) < 10 and all(map(str.isalpha, s[:-1])))
taps = list(keyboard.write(sentence))[:-1]
fig, ax = plt.subplots(figsize=(6.4, 2.4), layout="constrained")
ORDERS = ("after two words", "after one word", "without context")


def draw(frame):
    tap = taps[frame]
    ax.clear()
    names = [*tap.suggestions, "", "", ""][:3]
    for row, name in enumerate(names):
        parts = model.parts(name, tap.context[-2:]) if name else []
        left = 0.0
        for part, label in zip(parts[::-1], ORDERS[::-1], strict=False):
            color = f"C{ORDERS.index(label)}"
            ax.barh(row, part, left=left, color=color)
            left += part
    for index, label in enumerate(ORDERS):
        ax.barh(0, 0, color=f"C{index}", label=label)
    ax.set_yticks(range(3), names)
    ax.set(xlim=(0, None), ylim=(2.6, -0.6), xlabel="probability")
    ax.locator_params(axis="x", nbins=4)
    ax.ticklabel_format(axis="x", scilimits=(-2, 0))
    ax.set_title("".join(t.written for t in taps[:frame]) + "|", loc="left")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))


animation = FuncAnimation(fig, draw, frames=len(taps), interval=700)
text = " ".join(sentence[:-1])
fig.set_label(
    f"A sentence of {len(sentence) - 1} words is typed in {len(taps)} taps instead of "
    f"{len(text) + 1}: {text}. At each tap three words are suggested; a bar for each "
    "shows its probability, divided into the shares of trigrams, bigrams and unigrams."
)
measured = {
    "ready": ready[1].mean(),
    "ready_single": ready[0].mean(),
    "saved": saved[1].mean(),
    "saved_single": saved[0].mean(),
}
assert np.all(saved[1] > saved[0] + 0.04)
assert np.all(ready[1] > 1.5 * ready[0])
