"""Cuts of a graph in two: what they cost, and the best one along an ordering.

Shi and Malik (2000), https://doi.org/10.1109/34.868688; von Luxburg (2007),
https://arxiv.org/abs/0711.0189

Symbols of the sources and their names here::

    W            ``adjacency``: weights of edges, or similarities; never negative
    A, A-bar     ``inside`` and its complement
    vol(A)       the first of ``volumes``
    Ncut         ``normalized_cut``

Sums are taken in double precision.

Axes::

    nodes  vertices of the graph
    cuts   places between two nodes of an ordering
"""

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from snippets.graphs.adjacency_matrix import check_symmetric
from snippets.graphs.graph_laplacian import degrees


def check_weights(adjacency: Float[Tensor, "nodes nodes"]) -> None:
    """Raise ``ValueError`` for weights below zero, not finite, or not symmetric."""
    wrong = ~((adjacency >= 0) & adjacency.isfinite())
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        weight = adjacency[row, column]
        raise ValueError(f"weight {weight:g} between nodes {row} and {column}")
    check_symmetric(adjacency)


def cut_weight(
    adjacency: Float[Tensor, "nodes nodes"], inside: Bool[Tensor, " nodes"]
) -> Float[Tensor, ""]:
    """Weight of the edges between the nodes inside and the others.

    Raises
    ------
    ValueError
        If all nodes are on one side.
    """
    check_weights(adjacency)
    if inside.all() or not inside.any():
        raise ValueError(f"{int(inside.sum())} of {len(inside)} nodes are inside")
    between = adjacency[inside][:, ~inside]
    return between.sum(dtype=torch.float64).to(adjacency.dtype)


def ratio_cut(
    adjacency: Float[Tensor, "nodes nodes"], inside: Bool[Tensor, " nodes"]
) -> Float[Tensor, ""]:
    """The cut over the number of nodes inside, plus the same for outside."""
    cut = cut_weight(adjacency.double(), inside)
    return (cut / inside.sum() + cut / (~inside).sum()).to(adjacency.dtype)


def volumes(
    adjacency: Float[Tensor, "nodes nodes"], inside: Bool[Tensor, " nodes"]
) -> tuple[Float64[Tensor, ""], Float64[Tensor, ""]]:
    """Sum of the degrees inside, and outside; an error if a side has no edge."""
    degree = degrees(adjacency.double())
    here, there = degree[inside].sum(), degree[~inside].sum()
    if min(here, there) == 0:
        raise ValueError(f"a side has no edges: its volume is 0 of {here + there:g}")
    return here, there


def normalized_cut(
    adjacency: Float[Tensor, "nodes nodes"], inside: Bool[Tensor, " nodes"]
) -> Float[Tensor, ""]:
    """The cut over the volume inside, plus the cut over the volume outside."""
    cut = cut_weight(adjacency.double(), inside)
    here, there = volumes(adjacency, inside)
    return (cut / here + cut / there).to(adjacency.dtype)


def conductance(
    adjacency: Float[Tensor, "nodes nodes"], inside: Bool[Tensor, " nodes"]
) -> Float[Tensor, ""]:
    """The cut over the smaller volume.

    Examples
    --------
    A path of four nodes, cut in the middle: one edge over degrees 1 + 2.

    >>> path = torch.ones(3).diag(1) + torch.ones(3).diag(-1)
    >>> conductance(path, torch.tensor([True, True, False, False]))
    tensor(0.3333)
    """
    cut = cut_weight(adjacency.double(), inside)
    return (cut / min(volumes(adjacency, inside))).to(adjacency.dtype)


def sweep(
    adjacency: Float[Tensor, "nodes nodes"], scores: Float[Tensor, " nodes"]
) -> tuple[Int[Tensor, " nodes"], Float64[Tensor, " cuts"]]:
    """Nodes by rising score, and the conductance of the cut after each but the last.

    Infinite between nodes of equal score, and where a side has no edges.
    """
    check_weights(adjacency)
    scores, order = scores.sort(stable=True)
    ordered = adjacency[order][:, order].double()
    degree = degrees(ordered)
    back = ordered.tril(-1).sum(dim=1)  # edges to nodes before: no longer cut
    cut = (degree - ordered.diagonal() - 2 * back).cumsum(dim=0)[:-1].clamp(min=0)
    before = degree.cumsum(dim=0)
    smaller = torch.minimum(before[:-1], before[-1] - before[:-1])
    allowed = (scores[1:] > scores[:-1]) & (smaller > 0)
    return order, torch.where(allowed, cut / smaller, torch.inf)


def sweep_cut(
    adjacency: Float[Tensor, "nodes nodes"], scores: Float[Tensor, " nodes"]
) -> Bool[Tensor, " nodes"]:
    """The nodes above the threshold that has the lowest conductance of all.

    Raises
    ------
    ValueError
        If no threshold leaves edges on both sides.
    """
    order, costs = sweep(adjacency, scores)
    if not costs.isfinite().any():
        raise ValueError(f"no threshold divides {len(scores)} nodes with edges")
    return scores > scores[order[costs.argmin()]]
