"""Exact search for similar sets through an inverted index.

The index lists the sets that contain each member, so that only sets with a member in
common are compared. This is the product of a sparse matrix, sets times members, with
its transpose; nothing is missed.
"""

import numpy as np
from scipy.sparse import csr_matrix

from snippets.classical.locality_sensitive_hashing import Pairs, Sets, check


def similar_pairs(sets: Sets, threshold: float) -> tuple[Pairs, int]:
    """Pairs at least as similar as ``threshold``, and how many had to be compared.

    Examples
    --------
    >>> members = np.array([1, 2, 3, 2, 3, 4, 4, 9], dtype=np.uint32)
    >>> similar_pairs(Sets(members, np.array([0, 3, 6, 8])), threshold=0.5)
    (array([[0, 1]]), 2)
    """
    check(sets)
    sizes, count = np.diff(sets.starts), len(sets.starts) - 1
    _, columns = np.unique(sets.members, return_inverse=True)
    ones = np.ones(len(columns), dtype=np.int32)
    rows = csr_matrix((ones, columns, sets.starts))
    index, found, compared = rows.T.tocsr(), [], 0
    for begin in range(0, count, 2000):
        shared = (rows[begin : begin + 2000] @ index).tocoo()
        first, second = shared.row + begin, shared.col
        union = sizes[first] + sizes[second] - shared.data
        compared += int(np.count_nonzero(second > first))
        kept = (second > first) & (shared.data >= threshold * union)
        found.append(np.stack([first[kept], second[kept]], axis=1))
    pairs = np.concatenate(found).astype(np.int64)
    return pairs[np.lexsort(pairs.T[::-1])], compared
