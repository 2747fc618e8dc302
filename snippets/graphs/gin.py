"""Graph isomorphism network: sums of neighbors, which forget nothing that colors know.

Xu, Hu, Leskovec, and Jegelka (2018), https://arxiv.org/abs/1810.00826

A node hears the sources of the edges that lead to it: each parallel edge once, itself
over a self-loop, nobody if it is isolated.

Axes::

    nodes      vertices of all graphs, one graph after the other
    edges      columns of ``edge_index``: its row 0 is the source, row 1 the target
    features   features of a node
    graphs     graphs of a batch
    embedding  features of a graph: those of all layers side by side
"""

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.graphs.adjacency_matrix import check_edges
from snippets.graphs.message_passing import propagate, scatter_sum


def refine(
    colors: Int[Tensor, " nodes"], edge_index: Int[Tensor, "2 edges"]
) -> Int[Tensor, " nodes"]:
    """New colors: equal for nodes with equal colors and equally colored neighbors.

    Raises
    ------
    ValueError
        If an edge names a node that does not exist.

    Examples
    --------
    The ends of a path of four nodes hear one neighbor, the others two:

    >>> path = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
    >>> refine(torch.zeros(4, dtype=torch.long), path)
    tensor([0, 1, 1, 0])
    """
    check_edges(edge_index, len(colors))
    own = colors.tolist()
    heard = [[] for _ in own]
    for source, target in edge_index.T.tolist():
        heard[target].append(own[source])
    seen = [(color, *sorted(others)) for color, others in zip(own, heard, strict=True)]
    number = {signature: new for new, signature in enumerate(sorted(set(seen)))}
    return torch.tensor([number[signature] for signature in seen], dtype=torch.long)


def refine_dense(
    colors: Int[Tensor, " nodes"], adjacency: Float[Tensor, "nodes nodes"]
) -> Int[Tensor, " nodes"]:
    """The same as a product: a row counts the colors that a node hears."""
    member = nn.functional.one_hot(colors).to(adjacency.dtype)
    rows = torch.cat([colors[:, None], adjacency.T @ member], dim=1)
    return rows.unique(dim=0, return_inverse=True)[1]


def refinements(
    colors: Int[Tensor, " nodes"], edge_index: Int[Tensor, "2 edges"]
) -> list[Int[Tensor, " nodes"]]:
    """Colors before the first round, after it, and so on until no color splits."""
    rounds = [colors.unique(return_inverse=True)[1]]
    for _ in range(len(colors)):  # each round but the last adds a color
        colors = refine(rounds[-1], edge_index)
        if torch.equal(colors, rounds[-1]):
            break
        rounds.append(colors)
    return rounds


def side_by_side(
    graphs: list[Int[Tensor, "2 _"]], sizes: list[int]
) -> tuple[Int[Tensor, "2 edges"], Int[Tensor, " nodes"]]:
    """Several graphs as one without edges between them, and whose each node is.

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
    whose = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return torch.cat(shifted, dim=1), whose


def color_counts(
    colors: Int[Tensor, " nodes"],
    edge_index: Int[Tensor, "2 edges"],
    graph: Int[Tensor, " nodes"],
) -> Int[Tensor, "graphs colors"]:
    """How often each graph has each final color: different rows, different graphs."""
    final = nn.functional.one_hot(refinements(colors, edge_index)[-1])
    counts = final.new_zeros(int(graph.max()) + 1, final.shape[1])
    return counts.index_add(0, graph, final)


class GINLayer(nn.Module):
    """A node's features, scaled, plus the sum of its neighbors', through a network.

    Parameters
    ----------
    mlp
        Maps the features of a node; with a hidden layer, or sums stay sums.
    eps
        By how much more than a neighbor's a node's own features count.
    """

    def __init__(self, mlp: nn.Module, *, eps: float = 0.0) -> None:
        super().__init__()
        self.mlp, self.eps = mlp, eps

    def forward(
        self,
        x: Float[Tensor, "nodes features"],
        edge_index: Int[Tensor, "2 edges"],
    ) -> Float[Tensor, "nodes out_features"]:
        """Features of the nodes after they heard their neighbors once."""
        return self.mlp((1 + self.eps) * x + propagate(x, edge_index))

    def dense(
        self,
        x: Float[Tensor, "nodes features"],
        adjacency: Float[Tensor, "nodes nodes"],
    ) -> Float[Tensor, "nodes out_features"]:
        """The same as a product with the adjacency matrix and a heavier diagonal."""
        own = (1 + self.eps) * torch.eye(len(x), dtype=x.dtype)
        return self.mlp((adjacency.T + own) @ x)


class GIN(nn.Module):
    """Layers, and the sums over each graph of what every layer knows.

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
        if len(graph) and not 0 <= int(graph.min()) <= int(graph.max()) < graphs:
            raise ValueError(f"nodes of graphs {graph.unique().tolist()}, {graphs=}")
        known = [x]
        for layer in self.layers:
            known.append(layer(known[-1], edge_index))
        return torch.cat([scatter_sum(h, graph, graphs) for h in known], dim=1)
