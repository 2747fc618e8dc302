"""Metrics of clusters, each in a few lines.

Labels only say which examples are together; their values do not matter.
"""

import numpy as np
from jaxtyping import Int, Real
from numpy import ndarray
from scipy.spatial.distance import cdist

Labels = Int[ndarray, " n"]


def contingency(first: Labels, second: Int[ndarray, " m"]) -> Int[ndarray, "a b"]:
    """How many examples are in each pair of clusters, one of either labeling.

    Raises
    ------
    ValueError
        If there is no example, or the labelings differ in length.
    """
    if not 0 < len(first) == len(second):
        raise ValueError(f"labelings of {len(first)} and {len(second)} examples")
    _, rows = np.unique(first, return_inverse=True)
    _, columns = np.unique(second, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1), dtype=int)
    np.add.at(table, (rows, columns), 1)
    return table


def adjusted_rand_index(first: Labels, second: Labels) -> float:
    """Agreement on pairs of examples, above chance: 1 if equal, near 0 at random."""
    table = contingency(first, second)
    sizes = (table, table.sum(1), table.sum(0), table.sum())
    both, one, other, pairs = (float((n * (n - 1) // 2).sum()) for n in sizes)
    chance = one * other / pairs if pairs else 0.0
    largest = (one + other) / 2
    return (both - chance) / (largest - chance) if largest != chance else 1.0


def entropy(shares: Real[ndarray, " k"]) -> float:
    """Mean surprise in nats of a distribution; 0 log 0 counts as 0."""
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def normalized_mutual_information(first: Labels, second: Labels) -> float:
    """Mutual information divided by the mean of both entropies: from 0 to 1."""
    joint = contingency(first, second) / len(first)
    one, other = entropy(joint.sum(1)), entropy(joint.sum(0))
    shared = one + other - entropy(joint.ravel())
    return max(shared, 0.0) / ((one + other) / 2) if one or other else 1.0


def clusters(labels: Labels) -> tuple[Int[ndarray, " n"], Int[ndarray, " k"]]:
    """The cluster of each example, counted from 0, and the sizes of the clusters.

    Raises
    ------
    ValueError
        If there are fewer than two clusters, or as many as examples.
    """
    names, own, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if not 1 < len(names) < len(labels):
        raise ValueError(f"{len(names)} clusters of {len(labels)} examples")
    return own, sizes


def silhouette(points: Real[ndarray, "n d"], labels: Labels) -> float:
    """Mean of (b - a) / max(a, b): a to one's own cluster, b to the nearest other.

    Both are mean distances. An example that is alone in its cluster counts as 0.
    """
    own, sizes = clusters(labels)
    member = np.eye(len(sizes))[own]
    sums = cdist(points, points) @ member  # of distances to all of each cluster
    a = (sums * member).sum(axis=1) / np.maximum(sizes[own] - 1, 1)
    b = np.where(member, np.inf, sums / sizes).min(axis=1)
    score = (b - a) / np.maximum(np.maximum(a, b), np.finfo(float).tiny)
    return float(np.where(sizes[own] > 1, score, 0.0).mean())
