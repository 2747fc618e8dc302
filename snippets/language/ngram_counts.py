"""Counts of n-grams, raw and adjusted, for :mod:`snippets.language.ngram_models`.

Chen and Goodman (1999), https://doi.org/10.1006/csla.1999.0128; the name "adjusted" is
that of Heafield et al. (2013), https://aclanthology.org/P13-2121.

Glossary::

    n                order            words of an n-gram: the context and the next word
    h                context          the words before
    c(h w)           orders[k][h][w]  how often w came after h, a tuple of k words
    N1+(. h w)       in adjusted      how many different words came before h w

A sentence is padded with one START, which is a context but is never predicted. So a
context at the start of a sentence can be shorter than n - 1 words.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

Context = tuple[str, ...]
Counts = Mapping[Context, Counter[str]]

START, END, UNKNOWN = "<s>", "</s>", "<UNK>"


class NGramCounts(NamedTuple):
    """The words that can be predicted, and counts by length of the context."""

    vocabulary: frozenset[str]
    orders: list[Counts]


def vocabulary(sentences: Iterable[Sequence[str]], at_least: int = 2) -> frozenset[str]:
    """Words that occur ``at_least`` so often, END, and UNKNOWN for all others.

    Examples
    --------
    >>> sorted(vocabulary([["a", "b"], ["a", "c"]]))
    ['</s>', '<UNK>', 'a']
    """
    found = Counter(word for sentence in sentences for word in sentence)
    if reserved := {START, END, UNKNOWN} & set(found):
        raise ValueError(f"the text has the reserved words {sorted(reserved)}")
    return frozenset({w for w, c in found.items() if c >= at_least} | {END, UNKNOWN})


def ngrams(
    sentence: Sequence[str], order: int, words: frozenset[str]
) -> Iterator[tuple[Context, str]]:
    """Each word of a sentence and its end, with at most ``order - 1`` words before.

    Examples
    --------
    >>> list(ngrams(["a", "b"], 3, frozenset({"a", END, UNKNOWN})))
    [(('<s>',), 'a'), (('<s>', 'a'), '<UNK>'), (('a', '<UNK>'), '</s>')]
    """
    known = (word if word in words else UNKNOWN for word in sentence)
    padded = (START, *known, END)
    for i in range(1, len(padded)):
        yield padded[max(0, i - order + 1) : i], padded[i]


def count(
    sentences: Iterable[Sequence[str]], order: int, words: frozenset[str]
) -> NGramCounts:
    """Counts of the words after each context of 0 to ``order - 1`` words.

    Examples
    --------
    >>> words = vocabulary([["a", "a"]])
    >>> count([["a", "a"]], 2, words).orders[1]
    {('<s>',): Counter({'a': 1}), ('a',): Counter({'a': 1, '</s>': 1})}
    """
    if order < 1:
        raise ValueError(f"order={order}: an n-gram has at least one word")
    if wrong := ({END, UNKNOWN} - words) | ({START} & words):
        raise ValueError(f"vocabulary: END and UNKNOWN, no START; see {sorted(wrong)}")
    orders = [defaultdict(Counter) for _ in range(order)]
    for sentence in sentences:
        for context, word in ngrams(sentence, order, words):
            for k in range(len(context) + 1):
                orders[k][context[len(context) - k :]][word] += 1
    if not orders[0]:
        raise ValueError("the corpus is empty: there is no sentence to count")
    return NGramCounts(words, [dict(counts) for counts in orders])


def adjusted(counts: NGramCounts) -> NGramCounts:
    """Below the highest order, count the different words before an n-gram.

    No word comes before START, so contexts that begin with it keep their counts.
    """
    orders = []
    for lower, higher in zip(counts.orders, counts.orders[1:], strict=False):
        before = defaultdict(Counter)
        for context, seen in higher.items():
            before[context[1:]].update(seen.keys())  # each word once
        starts = {h: seen for h, seen in lower.items() if h[:1] == (START,)}
        orders.append({**before, **starts})
    return counts._replace(orders=[*orders, counts.orders[-1]])
