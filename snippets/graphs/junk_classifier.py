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

from snippets.graphs.gcn import GraphConvolution
from snippets.graphs.junk_graphs import CLASSES, JunkGraph


class Classifier(nn.Module):
    """Two layers of one kind with an ELU between them; attention has one head."""

    def __init__(self, layer: type[nn.Module]) -> None:
        super().__init__()
        heads = {} if layer is GraphConvolution else {"heads": 1}
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
