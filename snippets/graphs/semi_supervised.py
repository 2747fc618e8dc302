"""Transductive training: all nodes enter the model, few enter the loss.

Kipf and Welling (2016), https://arxiv.org/abs/1609.02907, section 3.1

Axes::

    nodes     vertices of the graph
    edges     columns of ``edge_index``: its row 0 is the source, row 1 the target
    features  features of a node
    classes   scores of a node
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def training(
    model: nn.Module,
    x: Float[Tensor, "nodes features"],
    edge_index: Int[Tensor, "2 edges"],
    label: Int[Tensor, " nodes"],
    labeled: Int[Tensor, " labeled"],
    *,
    steps: int = 200,
    weight_decay: float = 0.0,
) -> Iterator[Float[Tensor, "nodes classes"]]:
    """Yield the scores of all nodes before each step of Adam, and after the last.

    Examples
    --------
    >>> from snippets.graphs.gcn import GCN
    >>> model, edges = GCN(features=2, hidden=4, classes=2), torch.tensor([[0], [1]])
    >>> run = training(model, torch.eye(2), edges, torch.tensor([0, 1]),
    ...                labeled=torch.tensor([0]), steps=3)
    >>> len(list(run))
    4
    """
    optimizer = torch.optim.Adam(
        model.parameters(), lr=0.01, weight_decay=weight_decay, fused=True
    )
    for step in range(steps + 1):
        scores = model(x, edge_index)
        yield scores.detach()
        if step < steps:
            loss = cross_entropy(scores[labeled], label[labeled])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def trained_scores(
    model: nn.Module,
    x: Float[Tensor, "nodes features"],
    edge_index: Int[Tensor, "2 edges"],
    label: Int[Tensor, " nodes"],
    labeled: Int[Tensor, " labeled"],
    *,
    steps: int = 200,
    weight_decay: float = 0.0,
) -> Float[Tensor, "nodes classes"]:
    """The scores of all nodes after ``training``."""
    settings = {"steps": steps, "weight_decay": weight_decay}
    *_, scores = training(model, x, edge_index, label, labeled, **settings)
    return scores
