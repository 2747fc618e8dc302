"""A keyboard that suggests the next word, as telephones do."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from snippets.language.ngram_counts import END, UNKNOWN, Context, ngrams
from snippets.language.ngram_models import LanguageModel


class Tap(NamedTuple):
    """What the keyboard shows before a tap, and what the tap writes."""

    context: Context
    typed: str
    suggestions: list[str]
    written: str


class Keyboard:
    """Suggestions of a model for the word that begins with the typed letters."""

    def __init__(self, model: LanguageModel, number: int = 3):
        if number < 1:
            raise ValueError(f"number={number} of suggestions is not positive")
        self.model, self.number = model, number
        words = model.counts.vocabulary - {END, UNKNOWN}
        found = model.seen(())
        self.words = sorted(filter(str.isalpha, words), key=lambda w: (-found[w], w))
        self.suggested = set(self.words)

    def suggest(self, context: Context, typed: str = "") -> list[str]:
        """The words with the highest scores.

        Words that never came after the context, in any order, keep the ranks of the
        shortest context. So it is enough to score the first of these.
        """
        seen = {w for i in range(len(context)) for w in self.model.seen(context[i:])}
        found = [w for w in seen & self.suggested if w.startswith(typed)]
        new = (w for w in self.words if w.startswith(typed) and w not in seen)
        scores = {
            w: self.model.score(w, context) for w in (*found, *islice(new, self.number))
        }
        return sorted(scores, key=lambda w: (-scores[w], w))[: self.number]

    def write(self, sentence: Sequence[str]) -> Iterator[Tap]:
        """The taps that write a sentence, if each suggestion is taken once it shows.

        A tap types a letter, or the space after a word, or takes a suggestion with its
        space. Words that are not all letters get no suggestions, and no space.
        """
        grams = ngrams(sentence, self.model.order, self.model.counts.vocabulary)
        for word, (context, _) in zip(sentence, grams, strict=False):
            for i, letter in enumerate(word):
                typed = word[:i]
                shown = self.suggest(context, typed) if word.isalpha() else []
                written = word[i:] + " " if word in shown else letter
                yield Tap(context, typed, shown, written)
                if word in shown:
                    break
            else:
                if word.isalpha():
                    yield Tap(context, word, [], " ")
