"""Junk graphs: half of the nodes are linked to anybody, and their features are noise.

The noise in the first three features of junk has four times the standard deviation of
that of ordinary nodes, so junk dominates a sum or a mean over neighbors.

Axes::

    nodes     vertices of all graphs together, 150 for each
    edges     columns of ``edge_index``, each edge in both directions
    features  0 to 2 hint at the class of ordinary nodes, 3 tells junk, others are noise
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from snippets.graphs.adjacency_matrix import edges_of

NODES, CLASSES = 150, 3


class JunkGraph(NamedTuple):
    """Features, edges, the class of each node, and which nodes are junk."""

    x: Float[Tensor, "nodes 6"]
    edge_index: Int[Tensor, "2 edges"]
    label: Int[Tensor, " nodes"]
    junk: Bool[Tensor, " nodes"]


def junk_graph(seed: int) -> JunkGraph:
    """Ordinary nodes are linked with probability 0.14 within a class, else 0.015.

    Junk nodes are linked to any node with probability 0.1. Feature 3 is 1 for junk and
    -1 otherwise.
    """
    random = torch.Generator().manual_seed(seed)
    label = torch.randint(CLASSES, (NODES,), generator=random)
    junk = torch.rand(NODES, generator=random) < 0.5
    chance = torch.where(label[:, None] == label, 0.14, 0.015)
    chance[junk], chance[:, junk] = 0.1, 0.1
    linked = torch.rand(NODES, NODES, generator=random) < chance
    x = torch.randn(NODES, 6, generator=random)
    x[:, :CLASSES] *= 1 + 3 * junk[:, None].float()
    x[:, :CLASSES] += one_hot(label, CLASSES) * ~junk[:, None]
    x[:, 3] = 2.0 * junk - 1
    once = linked.float().triu(1)
    return JunkGraph(x, edges_of(once + once.T), label, junk)


def without_edges(graph: JunkGraph) -> JunkGraph:
    """The nodes alone."""
    return graph._replace(edge_index=graph.edge_index[:, :0])


def without_junk(graph: JunkGraph) -> JunkGraph:
    """Without the edges from or to junk."""
    ordinary = ~graph.junk[graph.edge_index].any(dim=0)
    return graph._replace(edge_index=graph.edge_index[:, ordinary])


def without_flag(graph: JunkGraph) -> JunkGraph:
    """With feature 3 at zero, so that nothing but noise tells junk."""
    return graph._replace(x=graph.x * (torch.arange(6) != 3))


def together(seeds: Iterable[int]) -> JunkGraph:
    """Several junk graphs as one, without edges between them.

    Examples
    --------
    >>> x, edge_index, label, junk = together([0, 1])
    >>> x.shape, len(label), len(junk)
    (torch.Size([300, 6]), 300, 300)
    """
    graphs = [junk_graph(seed) for seed in seeds]
    x, edges, label, junk = zip(*graphs, strict=True)
    edges = [edge + NODES * number for number, edge in enumerate(edges)]
    return JunkGraph(
        torch.cat(x), torch.cat(edges, dim=1), torch.cat(label), torch.cat(junk)
    )
