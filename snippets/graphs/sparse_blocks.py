"""Two hidden groups in a sparse random graph, and three matrices that look for them.

Decelle et al. (2011), https://arxiv.org/abs/1109.3041; Amini et al. (2013),
https://arxiv.org/abs/1207.2340; Krzakala et al. (2013), https://arxiv.org/abs/1306.5550

Symbols of the sources and their names here::

    c_in, c_out      ``nodes`` times the probability of an edge within, between groups
    c                ``degree``, their mean
    tau              ``tau``, the weight that regularization adds to each degree
    B'               the matrix of ``non_backtracking_vector``

Each function returns a number for each node; its sign proposes the group.

Axes::

    nodes  vertices of the graph
"""

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigs, eigsh


def planted_partition(
    nodes: int, degree: float, snr: float, seed: int
) -> sparse.csr_array:
    """Graph of two groups, the first and the second half, as a sparse matrix.

    ``snr`` is ``(c_in - c_out)**2 / (4 * degree)``; the threshold is 1.

    Raises
    ------
    ValueError
        If ``nodes`` is odd, or ``c_out`` would be negative.
    """
    half_gap = np.sqrt(degree * snr)
    if nodes % 2 or not half_gap <= degree:
        raise ValueError(f"no two groups with {nodes=}, {degree=}, {snr=}")
    random, half = np.random.default_rng(seed), nodes // 2

    def pairs(mean: float):
        """Each pair of 0 to half - 1, in order, with probability ``mean / nodes``."""
        count = random.binomial(half**2, mean / nodes)
        return np.stack(divmod(random.choice(half**2, count, replace=False), half))

    first, second = (pairs(degree + half_gap) for _ in range(2))
    edges = np.concatenate(
        [
            first[:, first[0] < first[1]],
            half + second[:, second[0] < second[1]],
            pairs(degree - half_gap) + np.array([[0], [half]]),
        ],
        axis=1,
    )
    source, target = np.concatenate([edges, edges[::-1]], axis=1)
    ones = np.ones(len(source))
    return sparse.csr_array((ones, (source, target)), (nodes, nodes))


def second_vector(matrix) -> Float[np.ndarray, " nodes"]:
    """Eigenvector of the second largest eigenvalue of a symmetric matrix."""
    values, vectors = eigsh(matrix, k=2, which="LA", v0=np.ones(matrix.shape[0]))
    return vectors[:, values.argmin()]


def laplacian_vector(adjacency: sparse.csr_array) -> Float[np.ndarray, " nodes"]:
    """Of the normalized Laplacian of the largest component; 0 on the others."""
    _, part = connected_components(adjacency)
    largest = part == np.bincount(part).argmax()
    graph = adjacency[largest][:, largest]
    scale = sparse.diags_array(graph.sum(axis=1) ** -0.5)
    vector = np.zeros(len(part))
    vector[largest] = second_vector(scale @ graph @ scale)
    return vector


def regularized_vector(
    adjacency: sparse.csr_array, tau: float
) -> Float[np.ndarray, " nodes"]:
    """The same with a weight ``tau / nodes`` added between all nodes."""
    if tau <= 0:
        raise ValueError(f"{tau=} is not positive")
    nodes = adjacency.shape[0]
    scale = (adjacency.sum(axis=1) + tau) ** -0.5

    def multiply(x):
        x = scale * x.ravel()
        return scale * (adjacency @ x + tau / nodes * x.sum())

    return second_vector(LinearOperator((nodes, nodes), multiply, dtype=float))


def non_backtracking_matrix(adjacency: sparse.csr_array) -> sparse.csr_array:
    """``[[A, -I], [D - I, 0]]``: the eigenvalues of walks that never turn back.

    The matrix of such walks on the edges has these eigenvalues, and +1 and -1.
    """
    eye = sparse.eye_array(adjacency.shape[0])
    degree = sparse.diags_array(adjacency.sum(axis=1))
    return sparse.block_array([[adjacency, -eye], [degree - eye, None]], format="csr")


def non_backtracking_vector(
    adjacency: sparse.csr_array,
) -> Float[np.ndarray, " nodes"]:
    """Of its eigenvalue with the second largest real part: the half for the nodes."""
    matrix = non_backtracking_matrix(adjacency)
    start = np.ones(matrix.shape[0])
    values, vectors = eigs(matrix, k=2, which="LR", v0=start, tol=1e-4)
    return vectors[: adjacency.shape[0], values.real.argmin()].real


def overlap(vector: Float[np.ndarray, " nodes"]) -> float:
    """0 for guessing, 1 if the signs are those of the two halves, or all reversed."""
    first = np.arange(len(vector)) < len(vector) // 2
    right = ((vector > 0) == first).mean()
    return abs(2 * right - 1)


def effective_nodes(vector: Float[np.ndarray, " nodes"]) -> float:
    """On how many nodes a vector lives: all if entries are equal, 1 if one is not 0."""
    return (vector**2).sum() ** 2 / (vector**4).sum()
