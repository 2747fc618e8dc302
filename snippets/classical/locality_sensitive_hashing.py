"""Locality-sensitive hashing: similar sets meet without a comparison of all pairs.

Broder (1997), https://doi.org/10.1109/SEQUEN.1997.666900, and Indyk and Motwani (1998),
https://doi.org/10.1145/276698.276876

Glossary::

    h_min            minhash        value of a hash: the smallest member of a set
    b, r             bands, rows    b bands of r hashes each
    p_1, p_2         p1, p2         collision probabilities of a family of hashes
    rho              rho            its exponent

Axes::

    documents  sets that are compared
    members    elements of all sets, one set after the other
    hashes     random permutations of the numbers of 32 bits
    bands      groups of hashes; equal in one of them is enough
    pairs      two documents, the earlier first
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt32, UInt64
from numpy import ndarray

Pairs = Int[ndarray, "pairs 2"]
Permutations = UInt32[ndarray, "2 hashes"]
Signatures = UInt32[ndarray, "documents hashes"]


class Sets(NamedTuple):
    """Set ``i`` is ``members[starts[i] : starts[i + 1]]``, sorted, none twice."""

    members: UInt32[ndarray, " members"]
    starts: Int[ndarray, " edges"]


def check(sets: Sets) -> None:
    """Raise ``ValueError`` for edges that do not cut the members into sets."""
    members, starts = sets
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != len(members):
        raise ValueError(f"{len(members)} members but edges {starts[[0, -1]].tolist()}")
    if np.any(np.diff(starts) < 1):
        raise ValueError(f"set {np.diff(starts).argmin()} is empty")


def shingles(text: str, size: int) -> set[str]:
    """All runs of ``size`` words.

    Examples
    --------
    >>> sorted(shingles("to be or not to be or", 3))
    ['be or not', 'not to be', 'or not to', 'to be or']
    """
    words = text.split()
    if not 1 <= size <= len(words):
        raise ValueError(f"no shingles of {size} words in a text of {len(words)}")
    return {" ".join(words[i : i + size]) for i in range(len(words) - size + 1)}


def hashed(sets: Sequence[Collection[str]]) -> Sets:
    """Numbers of 32 bits for the members, from SHA-1."""
    if not sets:
        raise ValueError("no sets to hash")
    numbers = []
    for i, members in enumerate(sets):
        if not members:
            raise ValueError(f"set {i} of {len(sets)} is empty")
        digests = b"".join(hashlib.sha1(m.encode()).digest()[:4] for m in members)
        numbers.append(np.unique(np.frombuffer(digests, dtype="<u4")))
    starts = np.cumsum([0, *map(len, numbers)])
    return Sets(np.concatenate(numbers).astype(np.uint32), starts)


def jaccard(first: Collection[str], second: Collection[str]) -> float:
    """Size of the intersection over that of the union.

    Examples
    --------
    >>> jaccard({"a", "b", "c"}, {"b", "c", "d"})
    0.5
    """
    first, second = set(first), set(second)
    if not first | second:
        raise ValueError("two empty sets have no similarity")
    return len(first & second) / len(first | second)


def random_permutations(hashes: int, seed: int = 1) -> Permutations:
    """Odd factors and offsets: ``factor * number + offset`` takes each value once."""
    if hashes < 1:
        raise ValueError(f"hashes={hashes} must be positive")
    rng = np.random.RandomState(seed)  # the generator of datasketch
    factors = 2 * rng.randint(0, 2**31, hashes, dtype=np.uint32) + np.uint32(1)
    return np.stack([factors, rng.randint(0, 2**32, hashes, dtype=np.uint32)])


def fmix32(numbers: UInt32[ndarray, " members"]) -> UInt32[ndarray, " members"]:
    """The finalizer of MurmurHash3: mixes the bits, so that no order is left."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        numbers = (numbers ^ (numbers >> np.uint32(shift))) * np.uint32(factor)
    return numbers ^ (numbers >> np.uint32(16))


def minhash(sets: Sets, permutations: Permutations, block: int = 1024) -> Signatures:
    """The smallest number of each set, after each permutation.

    Parameters
    ----------
    block
        Documents at a time, so that their members stay in the cache.
    """
    check(sets)
    if block < 1:
        raise ValueError(f"block={block} must be positive")
    starts, numbers = sets.starts, fmix32(sets.members)
    first = np.empty((permutations.shape[1], len(starts) - 1), dtype=np.uint32)
    for begin in range(0, len(starts) - 1, block):
        edges = starts[begin : begin + block + 1]
        part = numbers[edges[0] : edges[-1]]
        for row, (factor, offset) in enumerate(permutations.T):
            ranks = part * factor + offset
            np.minimum.reduceat(
                ranks, edges[:-1] - edges[0], out=first[row, begin : begin + block]
            )
    return np.ascontiguousarray(first.T)


