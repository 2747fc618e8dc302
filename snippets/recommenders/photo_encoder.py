"""Train a small network that maps photos to vectors, and apply it.

Axes::

    items    photos with a vector
    pixels   of a photo
    factors  entries of a vector
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor, nn

from snippets.generative.clip import normalize

WIDTH, BATCH, RATE = 128, 200, 5e-3

Loss = Callable[[Tensor, Tensor], Tensor]


def train_encoder(
    pixels: Float[ndarray, "items pixels"],
    vectors: Float[ndarray, "_ factors"],
    loss: Loss,
    seed: int = 0,
    epochs: int = 30,
) -> nn.Sequential:
    """One hidden layer, trained by Adam on batches of photos and their vectors.

    Vectors are divided by their root mean square, so that one rate suits any scale.

    Raises
    ------
    ValueError
        If there are not as many vectors as photos, or all vectors are zero.
    """
    if len(pixels) != len(vectors):
        raise ValueError(f"{len(pixels)} photos and {len(vectors)} vectors")
    if not vectors.any():
        raise ValueError(f"{len(vectors)} vectors of zeros have no scale")
    photos, targets = (torch.from_numpy(x).float() for x in (pixels, vectors))
    targets = targets / targets.square().mean().sqrt()
    generator = torch.Generator().manual_seed(seed)
    sizes = photos.shape[1], WIDTH, targets.shape[1]
    layers = [nn.utils.skip_init(nn.Linear, *pair) for pair in pairwise(sizes)]
    for layer in layers:
        bound = layer.in_features**-0.5
        for values in layer.parameters():
            nn.init.uniform_(values, -bound, bound, generator=generator)
    encoder = nn.Sequential(layers[0], nn.ReLU(), layers[1])
    optimizer = torch.optim.Adam(encoder.parameters(), RATE, fused=True)
    for _ in range(epochs):
        for batch in torch.randperm(len(photos), generator=generator).split(BATCH):
            optimizer.zero_grad()
            loss(encoder(photos[batch]), targets[batch]).backward()
            optimizer.step()
    return encoder


def encode(
    encoder: nn.Module, pixels: Float[ndarray, "items pixels"]
) -> Float[ndarray, "items factors"]:
    """Vectors of photos, each divided by its length."""
    with torch.no_grad():
        return normalize(encoder(torch.from_numpy(pixels).float()).double()).numpy()
