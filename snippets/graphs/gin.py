"""Graph isomorphism network (GIN): sums over neighbors, each followed by an MLP.

Xu, Hu, Leskovec, and Jegelka (2018), https://arxiv.org/abs/1810.00826

Symbols of the paper and their names here: ``h_v`` is a row of ``x``, epsilon is
``eps``, ``READOUT`` is ``readout``, ``h_G`` is its row for a graph.

Parallel edges count as often as they occur, a self-loop makes a node one of its own
neighbors, and an edge counts for its target only.

Axes::

    nodes      vertices of all graphs, one graph after the other
    edges      columns of ``edge_index``: its row 0 is the source, row 1 the target
    features   features of a node
    graphs     graphs of a batch
    embedding  features of a graph: those of all layers side by side
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.graphs.adjacency_matrix import check_edges
from snippets.graphs.message_passing import propagate, scatter_sum


def side_by_side(
    graphs: list[Int[Tensor, "2 _"]], sizes: list[int]
) -> tuple[Int[Tensor, "2 edges"], Int[Tensor, " nodes"]]:
    """Several graphs as one without edges between them, and the graph of each node.

    Raises
    ------
    ValueError
        If an edge names a node that its graph does not have.

    Examples
    --------
    >>> edge = torch.tensor([[0, 1], [1, 0]])
    >>> side_by_side([edge, edge], sizes=[3, 2])
    (tensor([[0, 1, 3, 4],
            [1, 0, 4, 3]]), tensor([0, 0, 0, 1, 1]))
    """
    shifted, start = [], 0
    for edge_index, nodes in zip(graphs, sizes, strict=True):
        check_edges(edge_index, nodes)
        shifted.append(edge_index.long() + start)
        start += nodes
    graph = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return torch.cat(shifted, dim=1), graph


class GINLayer(nn.Module):
    """A node's features, scaled, plus the sum of its neighbors', through a network.

    Parameters
    ----------
    mlp
        Maps the features of a node. Without a hidden layer, sums stay sums.
    eps
        A node's own features are multiplied by ``1 + eps``.
    """

    def __init__(self, mlp: nn.Module, *, eps: float = 0.0) -> None:
        super().__init__()
        self.mlp, self.eps = mlp, eps

    def forward(
        self,
        x: Float[Tensor, "nodes features"],
        edge_index: Int[Tensor, "2 edges"],
    ) -> Float[Tensor, "nodes out_features"]:
        """New features of all nodes."""
        return self.mlp((1 + self.eps) * x + propagate(x, edge_index))

    def dense(
        self,
        x: Float[Tensor, "nodes features"],
        adjacency: Float[Tensor, "nodes nodes"],
    ) -> Float[Tensor, "nodes out_features"]:
        """The same as a product with the adjacency matrix and a heavier diagonal."""
        own = (1 + self.eps) * torch.eye(len(x), dtype=x.dtype)
        return self.mlp((adjacency.T + own) @ x)


def readout(
    layers: Iterable[nn.Module],
    x: Float[Tensor, "nodes features"],
    edge_index: Int[Tensor, "2 edges"],
    graph: Int[Tensor, " nodes"],
    graphs: int,
    pool: Callable = scatter_sum,
) -> Float[Tensor, "graphs embedding"]:
    """Pool the features of each graph before the first layer and after every layer.

    Raises
    ------
    ValueError
        If a node belongs to no graph.
    """
    if len(graph) and not 0 <= int(graph.min()) <= int(graph.max()) < graphs:
        raise ValueError(f"nodes of graphs {graph.unique().tolist()}, {graphs=}")
    levels = [x]
    for layer in layers:
        levels.append(layer(levels[-1], edge_index))
    return torch.cat([pool(h, graph, graphs) for h in levels], dim=1)


class GIN(nn.Module):
    """Layers whose MLPs have one hidden layer, and a sum over each graph.

    Raises
    ------
    ValueError
        If a width is not positive, or a node belongs to no graph.
    """

    def __init__(self, *, widths: tuple[int, ...], eps: float = 0.0) -> None:
        super().__init__()
        if min(widths, default=0) < 1:
            raise ValueError(f"cannot build layers of {widths=}")
        self.layers = nn.ModuleList(
            GINLayer(
                nn.Sequential(nn.Linear(i, o), nn.ReLU(), nn.Linear(o, o)), eps=eps
            )
            for i, o in pairwise(widths)
        )

    def forward(
        self,
        x: Float[Tensor, "nodes features"],
        edge_index: Int[Tensor, "2 edges"],
        graph: Int[Tensor, " nodes"],
        graphs: int,
    ) -> Float[Tensor, "graphs embedding"]:
        """An embedding of each graph, the same for any order of its nodes."""
        return readout(self.layers, x, edge_index, graph, graphs)
