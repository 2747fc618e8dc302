"""Exact search for similar sets by prefix filtering.

Bayardo, Ma and Srikant (2007), https://doi.org/10.1145/1242572.1242591

Sort the members of every set in one order, rare ones first. If two sets share at least
``t`` of the ``n`` members of one of them, they share a member among the first
``n - t + 1`` of it. So only these prefixes are indexed, and nothing is missed.
"""

import numpy as np
from jaxtyping import Int, UInt64
from numpy import ndarray

from snippets.classical.locality_sensitive_hashing import (
    Pairs,
    Sets,
    check,
    similarities,
)

OWNER_BITS, COUNT_BITS = 20, 12  # with 32 bits of a member, a key of 64 bits


def prefixes(sets: Sets, threshold: float) -> UInt64[ndarray, " kept"]:
    """The members of all prefixes, in ascending order, each followed by its set.

    Counts are of buckets of 256 members; any common order keeps the search exact.
    """
    sizes = np.diff(sets.starts)
    owners = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint64)
    buckets = sets.members >> np.uint32(8)
    counts = np.minimum(np.bincount(buckets)[buckets], 2**COUNT_BITS - 1)
    keys = (owners << np.uint64(COUNT_BITS) | counts.astype(np.uint64)) << np.uint64(32)
    keys = np.sort(keys | sets.members)  # by set, then rare members first
    lengths = sizes - np.ceil(threshold * sizes - 1e-9).astype(int) + 1
    place = np.arange(len(keys)) - np.repeat(sets.starts[:-1], sizes)
    kept = place < np.repeat(lengths, sizes)
    members = keys[kept] & np.uint64(2**32 - 1)
    return np.sort(members << np.uint64(OWNER_BITS) | owners[kept])


def joined_pairs(sets: Sets, threshold: float) -> tuple[Pairs, int]:
    """Pairs at least as similar as ``threshold``, and how many had to be compared.

    Examples
    --------
    >>> members = np.array([1, 2, 3, 2, 3, 4, 4, 9], dtype=np.uint32)
    >>> joined_pairs(Sets(members, np.array([0, 3, 6, 8])), threshold=0.5)
    (array([[0, 1]]), 1)
    """
    check(sets)
    documents, sizes = len(sets.starts) - 1, np.diff(sets.starts)
    if documents > 2**OWNER_BITS or not 0 < threshold <= 1:
        raise ValueError(
            f"{documents=} above a million, or {threshold=} outside 0 to 1"
        )
    keys = prefixes(sets, threshold)
    members, owners = keys >> np.uint64(OWNER_BITS), keys & np.uint64(2**OWNER_BITS - 1)
    owners, places, found = owners.astype(np.int64), np.arange(len(keys)), []
    for apart in range(1, len(keys)):
        places = places[places + apart < len(keys)]
        places = places[members[places] == members[places + apart]]
        if len(places) == 0:
            break
        first, second = owners[places], owners[places + apart]
        small = np.minimum(sizes[first], sizes[second])
        large = np.maximum(sizes[first], sizes[second])
        near = small >= threshold * large - 1e-9  # others cannot be so similar
        found.append(first[near] * documents + second[near])
    codes: Int[ndarray, " pairs"] = np.unique(np.concatenate([[], *found]).astype(int))
    pairs = np.stack([codes // documents, codes % documents], axis=1)
    return pairs[similarities(sets, pairs) >= threshold], len(pairs)
