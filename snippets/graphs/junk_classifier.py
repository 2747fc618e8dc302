"""A network of two layers that tells the classes of ordinary nodes in junk graphs.

Axes::

    nodes    vertices of all graphs together
    edges    columns of ``edge_index``: its row 0 is the source, row 1 the target
    classes  scores of a node
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, elu

from snippets.graphs.gat import GraphAttention
from snippets.graphs.junk_graphs import CLASSES, JunkGraph
from snippets.graphs.message_passing import propagate, scatter_mean


class MeanLayer(nn.Module):
    """Own features and the mean of the neighbors', each with its own weights.

    This is GraphSAGE without its ReLU and its division by the length: a control without
    attention.
    """

    def __init__(self, *, features: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * features, hidden)

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes hidden"]:
        """New features of all nodes."""
        mean = propagate(x, edge_index, scatter_mean)
        return self.linear(torch.cat([x, mean], dim=1))


class Classifier(nn.Module):
    """Two layers of one kind with an ELU between them; attention has one head."""

    def __init__(self, layer: type[nn.Module]) -> None:
        super().__init__()
        heads = {"heads": 1} if issubclass(layer, GraphAttention) else {}
        self.first = layer(features=6, hidden=24, **heads)
        self.second = layer(features=24, hidden=CLASSES, **heads)

    def forward(
        self, x: Float[Tensor, "nodes 6"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes classes"]:
        """Class scores, before the softmax."""
        hidden = elu(self.first(x, edge_index).flatten(1))
        return self.second(hidden, edge_index).flatten(1)


def training(model: nn.Module, graph: JunkGraph, steps: int = 80) -> Iterator[int]:
    """Yield the number of steps of Adam so far; the loss sees ordinary nodes only."""
    optimizer = torch.optim.Adam(
        model.parameters(), lr=0.02, weight_decay=5e-4, fused=True
    )
    x, edge_index, label, junk = graph
    for step in range(steps):
        yield step
        loss = cross_entropy(model(x, edge_index)[~junk], label[~junk])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    yield steps


@torch.no_grad()
def accuracy(model: nn.Module, graph: JunkGraph) -> float:
    """Share of ordinary nodes that get their class."""
    x, edge_index, label, junk = graph
    right = model(x, edge_index).argmax(dim=1) == label
    return right[~junk].double().mean().item()
