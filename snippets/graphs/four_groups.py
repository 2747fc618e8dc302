"""Graphs of four groups of 50 nodes, and classifiers that are trained on them.

Axes::

    nodes    200 vertices, the groups one after the other
    edges    columns of ``edge_index``, each edge in both directions
    classes  scores of a node, one for each group
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from snippets.graphs.adjacency_matrix import edges_of
from snippets.graphs.graphsage import GraphSAGE
from snippets.graphs.neighbor_sampling import sampled_tree

GROUP = torch.arange(200) // 50
NO_EDGES = torch.zeros(2, 0, dtype=torch.long)


class Groups(NamedTuple):
    """Features and edges of a graph; the group of each node is in ``GROUP``."""

    x: Float[Tensor, "nodes 4"]
    edge_index: Int[Tensor, "2 edges"]


def groups(seed: int) -> Groups:
    """Nodes are linked with probability 0.12 within a group, otherwise 0.01.

    Features are one-hot vectors of the group plus noise of standard deviation 1.

    Examples
    --------
    >>> graph = groups(seed=0)
    >>> graph.x.shape, bool((graph.edge_index.diff(dim=0) != 0).all())
    (torch.Size([200, 4]), True)
    """
    random = torch.Generator().manual_seed(seed)
    chance = torch.where(GROUP[:, None] == GROUP, 0.12, 0.01)
    once = (torch.rand(200, 200, generator=random) < chance).float().triu(1)
    x = one_hot(GROUP, 4) + torch.randn(200, 4, generator=random)
    return Groups(x, edges_of(once + once.T))


class Classifier(nn.Module):
    """GraphSAGE with two layers of width 16, and a linear map to scores."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.answer = GraphSAGE(widths=(4, 16, 16)), nn.Linear(16, 4)

    def forward(
        self, graph: Groups, fan_outs: tuple[int, int] | None = None
    ) -> Float[Tensor, "nodes classes"]:
        """Scores from all neighbors, or from samples."""
        if fan_outs is None:
            return self.answer(self.embed(*graph))
        levels = sampled_tree(torch.arange(200), graph.edge_index, 200, fan_outs)
        return self.answer(self.embed.sampled(graph.x, levels))


def trained(
    graphs: list[Groups], seed: int, fan_outs: tuple[int, int] | None, steps: int = 80
) -> Classifier:
    """A classifier after Adam has seen all graphs in each step, in new samples."""
    torch.manual_seed(seed)
    model = Classifier()
    optimizer = torch.optim.Adam(
        model.parameters(), 0.01, weight_decay=1e-3, fused=True
    )
    for _ in range(steps):
        loss = sum(cross_entropy(model(graph, fan_outs), GROUP) for graph in graphs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.requires_grad_(False)


def accuracy(
    model: Classifier, graphs: list[Groups], fan_outs: tuple[int, int] | None = None
) -> float:
    """Share of the nodes of all graphs that get their group."""
    scores = torch.cat([model(graph, fan_outs) for graph in graphs])
    return (scores.argmax(dim=1) == GROUP.repeat(len(graphs))).double().mean().item()
