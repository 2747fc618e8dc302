"""The karate club: 34 members, 78 friendships, and the two clubs they became.

Zachary (1977), https://doi.org/10.1086/jar.33.4.3629752

Axes::

    nodes  members; 0 is the instructor, 33 the club's president
    edges  friendships, each in both directions
"""

import networkx as nx
import torch
from jaxtyping import Int
from torch import Tensor

from snippets.graphs.adjacency_matrix import both_directions


def karate_club() -> tuple[Int[Tensor, "2 edges"], Int[Tensor, " nodes"]]:
    """Friendships as ``edge_index``, and who followed the president (1) or not (0).

    Examples
    --------
    >>> edge_index, faction = karate_club()
    >>> edge_index.shape, len(faction)
    (torch.Size([2, 156]), 34)
    """
    club = nx.karate_club_graph()
    edge_index = both_directions(torch.tensor(list(club.edges)).T)
    follows = [club.nodes[member]["club"] == "Officer" for member in club]
    return edge_index, torch.tensor(follows).long()


def seats() -> dict[int, tuple[float, float]]:
    """A place in the plane for each member, friends near each other."""
    return nx.kamada_kawai_layout(nx.karate_club_graph(), weight=None)
