"""Product quantization: centers learned for each run of coordinates.

Jegou, Douze and Schmid (2011), https://doi.org/10.1109/TPAMI.2010.57

Axes::

    batch    vectors
    dim      coordinates of a vector, ``parts * width``
    parts    runs of neighboring coordinates
    centers  vectors that a run can be rounded to
    width    coordinates of a run
"""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor


def nearest_center(
    x: Float[Tensor, "*parts batch width"],
    centers: Float[Tensor, "*parts centers width"],
) -> Int[Tensor, "*parts batch"]:
    """The number of the center at the least distance.

    Of the squared distance, the square of ``x`` is left out: it is the same for all.

    Examples
    --------
    >>> nearest_center(torch.tensor([[0.4], [0.6]]), torch.tensor([[0.0], [1.0]]))
    tensor([0, 1])
    """
    half = centers.square().sum(dim=-1)[..., None, :] / 2
    return (half - x @ centers.mT).argmin(dim=-1)


def learn_centers(
    x: Float[Tensor, "batch dim"],
    width: int,
    random: Generator,
    centers: int = 256,
    rounds: int = 8,
) -> Float[Tensor, "parts centers width"]:
    """k-means of each part of the vectors, from random ones of them.

    A number of a center takes ``log2(centers)`` bits for ``width`` coordinates.

    Raises
    ------
    ValueError
        If there are fewer vectors than centers.
    """
    if len(x) < centers:
        raise ValueError(f"{len(x)} vectors for {centers} centers")
    found = []
    for part in x.split(width, dim=1):
        means = part[torch.randperm(len(part), generator=random)[:centers]]
        for _ in range(rounds):
            nearest = nearest_center(part, means)
            count = nearest.bincount(minlength=centers)[:, None]
            sums = torch.zeros_like(means).index_add(0, nearest, part)
            means = torch.where(count > 0, sums / count.clamp(min=1), means)
        found.append(means)
    return torch.stack(found)


def product_quantized(
    x: Float[Tensor, "batch dim"], centers: Float[Tensor, "parts centers width"]
) -> Float[Tensor, "batch dim"]:
    """What is left of ``x`` after storing it: each part is the nearest center."""
    parts = x.unflatten(1, (len(centers), -1)).transpose(0, 1)
    nearest = nearest_center(parts, centers)
    stored = centers[torch.arange(len(centers))[:, None], nearest]
    return stored.transpose(0, 1).flatten(1)
