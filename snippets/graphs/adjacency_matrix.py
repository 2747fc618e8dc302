"""Adjacency matrices: what the powers of a graph's matrix count.

Newman (2018), Networks, 2nd edition, chapter 6

Symbols of the source and their names here: ``A`` is ``adjacency``, but transposed for
directed graphs. As in networkx and torch_geometric, the edge from ``source`` to
``target`` is counted in ``adjacency[source, target]``. An undirected graph has each
edge in both directions, a self-loop once.

Axes::

    nodes  vertices of the graph
    edges  columns of ``edge_index``: its row 0 is the source, row 1 the target
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def check_edges(edge_index: Int[Tensor, "2 edges"], nodes: int) -> None:
    """Raise ``ValueError`` for edges from or to a node that does not exist."""
    if not edge_index.numel():
        return
    first, last = int(edge_index.min()), int(edge_index.max())
    if first < 0 or last >= nodes:
        raise ValueError(f"edges name nodes {first} to {last}, but {nodes=}")


def adjacency_matrix(
    edge_index: Int[Tensor, "2 edges"],
    nodes: int,
    weight: Float[Tensor, " edges"] | None = None,
) -> Float[Tensor, "nodes nodes"]:
    """How many edges, or how much ``weight``, lead from each node to each other one.

    Parallel edges add up; the row and the column of an isolated node are zero.

    Raises
    ------
    ValueError
        If an edge names a node that does not exist.

    Examples
    --------
    >>> adjacency_matrix(torch.tensor([[0, 1, 1], [1, 2, 2]]), nodes=3)
    tensor([[0., 1., 0.],
            [0., 0., 2.],
            [0., 0., 0.]])
    """
    check_edges(edge_index, nodes)
    if weight is None:
        weight = torch.ones(edge_index.shape[1], device=edge_index.device)
    source, target = edge_index.long()  # index_put refuses int8 and int16
    table = weight.new_zeros(nodes, nodes)
    return table.index_put((source, target), weight, accumulate=True)


def edges_of(adjacency: Float[Tensor, "nodes nodes"]) -> Int[Tensor, "2 edges"]:
    """Sources and targets of the entries that are not zero, row after row."""
    return adjacency.nonzero().T


def both_directions(edge_index: Int[Tensor, "2 edges"]) -> Int[Tensor, "2 doubled"]:
    """Each edge once in each direction, each self-loop once, in the order of rows.

    Parallel edges become one.

    Examples
    --------
    >>> both_directions(torch.tensor([[0, 2], [1, 2]]))
    tensor([[0, 1, 2],
            [1, 0, 2]])
    """
    return torch.cat([edge_index, edge_index.flip(0)], dim=1).unique(dim=1)


def with_self_loops(
    edge_index: Int[Tensor, "2 edges"], nodes: int
) -> Int[Tensor, "2 more_edges"]:
    """The edges between different nodes, then one self-loop for every node.

    Examples
    --------
    >>> with_self_loops(torch.tensor([[0, 1], [1, 1]]), nodes=3)
    tensor([[0, 0, 1, 2],
            [1, 0, 1, 2]])
    """
    check_edges(edge_index, nodes)
    between = edge_index[:, edge_index[0] != edge_index[1]]
    loops = torch.arange(nodes, device=edge_index.device).expand(2, nodes)
    return torch.cat([between, loops], dim=1)


def walks(
    adjacency: Float[Tensor, "nodes nodes"], length: int
) -> Float[Tensor, "nodes nodes"]:
    """Walks of ``length`` steps from each node to each: a power of the matrix.

    Raises
    ------
    ValueError
        If ``length`` is negative, or the numbers too large to be counted exactly. (Sums
        over walks with fractional weights are rounded at any size.)

    Examples
    --------
    Two steps along a path of three nodes:

    >>> path = adjacency_matrix(torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), nodes=3)
    >>> walks(path, 2)
    tensor([[1., 0., 1.],
            [0., 2., 0.],
            [1., 0., 1.]])
    """
    if length < 0:
        raise ValueError(f"a walk cannot have {length=}")
    counts = torch.linalg.matrix_power(adjacency, length)
    exact = counts <= 1 / torch.finfo(counts.dtype).eps  # false for NaN, inf times 0
    if not exact.all():
        raise ValueError(f"more walks of {length=} than {counts.dtype} counts exactly")
    return counts


def check_symmetric(adjacency: Float[Tensor, "nodes nodes"]) -> None:
    """Raise ``ValueError`` if an edge differs from the one back."""
    if not torch.equal(adjacency, adjacency.T):
        source, target = (adjacency != adjacency.T).nonzero()[0].tolist()
        there, back = adjacency[source, target], adjacency[target, source]
        raise ValueError(
            f"not symmetric: {there:g} from node {source} to {target}, {back:g} back"
        )


def triangles(adjacency: Float[Tensor, "nodes nodes"]) -> Float[Tensor, " nodes"]:
    """Triangles at each node: closed walks of three steps, over two directions.

    Raises
    ------
    ValueError
        If an edge has one direction only, is a self-loop, or is not a 1.

    Examples
    --------
    >>> triangles(torch.ones(4, 4) - torch.eye(4))
    tensor([3., 3., 3., 3.])
    """
    check_symmetric(adjacency)
    if adjacency.diagonal().any() or (adjacency * (adjacency - 1)).any():
        raise ValueError("triangles need zeros and ones, and no self-loops")
    return walks(adjacency, 3).diagonal() / 2


def relabel(
    adjacency: Float[Tensor, "nodes nodes"], order: Int[Tensor, " nodes"]
) -> Float[Tensor, "nodes nodes"]:
    """The same graph with its nodes in another order: ``P @ adjacency @ P.T``.

    Node ``i`` of the result is node ``order[i]`` of the given graph.
    """
    return adjacency[order][:, order]


def compressed_rows(
    edge_index: Int[Tensor, "2 edges"], nodes: int
) -> tuple[Int[Tensor, " pointers"], Int[Tensor, " edges"]]:
    """Where the neighbors of each node begin, and the neighbors of all nodes.

    Those of ``i`` are ``neighbors[begin[i] : begin[i + 1]]``.

    Examples
    --------
    >>> begin, neighbors = compressed_rows(torch.tensor([[2, 0, 2], [1, 2, 0]]), 3)
    >>> begin.tolist(), neighbors.tolist()
    ([0, 1, 1, 3], [2, 0, 1])
    """
    check_edges(edge_index, nodes)
    source, target = edge_index[:, edge_index[1].argsort()]
    begin = torch.zeros(nodes + 1, dtype=torch.long, device=edge_index.device)
    begin[1:] = source.bincount(minlength=nodes).cumsum(0)
    return begin, target[source.argsort(stable=True)]
