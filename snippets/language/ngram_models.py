"""N-gram language models: the next word from counts of the words before it.

Chen and Goodman (1999), https://doi.org/10.1006/csla.1999.0128, with names of
``nltk.lm``. The counts come from :mod:`snippets.language.ngram_counts`; models with
discounts are in :mod:`snippets.language.kneser_ney`.

Glossary::

    h, h'              context          the words before; h' is h without its first
    c(h w), c(h)       seen[w], total   counts of w after h, and of all words after h
    alpha, gamma       alpha_gamma      share of the word itself, and weight of h'
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from snippets.language.ngram_counts import START, UNKNOWN, Context, NGramCounts, ngrams

NOTHING: Counter[str] = Counter()


class LanguageModel(ABC):
    """Scores of the next word, from the last ``order - 1`` words."""

    normalized = True

    def __init__(self, counts: NGramCounts):
        self.counts, self.order = counts, len(counts.orders)
        self.total = cache(lambda context: self.seen(context).total())

    def score(self, word: str, context: Sequence[str] = ()) -> float:
        """A probability, unless the model is not ``normalized``."""
        context = tuple(context)[max(0, len(context) - self.order + 1) :]
        for w in (word, *(w for w in context if w != START)):
            if w not in self.counts.vocabulary:
                raise ValueError(f"{w!r} is not in the vocabulary; use {UNKNOWN!r}")
        return self.recursion(word, context)

    @abstractmethod
    def recursion(self, word: str, context: Context) -> float: ...

    def seen(self, context: Context) -> Counter[str]:
        """Words after a context, with their counts; none if it did not occur."""
        return self.counts.orders[len(context)].get(context, NOTHING)


class MaximumLikelihood(LanguageModel):
    """c(h w) / c(h), and 0 after a context that did not occur."""

    def recursion(self, word: str, context: Context) -> float:
        return self.seen(context)[word] / (self.total(context) or 1)


class AddK(LanguageModel):
    """(c(h w) + k) / (c(h) + k V), for a vocabulary of V words."""

    def __init__(self, counts: NGramCounts, k: float):
        if not 0 < k < math.inf:
            raise ValueError(f"k={k} is not positive and finite")
        super().__init__(counts)
        self.k = k

    def recursion(self, word: str, context: Context) -> float:
        total = self.total(context) + self.k * len(self.counts.vocabulary)
        return (self.seen(context)[word] + self.k) / total


class StupidBackoff(LanguageModel):
    """c(h w) / c(h) if it is above 0, else alpha times the score after h'.

    Brants et al. (2007), https://aclanthology.org/D07-1090.
    """

    normalized = False

    def __init__(self, counts: NGramCounts, alpha: float = 0.4):
        if not 0 < alpha <= 1:
            raise ValueError(f"alpha={alpha} is not in (0, 1]")
        super().__init__(counts)
        self.alpha = alpha

    def recursion(self, word: str, context: Context) -> float:
        if found := self.seen(context)[word]:
            return found / self.total(context)
        return self.alpha * self.recursion(word, context[1:]) if context else 0.0


class Interpolated(LanguageModel):
    """P(w | h) = alpha(w | h) + gamma(h) P(w | h'); without context, c(w) / c().

    So a word that never occurred, UNKNOWN included, has probability 0.
    """

    def parts(self, word: str, context: Context) -> list[float]:
        """What each order adds to the probability, the longest context first."""
        parts, weight = [], 1.0
        while context:
            alpha, gamma = 0.0, 1.0  # after a new context, h' decides alone
            if seen := self.seen(context):
                alpha, gamma = self.alpha_gamma(seen[word], context)
            parts.append(weight * alpha)
            weight *= gamma
            context = context[1:]
        return [*parts, weight * self.seen(())[word] / self.total(())]

    def recursion(self, word: str, context: Context) -> float:
        return sum(self.parts(word, context))

    @abstractmethod
    def alpha_gamma(self, found: int, context: Context) -> tuple[float, float]:
        """Both terms, for a word that came ``found`` times after the context."""


class WittenBell(Interpolated):
    """Each different word after h counts once more, as an event "something new"."""

    def alpha_gamma(self, found: int, context: Context) -> tuple[float, float]:
        kinds, total = len(self.seen(context)), self.total(context)
        return found / (total + kinds), kinds / (total + kinds)


def perplexity(model: LanguageModel, sentences: Iterable[Sequence[str]]) -> float:
    """exp of the mean negative log-probability; END is predicted, START is not."""
    if not model.normalized:
        raise ValueError(f"scores of {type(model).__name__} do not sum to one")
    scores = [
        model.score(word, context)
        for sentence in sentences
        for context, word in ngrams(sentence, model.order, model.counts.vocabulary)
    ]
    if not scores:
        raise ValueError("there is no sentence to predict")
    if min(scores) == 0:
        return math.inf
    return math.exp(-sum(map(math.log, scores)) / len(scores))
