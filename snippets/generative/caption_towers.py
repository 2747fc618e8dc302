"""Two small towers for the images of ``shapes`` and their captions, and their training.

Axes::

    batch     images or captions
    words     of a caption
    dim       features of an embedding
    combos    combinations of shape, color and place
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snippets.generative import shapes
from snippets.generative.clip import LIMIT, START, clip_logits, clip_loss
from snippets.generative.cosine_training import updates_of
from snippets.generative.shapes import KINDS

FIRST_WORD = torch.tensor([0, 4, 8])  # words 0-3 are shapes, 4-7 colors, 8-11 places
NOISE = 0.1  # standard deviation of a pixel


def words(labels: Int[Tensor, "batch 3"]) -> Int[Tensor, "batch 3"]:
    """The three words of each caption, as numbers from 0 to 11."""
    return labels + FIRST_WORD


def scattered() -> Bool[Tensor, " combos"]:
    """A quarter to hold out, of which each pair of words occurs in the other ones."""
    return KINDS.sum(dim=1) % 4 == 0


def linked() -> Bool[Tensor, " combos"]:
    """A quarter to hold out: one color of each shape, at all places."""
    return KINDS[:, :2].sum(dim=1) % 4 == 0


class ImageTower(nn.Module):
    """Two convolutions and a linear layer."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * (shapes.SIDE // 4) ** 2, dim, bias=False),
        ).to(memory_format=torch.channels_last)  # faster on CPUs

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch dim"]:
        size = (3, shapes.SIDE, shapes.SIDE)
        if images.shape[1:] != size:
            raise ValueError(f"images of {tuple(images.shape[1:])}, not {size}")
        return self.layers(images)


class TextTower(nn.Module):
    """The mean of word vectors, and a layer of hidden units; order does not count."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(12, 32)
        self.layers = nn.Sequential(
            nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, dim, bias=False)
        )

    def forward(self, words: Int[Tensor, "batch words"]) -> Float[Tensor, "batch dim"]:
        return self.layers(self.words(words).mean(dim=1))


class Towers(nn.Module):
    """Both towers and the learned scale of the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = ImageTower(), TextTower()
        self.logit_scale = nn.Parameter(torch.tensor(START))

    def forward(
        self,
        images: Float[Tensor, "images channels height width"],
        words: Int[Tensor, "texts words"],
    ) -> Float[Tensor, "images texts"]:
        return clip_logits(self.image(images), self.text(words), self.logit_scale)


def noisy_images(
    combo: Int[Tensor, " batch"], random: torch.Generator
) -> Float[Tensor, "batch channels height width"]:
    """An image of each combination, shifted at random within its quadrant."""
    shifts = torch.randint(shapes.SHIFTS, (len(combo), 2), generator=random)
    images = shapes.render(KINDS[combo], shifts)
    return images + NOISE * torch.randn(images.shape, generator=random)


class Pairs(NamedTuple):
    """Noisy images, and the number in ``KINDS`` of each."""

    images: Float[Tensor, "batch channels height width"]
    combo: Int[Tensor, " batch"]


def draw_pairs(
    allowed: Bool[Tensor, " combos"], count: int, random: torch.Generator
) -> Pairs:
    """Images of the allowed combinations, all equally likely, with noise.

    Raises
    ------
    ValueError
        If nothing is allowed.
    """
    numbers = allowed.nonzero()[:, 0]
    if not len(numbers):
        raise ValueError(f"{len(numbers)} of {len(allowed)} combinations are allowed")
    combo = numbers[torch.randint(len(numbers), (count,), generator=random)]
    return Pairs(noisy_images(combo, random), combo)


def fit(
    towers: Towers,
    allowed: Bool[Tensor, " combos"],
    random: torch.Generator,
    *,
    updates: int = 500,
    batch: int = 64,
    lr: float = 4e-3,
) -> Iterator[float]:
    """Train the towers; yields the loss of each update, after it was made.

    Adam, whose rate falls along a cosine.
    """

    def loss() -> Float[Tensor, ""]:
        images, combo = draw_pairs(allowed, batch, random)
        return clip_loss(towers(images, words(KINDS[combo])))

    for value in updates_of(towers, loss, updates, lr):
        towers.logit_scale.data.clamp_(max=LIMIT)  # at most 100 times the cosine
        yield value.item()


def trained(allowed: Bool[Tensor, " combos"], seed: int) -> Towers:
    """New towers after ``fit`` with its defaults."""
    torch.manual_seed(seed)
    towers, random = Towers(), torch.Generator().manual_seed(seed)
    for _ in fit(towers, allowed, random):
        pass
    return towers.eval()
