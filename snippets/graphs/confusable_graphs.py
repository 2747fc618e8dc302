"""Pairs of graphs that some message passing networks, or all, cannot tell apart.

Xu, Hu, Leskovec, and Jegelka (2018), https://arxiv.org/abs/1810.00826, figures 2 and 3
"""

from collections.abc import Iterable

import networkx as nx


def stars(*leaves: str) -> nx.Graph:
    """A hub for each text, with a leaf of kind a or b for each of its letters.

    Examples
    --------
    >>> graph = stars("aab", "b")
    >>> [kind for _, kind in graph.nodes(data="kind")]
    [0, 1, 1, 2, 0, 2]
    """
    graph = nx.Graph()
    for text in leaves:
        hub = len(graph)
        graph.add_node(hub, kind=0)
        for kind in text:
            graph.add_node(len(graph), kind="_ab".index(kind))
            graph.add_edge(hub, len(graph) - 1)
    return graph


def fused(ring: Iterable[int], other: Iterable[int]) -> nx.Graph:
    """Two rings, which share the nodes that are in both lists."""
    return nx.compose(nx.cycle_graph(ring), nx.cycle_graph(other))


def bridged() -> nx.Graph:
    """Two rings of five that an edge connects: the carbon atoms of bicyclopentyl."""
    graph = fused(range(5), range(5, 10))
    graph.add_edge(0, 5)
    return graph


PAIRS = {
    "two kinds of leaves": (stars("aab", "abb"), stars("aabb", "ab")),
    "complete graph, ring": (nx.complete_graph(4), nx.cycle_graph(4)),
    "star, path": (nx.star_graph(3), nx.path_graph(4)),
    "two triangles, ring": (fused(range(3), range(3, 6)), nx.cycle_graph(6)),
    "decalin, bicyclopentyl": (fused(range(6), [0, 6, 7, 8, 9, 5]), bridged()),
}
