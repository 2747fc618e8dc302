"""Order words by an n-gram model: as a model for a beam, and exactly.

An n-gram model sees only the last ``order - 1`` words. So of all beginnings that used
the same words and end alike, only the most probable can become the best sentence. This
is the recursion of Held and Karp (1962), https://doi.org/10.1137/0110015, for the
shortest way through all cities.

Axes::

    beams   rows
    seq     tokens of a row
    vocab   tokens that there are: words, SEP and EOS
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.language.beam_search import Model
from snippets.language.ngram_counts import END, START
from snippets.language.ngram_models import LanguageModel
from snippets.training.sentence_reconstruction import Tokens


def as_model(ngrams: LanguageModel, words: Sequence[str], special: Tokens) -> Model:
    """Log-probabilities of the next token, from the words after SEP.

    ``words`` are the tokens 0, 1, ...; SEP and EOS come after them.
    """
    if sorted(special) != [len(words), len(words) + 1]:
        raise ValueError(f"{special} after {len(words)} words")

    @cache
    def after(context: tuple[str, ...]) -> Float[Tensor, " vocab"]:
        row = torch.zeros(len(words) + 2)
        row[: len(words)] = torch.tensor([ngrams.score(w, context) for w in words])
        row[special.eos] = ngrams.score(END, context)
        return row.log()

    def model(ids: Int[Tensor, "beams seq"]) -> Float[Tensor, "beams vocab"]:
        contexts = []
        for row in ids.tolist():
            answer = row[row.index(special.sep) + 1 :]
            before = (START, *(words[i] for i in answer))
            contexts.append(before[max(0, len(before) - ngrams.order + 1) :])
        return torch.stack([after(context) for context in contexts])

    return model


def most_probable_order(
    ngrams: LanguageModel, words: Sequence[str]
) -> tuple[float, list[str]]:
    """The most probable arrangement of some words, with its log-probability.

    Raises
    ------
    ValueError
        If there are no words, or every arrangement has probability 0.
    """
    if not words:
        raise ValueError("there are no words to order")

    def last(order: tuple[str, ...]) -> tuple[str, ...]:
        return order[max(0, len(order) - ngrams.order + 1) :]

    @cache
    def log_prob(word: str, context: tuple[str, ...]) -> float:
        p = ngrams.score(word, context)
        return math.log(p) if p else -math.inf

    best = {((), ()): (0.0, ())}  # by words used and the last few of them
    for _ in words:
        following: dict = {}
        for score, order in best.values():
            context = last((START, *order))
            for word in Counter(words) - Counter(order):
                new = score + log_prob(word, context), (*order, word)
                state = tuple(sorted(new[1])), last(new[1])
                following[state] = max(new, following.get(state, new))
        best = following
    score, order = max(
        (score + log_prob(END, last((START, *order))), order)
        for score, order in best.values()
    )
    if score == -math.inf:
        raise ValueError(f"every arrangement of {list(words)} has probability 0")
    return score, list(order)
