"""Label spreading: given labels diffuse along the edges, and nothing is learned.

Zhou et al. (2003), "Learning with Local and Global Consistency"

The paper's ``W`` is ``adjacency`` here; ``S``, ``Y`` and ``alpha`` keep their names.

Axes::

    nodes    vertices of the graph
    edges    columns of ``edge_index``: its row 0 is the source, row 1 the target
    classes  scores of a node
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.graphs.adjacency_matrix import adjacency_matrix


def label_spreading(
    edge_index: Int[Tensor, "2 edges"],
    Y: Float[Tensor, "nodes classes"],
    alpha: float = 0.99,
) -> Float[Tensor, "nodes classes"]:
    """Scores ``(1 - alpha) (I - alpha S)^-1 Y`` of an undirected graph.

    Parameters
    ----------
    Y
        One-hot rows of labeled nodes; rows of zeros for all others.
    alpha
        Share of a score that comes from the neighbors, in [0, 1).

    Raises
    ------
    ValueError
        If ``alpha`` is outside of [0, 1), or an edge names a node that does not exist.

    Examples
    --------
    Node 0 is labeled, node 1 is its only neighbor:

    >>> Y = torch.tensor([[1.0], [0.0]])
    >>> label_spreading(torch.tensor([[0, 1], [1, 0]]), Y, alpha=0.5)
    tensor([[0.6667],
            [0.3333]])
    """
    if not 0 <= alpha < 1:
        raise ValueError(f"alpha must lie in [0, 1): {alpha=}")
    adjacency = adjacency_matrix(edge_index, nodes=len(Y)).to(Y.dtype)
    scale = adjacency.sum(dim=0).clamp(min=1).rsqrt()  # isolated nodes: no division
    S = scale[:, None] * adjacency * scale
    system = torch.eye(len(Y), dtype=Y.dtype, device=Y.device) - alpha * S
    return torch.linalg.solve(system, (1 - alpha) * Y)
