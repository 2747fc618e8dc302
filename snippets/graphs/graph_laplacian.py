"""Graph Laplacians: how much neighbors differ, as a matrix, and its eigenvectors.

von Luxburg (2007), https://arxiv.org/abs/0711.0189

Symbols of the source and their names here::

    W, D      ``adjacency``, ``degrees``
    L         ``laplacian``, unnormalized
    L_sym     ``normalized_laplacian``
    f' L f    ``dirichlet_energy``

Axes::

    nodes  vertices of the graph
"""

import torch
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from snippets.graphs.adjacency_matrix import check_symmetric


def degrees(adjacency: Float[Tensor, "nodes nodes"]) -> Float[Tensor, " nodes"]:
    """Weight of all edges at each node; a self-loop counts once.

    Raises
    ------
    ValueError
        If an edge differs from the one back, or has a negative weight.
    """
    check_symmetric(adjacency)
    if (adjacency < 0).any():
        i, j = (adjacency < 0).nonzero()[0].tolist()
        raise ValueError(f"edge {i}-{j} has the negative weight {adjacency[i, j]:g}")
    return adjacency.sum(dim=1)


def laplacian(
    adjacency: Float[Tensor, "nodes nodes"],
) -> Float[Tensor, "nodes nodes"]:
    """Degrees on the diagonal, minus the adjacency matrix; self-loops cancel.

    Examples
    --------
    An edge, and an isolated node:

    >>> laplacian(torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    tensor([[ 1., -1.,  0.],
            [-1.,  1.,  0.],
            [ 0.,  0.,  0.]])
    """
    return degrees(adjacency).diag() - adjacency


def normalized_laplacian(
    adjacency: Float[Tensor, "nodes nodes"],
) -> Float[Tensor, "nodes nodes"]:
    """The Laplacian, over the roots of the degrees at both ends of each edge.

    The row and the column of an isolated node are zero.

    Examples
    --------
    >>> normalized_laplacian(torch.tensor([[0.0, 4, 0], [4, 0, 0], [0, 0, 0]]))
    tensor([[ 1., -1.,  0.],
            [-1.,  1.,  0.],
            [ 0.,  0.,  0.]])
    """
    degree = degrees(adjacency)
    scale = torch.where(degree > 0, degree, torch.inf).rsqrt()
    return scale[:, None] * laplacian(adjacency) * scale


def dirichlet_energy(
    x: Float[Tensor, " nodes"], adjacency: Float[Tensor, "nodes nodes"]
) -> Float[Tensor, ""]:
    """Squared differences over all edges, each taken once: ``x @ laplacian @ x``.

    Examples
    --------
    >>> path = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> dirichlet_energy(torch.tensor([0.0, 1.0, 4.0]), path)  # 1 + 9
    tensor(10.)
    """
    check_symmetric(adjacency)
    return (adjacency * (x[:, None] - x).square()).sum() / 2


def fiedler_vector(
    adjacency: Float[Tensor, "nodes nodes"],
) -> Float[Tensor, " nodes"]:
    """Eigenvector of the second smallest eigenvalue, of length 1, of either sign.

    Raises
    ------
    ValueError
        If the graph has fewer than two nodes, or is not connected.
    """
    if len(adjacency) < 2:
        raise ValueError(f"{len(adjacency)} nodes cannot be divided")
    parts, _ = connected_components((adjacency != 0).numpy())
    if parts > 1:
        raise ValueError(f"the graph is in {parts} parts, there is nothing to cut")
    L = laplacian(adjacency.double())
    raised = L + 4 * L.diagonal().max() / len(L)  # the constant vector becomes the last
    return torch.linalg.eigh(raised)[1][:, 0].to(adjacency.dtype)


def diffuse(
    heat: Float[Tensor, " nodes"],
    adjacency: Float[Tensor, "nodes nodes"],
    time: float,
) -> Float[Tensor, " nodes"]:
    """Heat at each node after ``time``: the solution of ``dx/dt = -laplacian @ x``.

    Raises
    ------
    ValueError
        If ``time`` is negative.
    """
    if time < 0:
        raise ValueError(f"heat cannot be traced back: {time=}")
    L = laplacian(adjacency.double())
    return (torch.matrix_exp(-time * L) @ heat.double()).to(heat.dtype)
