"""A small network that reads handwritten digits; its middle layer is quantized.

The digits are those of scikit-learn, 8 by 8 pixels.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class MiddleLayer(NamedTuple):
    """A weight of 256 by 256, its inputs for each image, and how images are split."""

    weight: Float[Tensor, "outputs inputs"]
    inputs: Float[Tensor, "images inputs"]
    labels: Int[Tensor, " images"]
    seen: Int[Tensor, " recorded"]
    unseen: Int[Tensor, " judged"]


def trained_middle_layer(steps: int = 250) -> MiddleLayer:
    """Train on 1200 of 1797 images, in batches of 64, with PyTorch's current seed."""
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    images = (images / 16).float()
    seen, unseen = torch.randperm(len(images)).tensor_split([1200])
    first, middle, last = nn.Linear(64, 256), nn.Linear(256, 256), nn.Linear(256, 10)
    model = nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), last)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, foreach=True)
    for _ in range(steps):
        batch = seen[torch.randint(len(seen), (64,))]
        optimizer.zero_grad()
        cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    inputs = model[:2](images).detach()
    return MiddleLayer(middle.weight.detach(), inputs, labels, seen, unseen)
