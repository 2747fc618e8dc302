"""Similarity graphs: points become nodes, and edges join points that are close.

von Luxburg (2007), section 2.2, https://arxiv.org/abs/0711.0189

Symbols of the source and their names here::

    epsilon, k, sigma    ``radius``, ``neighbors``, ``width``
    W                    the result, symmetric, with zeros on the diagonal

Axes::

    nodes     points
    features  coordinates of a point
"""

import torch
from jaxtyping import Float
from torch import Tensor


def distances(
    points: Float[Tensor, "nodes features"],
) -> Float[Tensor, "nodes nodes"]:
    """Between all points, from differences of coordinates.

    The default of ``torch.cdist`` for more than 25 points, a matrix product, cancels if
    the points are far from the origin.
    """
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


def radius_graph(
    points: Float[Tensor, "nodes features"], radius: float
) -> Float[Tensor, "nodes nodes"]:
    """An edge between points that are closer than ``radius`` (epsilon graph)."""
    if radius <= 0:
        raise ValueError(f"no point is closer than {radius=}")
    near = distances(points) < radius
    return near.to(points.dtype).fill_diagonal_(0)


def neighbor_graph(
    points: Float[Tensor, "nodes features"], neighbors: int
) -> Float[Tensor, "nodes nodes"]:
    """Weight 1 between points that are each among the other's nearest, 1/2 if one is.

    A point is not one of its own neighbors.

    Examples
    --------
    On a line, 0 and 1 are nearest to each other, and 1 is nearest to 3:

    >>> neighbor_graph(torch.tensor([[0.0], [1.0], [3.0]]), neighbors=1)
    tensor([[0.0000, 1.0000, 0.0000],
            [1.0000, 0.0000, 0.5000],
            [0.0000, 0.5000, 0.0000]])
    """
    if not 1 <= neighbors < len(points):
        raise ValueError(f"{neighbors=} of {len(points)} points")
    distance = distances(points).fill_diagonal_(torch.inf)
    nearest = distance.topk(neighbors, largest=False).indices
    chosen = torch.zeros_like(distance).scatter(1, nearest, 1.0)
    return (chosen + chosen.T) / 2


def gaussian_similarity(
    points: Float[Tensor, "nodes features"], width: float
) -> Float[Tensor, "nodes nodes"]:
    """``exp(-distance**2 / (2 * width**2))`` between all points.

    Examples
    --------
    >>> gaussian_similarity(torch.tensor([[0.0], [2.0]]), width=2.0)  # exp(-1/2)
    tensor([[0.0000, 0.6065],
            [0.6065, 0.0000]])
    """
    if width <= 0:
        raise ValueError(f"{width=} is not positive")
    distance = distances(points)
    similarity = torch.exp(-distance.square() / (2 * width**2))
    return (similarity + similarity.T).fill_diagonal_(0) / 2
