"""Small convolutional encoders: trained to name what an image shows, then kept.

Axes::

    models    trained side by side, each with its own weights
    batch     images
    rows, columns  of the grid of features: 4 x 4
    images    of a pool
    visual    visual tokens of an image
    features  of a place of the grid, or of a visual token
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.generative import captioned_shapes as task
from snippets.generative.visual_tokens import pixel_unshuffle
from snippets.transformers.shapes_models import fit

WIDTH, BATCH = 24, 32


class Encoder(nn.Module):
    """Two convolutions and an MLP for each place of a grid of 4 x 4."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, WIDTH, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.positions = nn.Parameter(0.1 * torch.randn(4, 4, WIDTH))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 64), nn.ReLU(), nn.Linear(64, WIDTH))

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns features"]:
        return self.mlp(self.stem(images).movedim(1, -1) + self.positions)


class Classifier(nn.Module):
    """Names shape, color and place; a feature counts where it is largest."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.classifier = Encoder(), nn.Linear(4 * WIDTH, 12)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 12"]:
        features = pixel_unshuffle(self.encoder(images))
        return self.classifier(features.amax((1, 2)))


def name_loss(
    logits: Float[Tensor, "models batch 12"], answers: Int[Tensor, "models batch 3"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy of shape, color and place."""
    return cross_entropy(logits.unflatten(-1, (3, 4)).flatten(0, 2), answers.flatten())


def train_encoders(seeds: int, steps: int) -> list[Encoder]:
    """Encoders that name what an image shows, each on the same images, other noise."""
    models, shown = [], []
    for seed in range(seeds):
        torch.manual_seed(seed)
        models.append(Classifier())
        random = torch.Generator().manual_seed(seed)
        shown.append(task.draw_images("train", random, copies=4))
    images = torch.stack([x.images for x in shown])
    answers = torch.stack([task.KINDS[x.kind] for x in shown])
    fit(models, images, answers, name_loss, steps=steps, batch=BATCH)
    return [model.encoder for model in models]


class Pool(NamedTuple):
    """Features of images, computed once: no stage here trains the encoder."""

    features: Float[Tensor, "models images visual features"]
    kind: Int[Tensor, " images"]


@torch.no_grad()
def make_pool(encoders: list[Encoder], part: str, *, seed: int) -> Pool:
    """Four noisy copies of each image of one part, other noise for each encoder."""
    features = []
    for number, encoder in enumerate(encoders):
        random = torch.Generator().manual_seed(seed + number)
        images, kind = task.draw_images(part, random, copies=4)
        features.append(pixel_unshuffle(encoder(images)).flatten(1, 2))
    return Pool(torch.stack(features), kind)
