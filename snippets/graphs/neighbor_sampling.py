"""Neighbor sampling: a fixed number of random neighbors for each node and layer.

Hamilton, Ying, and Leskovec (2017), https://arxiv.org/abs/1706.02216, algorithm 2

Symbols of the paper and their names here: ``S_k`` is entry ``k - 1`` of ``fan_outs``.

Parallel edges count as often as they occur, a self-loop makes a node one of its own
neighbors, and an edge counts for its target only.

Axes::

    nodes    vertices of the graph
    edges    columns of ``edge_index``: its row 0 is the source, row 1 the target
    batch    nodes whose embeddings are wanted
    fan_out  neighbors drawn for each of them
    tree     the axes of one level of a tree: ``batch``, then one axis for each step
"""

import torch
from jaxtyping import Int
from torch import Tensor

from snippets.graphs.adjacency_matrix import check_edges, compressed_rows


def draw(
    level: Int[Tensor, "*tree"],
    begin: Int[Tensor, " pointers"],
    sources: Int[Tensor, " edges"],
    fan_out: int,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "*tree fan_out"]:
    """Neighbors of each node, with replacement; -1 where there is none to draw."""
    degree = (begin[level + 1] - begin[level]).where(level >= 0, 0)[..., None]
    shape, device = (*level.shape, fan_out), level.device
    number = torch.randint(2**62, shape, generator=generator, device=device)
    place = begin[level][..., None] + number % degree.clamp(min=1)
    missing = sources.new_full((1,), -1)
    return torch.cat([sources, missing])[place.where(degree > 0, -1)]


def sampled_tree(
    targets: Int[Tensor, " batch"],
    edge_index: Int[Tensor, "2 edges"],
    nodes: int,
    fan_outs: tuple[int, ...],
    generator: torch.Generator | None = None,
) -> list[Int[Tensor, "batch ..."]]:
    """The nodes to read for ``targets``: a level has each node, then its sample.

    Parameters
    ----------
    fan_outs
        Neighbors per node in the first layer, in the second, and so on. The last layer
        is the first to be drawn.

    Raises
    ------
    ValueError
        If a fan-out is not positive, or a node does not exist.

    Examples
    --------
    Node 0 has the neighbor 1, which has none:

    >>> edge_index = torch.tensor([[1], [0]])
    >>> for level in sampled_tree(torch.tensor([0]), edge_index, 2, fan_outs=(1, 2)):
    ...     print(level.tolist())
    [[0, 1, 1]]
    [[[0, 1], [1, -1], [1, -1]]]
    """
    check_edges(targets.expand(2, -1), nodes)
    if min(fan_outs, default=1) < 1:
        raise ValueError(f"cannot draw {fan_outs=} neighbors")
    begin, sources = compressed_rows(edge_index.flip(0), nodes)
    level, levels = targets, []
    for fan_out in reversed(fan_outs):
        sample = draw(level, begin, sources, fan_out, generator)
        level = torch.cat([level[..., None], sample], dim=-1)
        levels.append(level)
    return levels