def candidate_probability(
    similarity: Float[ndarray, " similarities"] | float, bands: int, rows: int
) -> Float[ndarray, " similarities"] | float:
    """Probability that two sets agree in all rows of at least one band.

    Examples
    --------
    >>> candidate_probability(0.5, bands=2, rows=1)
    0.75
    """
    inside = np.abs(np.asarray(similarity) - 0.5) <= 0.5  # false for NaN
    if bands < 1 or rows < 1 or not inside.all():
        raise ValueError(f"bands={bands}, rows={rows}, or a similarity outside 0 to 1")
    with np.errstate(divide="ignore"):  # similarity 1
        missed = bands * np.log1p(-(similarity**rows))  # logarithm, exact if close to 0
    found = -np.expm1(missed)
    return found if isinstance(similarity, ndarray) else float(found)


def rho(p1: float, p2: float) -> float:
    """Exponent of a family: ``n**rho`` tables find similar pairs among ``n`` sets.

    Parameters
    ----------
    p1, p2
        Probability that a similar pair collides, and a dissimilar one.

    Examples
    --------
    >>> round(rho(0.5, 0.25), 12)
    0.5
    """
    if not 0 < p2 < p1 < 1:
        raise ValueError(f"needs 0 < p2 < p1 < 1, not p1={p1}, p2={p2}")
    return float(np.log(p1) / np.log(p2))


def band_keys(signatures: Signatures, bands: int) -> UInt64[ndarray, "documents bands"]:
    """A hash of each band; bands that differ have equal keys by rare chance only."""
    documents, hashes = signatures.shape
    if bands < 1 or hashes % bands:
        raise ValueError(f"{hashes} hashes cannot be cut into {bands} equal bands")
    keys = np.zeros((documents, bands), dtype=np.uint64)
    for row in range(hashes // bands):
        keys ^= signatures[:, row :: hashes // bands]
        keys *= np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


def candidate_pairs(keys: UInt64[ndarray, "documents bands"]) -> Pairs:
    """All pairs of documents that have a key in common, each of them once."""
    documents, found = len(keys), []
    for key in keys.T:
        order = np.argsort(key, kind="stable")
        key = key[order]
        for apart in range(1, documents):
            same = np.flatnonzero(key[apart:] == key[:-apart])
            if len(same) == 0:
                break
            found.append(order[same] * documents + order[same + apart])
    codes = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *found]))
    codes = codes[np.diff(codes, prepend=-1) > 0]
    return np.stack([codes // documents, codes % documents], axis=1)


def similarities(sets: Sets, pairs: Pairs) -> Float[ndarray, " pairs"]:
    """The exact Jaccard similarity of each pair."""
    check(sets)
    if pairs.size and not 0 <= pairs.min() <= pairs.max() < len(sets.starts) - 1:
        raise ValueError(f"pairs name documents from {pairs.min()} to {pairs.max()}")
    sizes = np.diff(sets.starts)[pairs]  # (pairs, 2)
    lengths = sizes.ravel()
    begins = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) + np.repeat(
        sets.starts[pairs].ravel() - begins, lengths
    )
    owners = np.repeat(np.arange(len(pairs)), sizes.sum(axis=1))
    codes = np.sort((owners << 32) | sets.members[places])
    twice = codes[1:][codes[1:] == codes[:-1]] >> 32
    shared = np.bincount(twice, minlength=len(pairs))
    return shared / (sizes.sum(axis=1) - shared)


def near_duplicates(
    sets: Sets, permutations: Permutations, bands: int, threshold: float
) -> tuple[Pairs, int]:
    """Pairs at least as similar as ``threshold``, and how many had to be compared."""
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold} must be above 0 and at most 1")
    pairs = candidate_pairs(band_keys(minhash(sets, permutations), bands))
    return pairs[similarities(sets, pairs) >= threshold], len(pairs)


def simhash(sets: Sets) -> UInt64[ndarray, " documents"]:
    """Fingerprints of 64 bits: each the majority of the members of a set.

    Of a tie, the smallest member decides.
    """
    check(sets)
    votes = sets.members.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        votes = (votes ^ (votes >> np.uint64(shift))) * np.uint64(factor)
    fingerprints = np.zeros(len(sets.starts) - 1, dtype=np.uint64)
    for bit in range(64):
        yes = (votes >> np.uint64(bit)) & 1
        ones = 2 * np.add.reduceat(yes, sets.starts[:-1]) + yes[sets.starts[:-1]]
        majority = (ones > np.diff(sets.starts)).astype(np.uint64)
        fingerprints |= majority << np.uint64(bit)
    return fingerprints
