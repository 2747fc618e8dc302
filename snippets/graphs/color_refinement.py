"""Color refinement (1-WL): nodes keep equal colors while their neighborhoods agree.

The one-dimensional case of Weisfeiler and Leman (1968), https://www.iti.zcu.cz/wl2018/

Parallel edges count as often as they occur, a self-loop makes a node one of its own
neighbors, and an edge counts for its target only.

Axes::

    nodes   vertices of all graphs, one graph after the other
    edges   columns of ``edge_index``: its row 0 is the source, row 1 the target
    graphs  graphs that are refined together
    colors  colors after the last round
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from snippets.graphs.adjacency_matrix import check_edges


def refine(
    colors: Int[Tensor, " nodes"], edge_index: Int[Tensor, "2 edges"]
) -> Int[Tensor, " nodes"]:
    """One round: new colors, equal if a node's color and its neighbors' were equal.

    Raises
    ------
    ValueError
        If an edge names a node that does not exist.

    Examples
    --------
    On a path of four nodes, the ends have one neighbor, the others two:

    >>> path = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
    >>> refine(torch.zeros(4, dtype=torch.long), path)
    tensor([0, 1, 1, 0])
    """
    check_edges(edge_index, len(colors))
    own = colors.tolist()
    neighbors = [[] for _ in own]
    for source, target in edge_index.T.tolist():
        neighbors[target].append(own[source])
    seen = [(c, *sorted(others)) for c, others in zip(own, neighbors, strict=True)]
    number = {signature: new for new, signature in enumerate(sorted(set(seen)))}
    return torch.tensor([number[signature] for signature in seen], dtype=torch.long)


def refine_dense(
    colors: Int[Tensor, " nodes"], adjacency: Float[Tensor, "nodes nodes"]
) -> Int[Tensor, " nodes"]:
    """The same as a product: a row counts the colors of a node's neighbors."""
    member = one_hot(colors).to(adjacency.dtype)
    rows = torch.cat([colors[:, None], adjacency.T @ member], dim=1)
    return rows.unique(dim=0, return_inverse=True)[1]


def refinements(
    colors: Int[Tensor, " nodes"], edge_index: Int[Tensor, "2 edges"]
) -> list[Int[Tensor, " nodes"]]:
    """Colors before the first round, after it, and so on until no color splits."""
    rounds = [colors.unique(return_inverse=True)[1]]
    for _ in range(len(colors)):  # each round but the last adds a color
        colors = refine(rounds[-1], edge_index)
        if torch.equal(colors, rounds[-1]):
            break
        rounds.append(colors)
    return rounds


def color_counts(
    colors: Int[Tensor, " nodes"],
    edge_index: Int[Tensor, "2 edges"],
    graph: Int[Tensor, " nodes"],
    graphs: int,
) -> Int[Tensor, "graphs colors"]:
    """How often each graph has each final color: different rows, different graphs.

    Raises
    ------
    ValueError
        If a node belongs to no graph.
    """
    check_edges(graph.expand(2, -1), graphs)
    final = refinements(colors, edge_index)[-1]
    counts = final.new_zeros(graphs, len(final.unique()))
    return counts.index_put((graph, final), final.new_ones(()), accumulate=True)
