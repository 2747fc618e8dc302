"""Lookup in a tree: leaves hold keys and values, and the root asks for one key.

After the problem NeighborsMatch of Alon and Yahav (2021),
https://arxiv.org/abs/2006.05205, simplified

Axes::

    batch   trees, all of one shape; together they are one graph
    leaves  leaves of one tree, a power of two
    edges   from the children to their parents, or from the leaves to the root
    kept    nodes that still matter at the root
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.graphs.message_passing import MessagePassing

VALUES = 4


class Questions(NamedTuple):
    """One question for each tree, and its answer."""

    asked: Int[Tensor, " batch"]
    key: Int[Tensor, "batch leaves"]
    value: Int[Tensor, "batch leaves"]
    answer: Int[Tensor, " batch"]


def questions(batch: int, leaves: int) -> Questions:
    """Each key once, in random order, with random values; the root asks for one."""
    key = torch.rand(batch, leaves).argsort(dim=1)
    value = torch.randint(VALUES, (batch, leaves))
    asked = torch.randint(leaves, (batch,))
    return Questions(asked, key, value, value[key == asked[:, None]])


def tree_edges(batch: int, leaves: int) -> Int[Tensor, "2 edges"]:
    """From each node to its parent: node 0 is the root, 2i + 1 and 2i + 2 below i.

    Examples
    --------
    >>> tree_edges(batch=1, leaves=4)
    tensor([[1, 2, 3, 4, 5, 6],
            [0, 0, 1, 1, 2, 2]])
    """
    source = torch.arange(1, 2 * leaves - 1)
    return repeated(torch.stack([source, (source - 1) // 2]), batch, leaves)


def direct_edges(batch: int, leaves: int) -> Int[Tensor, "2 edges"]:
    """From each leaf to the root.

    Examples
    --------
    >>> direct_edges(batch=1, leaves=4)
    tensor([[3, 4, 5, 6],
            [0, 0, 0, 0]])
    """
    source = torch.arange(leaves - 1, 2 * leaves - 1)
    return repeated(torch.stack([source, 0 * source]), batch, leaves)


def repeated(
    one: Int[Tensor, "2 own"], batch: int, leaves: int
) -> Int[Tensor, "2 edges"]:
    """The edges of one tree for each tree of the batch."""
    first = (2 * leaves - 1) * torch.arange(batch)
    return (one[:, None] + first[:, None]).flatten(1)


def toward_roots(
    edge_index: Int[Tensor, "2 edges"], batch: int, leaves: int, layers: int
) -> list[tuple[Int[Tensor, " kept"], Int[Tensor, "2 _"]]]:
    """For each layer, the nodes whose features can still reach a root, and their edges.

    Nodes are given by their place among those of the layer before.

    Examples
    --------
    Of a tree with four leaves, the second layer needs the root and its children:

    >>> one, two = toward_roots(tree_edges(1, 4), batch=1, leaves=4, layers=2)
    >>> two
    (tensor([0, 1, 2]), tensor([[1, 2],
            [0, 0]]))
    """
    source, target = edge_index
    nodes = batch * (2 * leaves - 1)
    needed = [torch.arange(nodes) % (2 * leaves - 1) == 0]
    for _ in range(layers):
        heard = source[needed[0][target]]
        needed.insert(0, needed[0].index_fill(0, heard, True))
    parts, before = [], torch.ones(nodes, dtype=torch.bool)
    for own, after in pairwise(needed):
        kept = own[before].nonzero()[:, 0]
        place = own.cumsum(0) - 1
        parts.append((kept, place[edge_index[:, after[target]]]))
        before = own
    return parts


class Lookup(nn.Module):
    """Message passing with skip connections, and a value's scores at the root."""

    def __init__(self, *, leaves: int, features: int, layers: int) -> None:
        super().__init__()
        self.asked = nn.Embedding(leaves, features)
        self.key = nn.Embedding(leaves, features)
        self.value = nn.Embedding(VALUES, features)
        self.layers = nn.ModuleList(
            MessagePassing(features=features, edge_features=0) for _ in range(layers)
        )
        self.out = nn.Linear(features, VALUES)

    def forward(
        self, questions: Questions, parts: list[tuple[Tensor, Tensor]]
    ) -> Float[Tensor, "batch values"]:
        """Scores of the values, before the softmax; ``parts`` as ``toward_roots``."""
        leaf = self.key(questions.key) + self.value(questions.value)
        batch, leaves, features = leaf.shape
        between = leaf.new_zeros(batch, leaves - 2, features)
        root = self.asked(questions.asked)[:, None]
        x = torch.cat([root, between, leaf], dim=1).flatten(0, 1)
        for layer, (kept, edges) in zip(self.layers, parts, strict=True):
            x = x[kept]
            x = x + layer(x, edges, x.new_zeros(edges.shape[1], 0))
        return self.out(x.unflatten(0, (batch, -1))[:, 0])


def train(
    model: Lookup,
    edge_index: Int[Tensor, "2 edges"],
    *,
    batch: int,
    leaves: int,
    steps: int,
    rate: float = 5e-3,
) -> list[float]:
    """Share of right answers to each new batch, before its step of Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    parts = toward_roots(edge_index, batch, leaves, len(model.layers))
    right = []
    for _ in range(steps):
        drawn = questions(batch, leaves)
        scores = model(drawn, parts)
        right.append((scores.argmax(dim=1) == drawn.answer).double().mean().item())
        loss = cross_entropy(scores, drawn.answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return right
