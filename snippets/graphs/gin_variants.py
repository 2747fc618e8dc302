"""GIN with other aggregators: a mean, a maximum, or the weights of a GCN.

Xu, Hu, Leskovec, and Jegelka (2018), https://arxiv.org/abs/1810.00826, section 5

Axes::

    nodes     vertices of all graphs together
    edges     columns of ``edge_index``: its row 0 is the source, row 1 the target
    features  features of a node
"""

from itertools import pairwise

import networkx as nx
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.graphs.adjacency_matrix import both_directions
from snippets.graphs.gcn import smooth
from snippets.graphs.gin import GINLayer, side_by_side
from snippets.graphs.message_passing import propagate, scatter_max, scatter_mean


class MeanLayer(GINLayer):
    """A GIN layer with the mean of the neighbors in place of their sum."""

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes out_features"]:
        """New features of all nodes."""
        return self.mlp((1 + self.eps) * x + propagate(x, edge_index, scatter_mean))


class MaxLayer(GINLayer):
    """A GIN layer with the maximum of the neighbors in place of their sum."""

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes out_features"]:
        """New features of all nodes."""
        return self.mlp((1 + self.eps) * x + propagate(x, edge_index, scatter_max))


class GCNLayer(GINLayer):
    """The weighted sum of a GCN, self-loops included, through a network."""

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes out_features"]:
        """New features of all nodes."""
        return self.mlp(smooth(x, edge_index))


VARIANTS = {"sum": GINLayer, "mean": MeanLayer, "max": MaxLayer, "GCN": GCNLayer}


def stack(
    layer: type[GINLayer], features: int, layers: int, activation: type = nn.Tanh
) -> nn.ModuleList:
    """Layers of width 16, whose MLPs have 16 hidden units and ``eps=0.1``."""
    widths = [features] + [16] * layers
    return nn.ModuleList(
        layer(nn.Sequential(nn.Linear(i, 16), activation(), nn.Linear(16, o)), eps=0.1)
        for i, o in pairwise(widths)
    )


def batch(
    graphs: list[nx.Graph],
) -> tuple[Int[Tensor, "2 edges"], Int[Tensor, " nodes"]]:
    """Edges of undirected graphs side by side, and the graph of each node."""
    edges = [both_directions(torch.tensor(list(graph.edges)).T) for graph in graphs]
    return side_by_side(edges, [len(graph) for graph in graphs])
