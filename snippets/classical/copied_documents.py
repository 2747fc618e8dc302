"""Generated documents, a fifth of which copy an earlier one except for one span.

A document has 20 to 60 words, the word of rank ``r`` drawn in proportion to ``1 / r``,
and is turned into the set of its shingles of three words. A copy has the words of its
original, except for a span of up to 70 %, which is drawn anew.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt32
from numpy import ndarray

from snippets.classical.locality_sensitive_hashing import (
    Pairs,
    Sets,
    fmix32,
    similarities,
)

VOCABULARY = 20_000


class Collection(NamedTuple):
    """Sets of shingles, and every copy with its original."""

    sets: Sets
    pairs: Pairs  # original, copy
    similarity: Float[ndarray, " pairs"]


def draw_words(count: int, rng: np.random.Generator) -> UInt32[ndarray, " words"]:
    """Words as numbers, by Zipf's law."""
    odds = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    return np.searchsorted(odds, odds[-1] * rng.random(count)).astype(np.uint32)


def three_word_shingles(
    words: UInt32[ndarray, " words"], owner: Int[ndarray, " words"]
) -> Sets:
    """One set of 32-bit hashes for each document, which is the owner of its words."""
    codes = fmix32(fmix32(fmix32(words[:-2]) + words[1:-1]) + words[2:])
    inside = owner[:-2] == owner[2:]
    codes = np.sort((owner[:-2][inside] << 32) | codes[inside])
    codes = codes[np.diff(codes, prepend=-1) > 0]
    starts = np.searchsorted(codes >> 32, np.arange(owner[-1] + 2))
    return Sets(codes.astype(np.uint32), starts)


def copied_documents(documents: int, seed: int = 0) -> Collection:
    """A collection of so many documents.

    Examples
    --------
    >>> sets, pairs, similarity = copied_documents(1000)
    >>> len(sets.starts) - 1, len(pairs), float(similarity.max())
    (1000, 193, 1.0)
    """
    rng = np.random.default_rng(seed)
    original = np.arange(documents)
    is_copy = (rng.random(documents) < 0.2) & (original > 0)
    first = np.flatnonzero(~is_copy)
    earlier = np.searchsorted(first, np.flatnonzero(is_copy))  # originals before each
    original[is_copy] = first[(rng.random(len(earlier)) * earlier).astype(int)]
    lengths = rng.integers(20, 61, documents)[original]

    starts = np.append(0, lengths.cumsum())
    owner = np.repeat(np.arange(documents), lengths)
    place = np.arange(starts[-1]) - starts[owner]
    fresh = draw_words(int(starts[-1]), rng)
    span = (lengths * rng.uniform(0, 0.7, documents)).astype(int)
    begin = (rng.random(documents) * (lengths - span + 1)).astype(int)
    kept = (place < begin[owner]) | (place >= (begin + span)[owner])
    copied = kept & (original[owner] != owner)
    words = np.where(copied, fresh[starts[original[owner]] + place], fresh)

    sets = three_word_shingles(words, owner)
    pairs = np.stack([original, np.arange(documents)], axis=1)[is_copy]
    return Collection(sets, pairs, similarities(sets, pairs))
