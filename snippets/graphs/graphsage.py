"""GraphSAGE: a node's features beside the mean of its neighbors' or of a sample.

Hamilton, Ying, and Leskovec (2017), https://arxiv.org/abs/1706.02216

Symbols of the paper and their names here::

    h_v, h_N(v)  ``own``, ``neighbors``
    W^k          ``linear``, its first half for ``own``, stored transposed
    S_k          fan-outs of a ``sampled_tree``

Parallel edges count as often as they occur, a self-loop makes a node one of its own
neighbors, and an edge counts for its target only. The mean over no neighbors is zero.

Axes::

    nodes    vertices of the graph
    edges    columns of ``edge_index``: its row 0 is the source, row 1 the target
    batch    nodes whose embeddings are wanted
    tree     the axes of one level of a sampled tree
"""

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from snippets.graphs.message_passing import propagate, scatter_mean


def averaging_matrix(
    adjacency: Float[Tensor, "nodes nodes"],
) -> Float[Tensor, "nodes nodes"]:
    """Row ``i`` averages over the neighbors of node ``i``; it is zero if none exist.

    Examples
    --------
    >>> averaging_matrix(torch.tensor([[0.0, 1.0], [3.0, 1.0]]))
    tensor([[0.0000, 1.0000],
            [0.5000, 0.5000]])
    """
    total = adjacency.T.sum(dim=1, keepdim=True)
    return adjacency.T / total.where(total != 0, 1)


def unit_length(h: Float[Tensor, "*tree features"]) -> Float[Tensor, "*tree features"]:
    """Nonnegative features over their length, at any scale; zeros stay zeros.

    Examples
    --------
    >>> unit_length(torch.tensor([[3e30, 4e30], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    largest = h.detach().amax(dim=-1, keepdim=True)
    scaled = h / largest.where(largest > 0, 1)
    return normalize(scaled, dim=-1, eps=0.5)  # the length is 0, or at least 1


class SAGELayer(nn.Module):
    """One layer with the mean aggregator, then a ReLU, then division by the length.

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
        neighbors: Float[Tensor, "*tree features"],
    ) -> Float[Tensor, "*tree out_features"]:
        """New features of nodes, from their ``own`` and the mean of ``neighbors``."""
        both = torch.cat([own, neighbors], dim=-1)
        return unit_length(self.linear(both).relu())

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes out_features"]:
        """New features of all nodes, from all of their neighbors."""
        return self.update(x, propagate(x, edge_index, scatter_mean))

    def dense(
        self,
        x: Float[Tensor, "nodes features"],
        adjacency: Float[Tensor, "nodes nodes"],
    ) -> Float[Tensor, "nodes out_features"]:
        """The same with matrices: one block of the weights for each half."""
        own, neighbors = self.linear.weight.chunk(2, dim=1)
        mixed = x @ own.T + averaging_matrix(adjacency) @ x @ neighbors.T
        return unit_length((mixed + self.linear.bias).relu())


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
            neighbors = h[..., 1:, :].where(present, 0.0).mean(dim=-2)
            h = layer.update(h[..., 0, :], neighbors)
        return h
