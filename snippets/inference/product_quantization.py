"""Product quantization: centers learned for each pair of coordinates.

Jegou, Douze and Schmid (2011), https://doi.org/10.1109/TPAMI.2010.57

Axes::

    batch  vectors
    dim    coordinates of a vector, an even number
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor


def product_quantized(
    x: Float[Tensor, "batch dim"], bits: int, random: Generator, rounds: int = 8
) -> Float[Tensor, "batch dim"]:
    """What is left of ``x`` after storing it, with centers learned from ``x`` itself.

    Each pair of coordinates is clustered by k-means with ``4**bits`` centers, so that
    a coordinate takes ``bits`` bits. The centers are not counted.

    Raises
    ------
    ValueError
        If there are fewer vectors than centers.
    """
    centers_per_pair = 4**bits
    if len(x) < centers_per_pair:
        raise ValueError(f"{len(x)} vectors for {centers_per_pair} centers")
    stored = []
    for pair in x.split(2, dim=1):
        first = torch.randperm(len(pair), generator=random)[:centers_per_pair]
        centers = pair[first]
        for _ in range(rounds):
            nearest = torch.cdist(pair, centers).argmin(dim=1)
            count = nearest.bincount(minlength=centers_per_pair).clamp(min=1)[:, None]
            centers = torch.zeros_like(centers).index_add(0, nearest, pair) / count
        stored.append(centers[torch.cdist(pair, centers).argmin(dim=1)])
    return torch.cat(stored, dim=1)
