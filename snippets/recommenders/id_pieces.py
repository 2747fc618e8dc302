"""Pieces of semantic IDs: each gets a row in a table of weights, and rows are summed.

Unigrams, bigrams and SentencePiece as in Singh et al. (2023),
https://arxiv.org/abs/2306.08121; prefixes as in Zheng et al. (2025),
https://arxiv.org/abs/2504.02137

Axes::

    items  of a catalog
    rows   distinct pieces of the catalog
"""

import io
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import sentencepiece
from scipy.sparse import csr_matrix

FIRST = 0x4E00  # of 20,992 letters in a row, none of which normalization changes
LETTERS = 20_992


def prefixes(code: Sequence[int]) -> list[tuple[int, ...]]:
    """The first code, the first two, and so on, to the whole ID.

    Examples
    --------
    >>> prefixes((9, 12, 25))
    [(9,), (9, 12), (9, 12, 25)]
    """
    return [tuple(code[:length]) for length in range(1, len(code) + 1)]


def ngrams(code: Sequence[int], n: int) -> list[tuple[int, tuple[int, ...]]]:
    """Groups of n codes without overlap, each with its place; the last may be short.

    Examples
    --------
    >>> ngrams((9, 12, 25), 2)
    [(0, (9, 12)), (2, (25,))]
    """
    if not 1 <= n <= len(code):
        raise ValueError(f"groups of {n} codes, but the ID has {len(code)}")
    return [(place, tuple(code[place : place + n])) for place in range(0, len(code), n)]


def spell(code: Sequence[int], size: int) -> str:
    """The ID as a word: one letter for each pair of a level and a code.

    Examples
    --------
    >>> len(spell((9, 12, 25), size=32)), len(set(spell((7, 7, 7), size=32)))
    (3, 3)
    """
    if not 0 <= min(code) <= max(code) < size:
        raise ValueError(f"codes {min(code)} to {max(code)}, but {size} entries")
    if len(code) * size > LETTERS:
        raise ValueError(f"{len(code)} levels of {size} codes exceed {LETTERS} letters")
    return "".join(chr(FIRST + level * size + one) for level, one in enumerate(code))


def learn_pieces(
    words: Iterable[str], vocabulary: int, kind: str = "bpe"
) -> sentencepiece.SentencePieceProcessor:
    """Pieces of spelled IDs; the words have one for each impression."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words),
        model_writer=model,
        model_type=kind,
        vocab_size=vocabulary,
        hard_vocab_limit=False,  # fewer, if there is nothing left to merge
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        bos_id=-1,
        eos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def distinguish(codes: Iterable[Sequence[int]]) -> list[tuple[int, ...]]:
    """Append a number to each ID: how many items before had the same.

    Examples
    --------
    >>> distinguish([(9, 12, 25), (9, 12, 19), (9, 12, 25)])
    [(9, 12, 25, 0), (9, 12, 19, 0), (9, 12, 25, 1)]
    """
    seen: Counter = Counter()
    unique = []
    for code in map(tuple, codes):
        unique.append((*code, seen[code]))
        seen[code] += 1
    return unique


def row_matrix(pieces: Iterable[Iterable[Hashable]]) -> csr_matrix:
    """One row for each distinct piece: 1 where an item has the piece.

    Examples
    --------
    >>> row_matrix([["a", "ab"], ["a", "ac"]]).toarray().astype(int).tolist()
    [[1, 1, 0], [1, 0, 1]]
    """
    number: dict[Hashable, int] = {}
    columns = [[number.setdefault(one, len(number)) for one in item] for item in pieces]
    starts = np.cumsum([0, *map(len, columns)])
    flat = np.concatenate([np.array(item, int) for item in columns])
    return csr_matrix((np.ones(len(flat)), flat, starts), (len(columns), len(number)))
