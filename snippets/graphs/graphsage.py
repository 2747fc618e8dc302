"""GraphSAGE: a node listens to a sample of its neighbors, by a rule learned once.

Hamilton, Ying, and Leskovec (2017), https://arxiv.org/abs/1706.02216

Parallel edges count as often as they occur, a self-loop makes a node one of its own
neighbors, an edge of one direction is heard by its target. Who has no neighbors hears
zeros.

Axes::

    nodes    vertices of the graph
    edges    columns of ``edge_index``: its row 0 is the source, row 1 the target
    batch    nodes that are asked for
    fan_out  neighbors drawn for each of them
    tree     the axes of one level of a tree: ``batch``, then one axis for each step
"""

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from snippets.graphs.adjacency_matrix import check_edges, compressed_rows
from snippets.graphs.message_passing import propagate, scatter_mean


def averaging_matrix(
    adjacency: Float[Tensor, "nodes nodes"],
) -> Float[Tensor, "nodes nodes"]:
    """Row ``i`` averages over what node ``i`` hears; it is zero if that is nothing.

    Examples
    --------
    >>> averaging_matrix(torch.tensor([[0.0, 1.0], [3.0, 1.0]]))
    tensor([[0.0000, 1.0000],
            [0.5000, 0.5000]])
    """
    heard = adjacency.T
    total = heard.sum(dim=1, keepdim=True)
    return heard / total.where(total != 0, 1)


class SAGELayer(nn.Module):
    """A node's features beside the mean of its neighbors', mapped to length one.

    Raises
    ------
    ValueError
        If a width is not positive.
    """

    def __init__(self, *, in_features: int, out_features: int) -> None:
        super().__init__()
        if min(in_features, out_features) < 1:
            raise ValueError(f"cannot map {in_features=} to {out_features=}")
        self.linear = nn.Linear(2 * in_features, out_features)

    def update(
        self,
        own: Float[Tensor, "*tree features"],
        heard: Float[Tensor, "*tree features"],
    ) -> Float[Tensor, "*tree out_features"]:
        """Features of nodes that have ``own`` ones and heard the mean ``heard``."""
        both = torch.cat([own, heard], dim=-1)
        return normalize(self.linear(both).relu(), dim=-1)

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes out_features"]:
        """Features of all nodes after each heard all of its neighbors."""
        return self.update(x, propagate(x, edge_index, scatter_mean))

    def dense(
        self,
        x: Float[Tensor, "nodes features"],
        adjacency: Float[Tensor, "nodes nodes"],
    ) -> Float[Tensor, "nodes out_features"]:
        """The same with matrices: one block of the weights for each half."""
        own, heard = self.linear.weight.chunk(2, dim=1)
        mixed = x @ own.T + averaging_matrix(adjacency) @ x @ heard.T
        return normalize((mixed + self.linear.bias).relu(), dim=-1)


def draw(
    level: Int[Tensor, "*tree"],
    begin: Int[Tensor, " pointers"],
    sources: Int[Tensor, " edges"],
    fan_out: int,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "*tree fan_out"]:
    """Neighbors of each node, with replacement; -1 where there is none to draw."""
    degree = (begin[level + 1] - begin[level]).where(level >= 0, 0)[..., None]
    number = torch.randint(2**62, (*level.shape, fan_out), generator=generator)
    place = begin[level][..., None] + number % degree.clamp(min=1)
    nobody = sources.new_full((1,), -1)
    return torch.cat([sources, nobody])[place.where(degree > 0, -1)]


def sampled_tree(
    targets: Int[Tensor, " batch"],
    edge_index: Int[Tensor, "2 edges"],
    nodes: int,
    fan_outs: tuple[int, ...],
    generator: torch.Generator | None = None,
) -> list[Int[Tensor, "batch ..."]]:
    """Whom we ask for the sake of ``targets``: each level is a node, then its sample.

    Parameters
    ----------
    fan_outs
        Neighbors per node in the first layer, in the second, and so on. The last layer
        is the first to be drawn.

    Raises
    ------
    ValueError
        If a fan-out is not positive, or a node does not exist.

    Examples
    --------
    Node 0 hears node 1, which hears nobody:

    >>> edge_index = torch.tensor([[1], [0]])
    >>> for level in sampled_tree(torch.tensor([0]), edge_index, 2, fan_outs=(1, 2)):
    ...     print(level.tolist())
    [[0, 1, 1]]
    [[[0, 1], [1, -1], [1, -1]]]
    """
    check_edges(targets.expand(2, -1), nodes)
    if min(fan_outs, default=1) < 1:
        raise ValueError(f"cannot draw {fan_outs=} neighbors")
    begin, sources = compressed_rows(edge_index.flip(0), nodes)
    level, levels = targets, []
    for fan_out in reversed(fan_outs):
        sample = draw(level, begin, sources, fan_out, generator)
        level = torch.cat([level[..., None], sample], dim=-1)
        levels.append(level)
    return levels


class GraphSAGE(nn.Module):
    """Layers from one width to the next, for whole graphs or for sampled trees."""

    def __init__(self, *, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            SAGELayer(in_features=before, out_features=after)
            for before, after in pairwise(widths)
        )

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes out_features"]:
        """Embeddings of all nodes, from all of their neighbors."""
        for layer in self.layers:
            x = layer(x, edge_index)
        return x

    def sampled(
        self, x: Float[Tensor, "nodes features"], levels: list[Int[Tensor, "batch ..."]]
    ) -> Float[Tensor, "batch out_features"]:
        """Embeddings of the targets of a ``sampled_tree`` of as many levels as layers.

        Raises
        ------
        ValueError
            If the tree has more or fewer levels than there are layers.
        """
        h = x[levels[-1]]
        for layer, level in zip(self.layers, reversed(levels), strict=True):
            present = level[..., 1:, None] >= 0
            heard = h[..., 1:, :].where(present, 0.0).mean(dim=-2)
            h = layer.update(h[..., 0, :], heard)
        return h
