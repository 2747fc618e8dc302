"""BM25: an index of weights that is computed before any query comes.

Robertson and Zaragoza, 2009, https://doi.org/10.1561/1500000019, with the inverse
document frequency of Lucene, which is never negative.

Glossary::

    tf       term_counts    occurrences of a term in a document
    df       found_in       documents with the term
    |d|      lengths        words of a document
    k1, b    k1, b          saturation of tf, and how much lengths count

Axes::

    documents    rows of the index
    terms        columns, in the order of the vocabulary
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csc_matrix

Number = float | int


class Index(NamedTuple):
    """What each term adds to the score of each document."""

    vocabulary: dict[str, int]
    weights: csc_matrix
    """Documents times terms."""


def words(text: str) -> list[str]:
    """Lower-case letters and digits of a text.

    Examples
    --------
    >>> words("Sci-Fi: 2001")
    ['sci', 'fi', '2001']
    """
    return re.findall(r"[^\W_]+", text.lower())


def count_terms(documents: Sequence[Sequence[str]]) -> Index:
    """How often each document has each term."""
    vocabulary: dict[str, int] = {}
    columns = [
        vocabulary.setdefault(word, len(vocabulary))
        for document in documents
        for word in document
    ]
    rows = np.repeat(np.arange(len(documents)), [len(one) for one in documents])
    shape = (len(documents), len(vocabulary))
    counts = csc_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    return Index(vocabulary, counts)  # repeated entries were added up


def build_index(
    documents: Sequence[Sequence[str]], k1: Number = 1.5, b: Number = 0.75
) -> Index:
    """The index of documents, each a list of words.

    Raises
    ------
    ValueError
        If no document has a word, k1 is negative, or b is not from 0 to 1.
    """
    if not (k1 >= 0 and 0 <= b <= 1):
        raise ValueError(f"want k1 >= 0 and b from 0 to 1, got {k1} and {b}")
    vocabulary, counts = count_terms(documents)
    if not vocabulary:
        raise ValueError(f"no words in {len(documents)} documents")
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    found_in = np.diff(counts.indptr)
    idf = np.log1p((len(documents) - found_in + 0.5) / (found_in + 0.5))
    saturation = k1 * (1 - b + b * lengths / lengths.mean())
    term_counts = counts.data
    weights = term_counts / (term_counts + saturation[counts.indices])
    weights *= (k1 + 1) * np.repeat(idf, found_in)
    columns = weights, counts.indices, counts.indptr
    return Index(vocabulary, csc_matrix(columns, counts.shape))


def bm25_scores(index: Index, query: Sequence[str]) -> Float[ndarray, " documents"]:
    """The sum of the weights of the query's words, for each document.

    Examples
    --------
    >>> index = build_index([["war", "horse"], ["dog"], ["war"]])
    >>> bm25_scores(index, ["war"]).round(2).tolist()
    [0.38, 0.0, 0.53]
    """
    known = [index.vocabulary[word] for word in query if word in index.vocabulary]
    return np.asarray(index.weights[:, known].sum(axis=1)).ravel()


def retrieve(index: Index, query: Sequence[str], k: int) -> Int[ndarray, " found"]:
    """The k best documents with a score above 0; fewer, if there are fewer.

    Examples
    --------
    >>> retrieve(build_index([["war", "horse"], ["dog"], ["war"]]), ["war"], k=5)
    array([2, 0])
    """
    if k < 1:
        raise ValueError(f"k must be positive, got {k}")
    scores = bm25_scores(index, query)
    best = np.argsort(-scores, kind="stable")[:k]
    return best[scores[best] > 0]
