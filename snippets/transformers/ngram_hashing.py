"""Hashes of n-grams: from tokens to the rows of several tables.

Cheng et al. (2026), https://arxiv.org/abs/2601.07372, section 2.2. The hash is that of
the authors' demo, https://github.com/deepseek-ai/Engram.

Symbols::

    P, x'_t    canonical_ids, tokens     K          heads
    N          max_ngram                 M_{n,k}    moduli[n - 2, k]
    m_j        multipliers[j]            z_{t,n,k}  ngram_rows

Axes::

    vocab     tokens that there are
    batch     independent sequences
    seq       positions
    ngram     tokens of the longest n-gram, the last one first
    orders    lengths of n-grams: 2 to ``max_ngram``
    heads     hash functions, and tables, of each order
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from itertools import count, islice

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import pad


def canonical_text(text: str) -> str:
    """Without accents, case, variants of one character, and space around it.

    Examples
    --------
    >>> [canonical_text(t) for t in (" Apple", "\\uff21pple", "Caf\\u00e9", "\\n")]
    ['apple', 'apple', 'cafe', ' ']
    """
    parts = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    bare = "".join(c for c in parts if unicodedata.category(c) != "Mn").lower()
    spaced = re.sub(r"[ \t\r\n]+", " ", bare)
    return spaced if spaced == " " else spaced.strip()


def canonical_ids(vocabulary: Sequence[str]) -> Int[Tensor, " vocab"]:
    """For each token, a number that all tokens with the same canonical text share.

    A token that would become empty keeps its text.

    Examples
    --------
    >>> canonical_ids(["Apple", " tree", " apple", "TREE"]).tolist()
    [0, 1, 0, 1]
    """
    if not vocabulary:
        raise ValueError("the vocabulary is empty")
    known: dict[str, int] = {}
    return torch.tensor(
        [known.setdefault(canonical_text(t) or t, len(known)) for t in vocabulary]
    )


def primes_from(least: int, number: int) -> list[int]:
    """Return the first ``number`` primes that are not below ``least``.

    Examples
    --------
    >>> primes_from(59, 4)
    [59, 61, 67, 71]
    """
    if least < 2 or number < 1:
        raise ValueError(f"no primes for {least=}, {number=}")
    primes = (
        n for n in count(least) if all(n % d for d in range(2, math.isqrt(n) + 1))
    )
    return list(islice(primes, number))


def draw_multipliers(vocab: int, max_ngram: int, seed: int) -> Int[Tensor, " ngram"]:
    """Odd numbers, below 2**63 / vocab: times a token, they fit in 64 bits.

    Raises
    ------
    ValueError
        If the vocabulary is empty, or there is no pair of tokens.
    """
    if vocab < 1 or max_ngram < 2:
        raise ValueError(f"no multipliers for {vocab=}, {max_ngram=}")
    half = max(1, (2**63 - 1) // vocab // 2)
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randint(half, (max_ngram,), generator=generator) + 1


def ngram_rows(
    tokens: Int[Tensor, "batch seq"],
    multipliers: Int[Tensor, " ngram"],
    moduli: Int[Tensor, "orders heads"],
    padding: int = 0,
) -> Int[Tensor, "batch seq orders heads"]:
    """Hash the last 2, 3, ... tokens of each position to one row in each table.

    Raises
    ------
    ValueError
        If there is not one multiplier more than orders, a modulus is not positive, or
        a product does not fit in 64 bits.

    Examples
    --------
    7 * 3 is 10101 in binary and 4 * 5 is 10100. They differ in the last bit. By hand:

    >>> multipliers, moduli = torch.tensor([3, 5]), torch.tensor([[11, 13]])
    >>> ngram_rows(torch.tensor([[4, 7]]), multipliers, moduli)[0, 1]
    tensor([[1, 1]])
    """
    if len(multipliers) != len(moduli) + 1 or moduli.min() < 1:
        raise ValueError(
            f"{len(multipliers)} multipliers do not fit moduli {moduli.tolist()}"
        )
    tokens, length = tokens.long(), tokens.shape[1]
    reach = torch.cat([tokens.flatten(), tokens.new_tensor([padding])]).aminmax()
    least, most = int(reach.min), int(reach.max)
    if least < 0 or most * int(multipliers.max()) >= 2**63:
        raise ValueError(f"tokens from {least} to {most} do not fit the hash")
    mix, rows = tokens * multipliers[0], []
    for back, modulus in enumerate(moduli, start=1):
        earlier = pad(tokens, (back, 0), value=padding)[:, :length]
        mix = mix ^ (earlier * multipliers[back])
        rows.append(mix[..., None] % modulus)
    return torch.stack(rows, dim=2)
