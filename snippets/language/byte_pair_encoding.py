"""Byte-pair encoding (BPE): from a text to tokens and back.

Sennrich, Haddow and Birch (2016), https://doi.org/10.18653/v1/P16-1162, over bytes and
with the regular expression of GPT-2: Radford et al. (2019). The merges come from
:mod:`snippets.language.byte_pair_training`.

Glossary::

    symbols                 symbols     a pre-token, cut into tokens: a list of ids
    bpe_ranks of GPT-2      ranks       the place of each pair in the list of merges
    byte_encoder of GPT-2   ALPHABET    here only its order: which byte has which id
    mergeable_ranks         tokens      tiktoken: the bytes of each id

Ids: 0 to 255 are the bytes, 256 + rank is the token that a merge makes, and special
tokens follow.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import regex

Pair = tuple[int, int]

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
ALPHABET = bytes([*PRINTABLE, *sorted(set(range(256)) - set(PRINTABLE))])
BYTE_IDS = {byte: number for number, byte in enumerate(ALPHABET)}


def pre_tokenize(text: str, pattern: str = PATTERN) -> list[bytes]:
    """Cut a text into pre-tokens, in UTF-8; no merge crosses their boundaries.

    Examples
    --------
    >>> pre_tokenize("We've 12 cafés.")
    [b'We', b"'ve", b' 12', b' caf\\xc3\\xa9s', b'.']
    """
    return [piece.encode() for piece in regex.findall(pattern, text)]


def word_counts(text: str, pattern: str = PATTERN) -> Counter[bytes]:
    """How often each pre-token occurs."""
    return Counter(pre_tokenize(text, pattern))


def merge(symbols: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Replace each occurrence of a pair, from left to right.

    Examples
    --------
    >>> merge([7, 7, 7, 8], (7, 7), 256)
    [256, 7, 8]
    """
    merged, i = [], 0
    while i < len(symbols):
        found = tuple(symbols[i : i + 2]) == pair
        merged.append(new if found else symbols[i])
        i += 2 if found else 1
    return merged


def vocabulary(merges: Sequence[Pair]) -> list[bytes]:
    """The bytes of each token, by its id.

    Raises
    ------
    ValueError
        If a merge joins a token that is not made before it, or makes one again.
    """
    tokens = [bytes([byte]) for byte in ALPHABET]
    for rank, (left, right) in enumerate(merges):
        if not (0 <= left < len(tokens) and 0 <= right < len(tokens)):
            raise ValueError(f"merge {rank} joins {left} and {right}, not made before")
        tokens.append(tokens[left] + tokens[right])
    if len(set(tokens)) < len(tokens):
        token, times = Counter(tokens).most_common(1)[0]
        raise ValueError(f"the token {token!r} is made {times} times")
    return tokens


def encode_word(word: bytes, ranks: Mapping[Pair, int]) -> list[int]:
    """Merge the pair of lowest rank, until no pair of neighbors has a rank."""
    symbols = [BYTE_IDS[byte] for byte in word]
    while known := [pair for pair in pairwise(symbols) if pair in ranks]:
        pair = min(known, key=ranks.__getitem__)
        symbols = merge(symbols, pair, 256 + ranks[pair])
    return symbols


class Tokenizer:
    """Merges, and special tokens, which no merge makes.

    Examples
    --------
    >>> from snippets.language.byte_pair_training import train
    >>> tokenizer = Tokenizer(train({b"low": 5, b"est": 2}, 4), ["<|end|>"])
    >>> ids = tokenizer.encode("lowest<|end|>", allowed=["<|end|>"])
    >>> ids, tokenizer.decode(ids)
    ([257, 259, 260], 'lowest<|end|>')
    """

    def __init__(self, merges: Sequence[Pair], special: Sequence[str] = ()):
        self.tokens = vocabulary(merges)
        if "" in special or len(set(special)) < len(special):
            raise ValueError(f"special tokens {special}: one is empty or given twice")
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.special = {text: len(self.tokens) + i for i, text in enumerate(special)}
        self.cache: dict[bytes, list[int]] = {}  # each pre-token is encoded once

    def encode(self, text: str, allowed: Collection[str] = ()) -> list[int]:
        """Token ids; a special token is ordinary text unless it is ``allowed``."""
        if unknown := set(allowed) - set(self.special):
            raise ValueError(f"{unknown} are not special tokens of this tokenizer")
        longest_first = sorted(allowed, key=len, reverse=True)
        pattern = "|".join(map(regex.escape, longest_first))
        parts = regex.split(f"({pattern})", text) if allowed else [text]
        ids: list[int] = []
        for i, part in enumerate(parts):
            if i % 2:  # what the parentheses matched
                ids.append(self.special[part])
                continue
            for word in pre_tokenize(part):
                if word not in self.cache:
                    self.cache[word] = encode_word(word, self.ranks)
                ids += self.cache[word]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text; bytes that are not UTF-8 become U+FFFD."""
        tokens = [*self.tokens, *(text.encode() for text in self.special)]
        for token_id in ids:
            if not 0 <= token_id < len(tokens):
                raise ValueError(f"id {token_id} is not among the {len(tokens)} tokens")
        return b"".join(tokens[i] for i in ids).decode(errors="replace")
