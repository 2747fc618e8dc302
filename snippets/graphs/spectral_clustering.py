"""Spectral clustering: rows of the lowest eigenvectors, put into groups by k-means.

Ng, Jordan and Weiss (2001), https://papers.nips.cc/paper/2092; Shi and Malik (2000),
https://doi.org/10.1109/34.868688; von Luxburg (2007), https://arxiv.org/abs/0711.0189

Symbols of the sources and their names here::

    A, W         ``adjacency``: weights of edges, or similarities; never negative
    lambda       ``mu``, eigenvalues of the normalized Laplacian
    X or U       the eigenvectors of ``spectral_embedding``
    Y or T       ``unit_rows``

Axes::

    nodes  vertices of the graph
    k      clusters, and eigenvectors
"""

import torch
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn.functional import normalize

from snippets.graphs.graph_cuts import check_weights
from snippets.graphs.graph_laplacian import degrees, normalized_laplacian


def spectral_embedding(
    adjacency: Float[Tensor, "nodes nodes"], k: int
) -> tuple[Float[Tensor, " k"], Float[Tensor, "nodes k"]]:
    """The ``k`` lowest eigenvalues of the normalized Laplacian, and eigenvectors.

    Raises
    ------
    ValueError
        If there are not ``k`` nodes, a weight is negative, or one differs from the
        one back.
    """
    check_weights(adjacency)
    if not 1 <= k <= len(adjacency):
        raise ValueError(f"{k=} clusters of {len(adjacency)} nodes")
    mu, U = torch.linalg.eigh(normalized_laplacian(adjacency.double()))
    return mu[:k], U[:, :k]


def walk_rows(
    U: Float[Tensor, "nodes k"], adjacency: Float[Tensor, "nodes nodes"]
) -> Float[Tensor, "nodes k"]:
    """Rows of Shi and Malik: over the roots of the degrees, where these are not 0."""
    degree = degrees(adjacency.to(U.dtype))
    return U / torch.where(degree > 0, degree, 1).sqrt()[:, None]


def unit_rows(U: Float[Tensor, "nodes k"]) -> Float[Tensor, "nodes k"]:
    """Rows of Ng, Jordan and Weiss: of length 1, unless zero."""
    return normalize(U, dim=1)


def spectral_clustering(
    adjacency: Float[Tensor, "nodes nodes"], k: int, seed: int = 0
) -> Int[Tensor, " nodes"]:
    """A cluster from 0 to ``k - 1`` for each node: k-means on rows of length 1.

    Examples
    --------
    Two triangles with one edge between them:

    >>> two = torch.block_diag(torch.ones(3, 3), torch.ones(3, 3)).fill_diagonal_(0)
    >>> two[2, 3] = two[3, 2] = 1
    >>> label = spectral_clustering(two, k=2)
    >>> (label == label[0]).tolist()
    [True, True, True, False, False, False]
    """
    _, U = spectral_embedding(adjacency, k)
    kmeans = KMeans(k, n_init=10, random_state=seed)
    return torch.from_numpy(kmeans.fit_predict(unit_rows(U).numpy())).long()


def eigengap(mu: Float[Tensor, " eigenvalues"]) -> int:
    """How many eigenvalues, in rising order, come before the largest gap."""
    if len(mu) < 2:
        raise ValueError(f"{len(mu)} eigenvalues have no gap")
    return int(mu.diff().argmax()) + 1
