"""Graphs with three neighbors per node or four, and networks that tell which.

Axes::

    graphs   graphs of a batch
    nodes    vertices of all graphs together
    edges    columns of ``edge_index``: its row 0 is the source, row 1 the target
    classes  three neighbors, or four
"""

from typing import NamedTuple

import networkx as nx
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import one_hot

from snippets.graphs.gin import GINLayer, readout
from snippets.graphs.gin_variants import batch, stack
from snippets.graphs.message_passing import propagate, scatter_mean

SIZE = 10  # nodes of each graph


class Graphs(NamedTuple):
    """Edges, the graph of each node, features, and the class of each graph."""

    edge_index: Int[Tensor, "2 edges"]
    graph: Int[Tensor, " nodes"]
    x: Float[Tensor, "nodes features"]
    label: Int[Tensor, " graphs"]


def regular_graphs(first_seed: int, each: int = 40) -> Graphs:
    """Graphs with three neighbors per node, then with four; two random kinds of nodes.

    Examples
    --------
    >>> edge_index, graph, x, label = regular_graphs(0, each=1)
    >>> edge_index.shape, x.shape, label
    (torch.Size([2, 70]), torch.Size([20, 2]), tensor([0, 1]))
    """
    seeds = range(first_seed, first_seed + each)
    graphs = [nx.random_regular_graph(d, SIZE, seed=s) for d in (3, 4) for s in seeds]
    random = torch.Generator().manual_seed(first_seed)
    kind = one_hot(torch.randint(2, (len(graphs) * SIZE,), generator=random), 2)
    return Graphs(*batch(graphs), kind.float(), torch.arange(2 * each) // each)


def with_degrees(graphs: Graphs) -> Graphs:
    """The same, with the degree of each node as one more feature."""
    degree = propagate(torch.ones(len(graphs.x), 1), graphs.edge_index)
    return graphs._replace(x=torch.cat([graphs.x, degree], dim=1))


class Classifier(nn.Module):
    """Three layers of one kind, the mean over the nodes, and a linear map."""

    def __init__(self, layer: type[GINLayer], features: int) -> None:
        super().__init__()
        self.layers = stack(layer, features, 3, nn.ReLU)
        self.answer = nn.Linear(features + 48, 2)

    def forward(self, graphs: Graphs) -> Float[Tensor, "graphs classes"]:
        """Class scores, before the softmax."""
        edge_index, graph, x, label = graphs
        sizes = len(label), scatter_mean
        return self.answer(readout(self.layers, x, edge_index, graph, *sizes))
