"""A small convolutional denoiser, trained with clean or with noisy targets.

Lehtinen et al. (2018), https://arxiv.org/abs/1803.04189

Axes::

    batch   images
    height  rows of pixels
    width   columns of pixels
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

Batch = Float[Tensor, "batch 1 height width"]


class Denoiser(nn.Module):
    """Predicts the noise and subtracts it. Height and width must be even.

    It works on blocks of 2 x 2 pixels, as four channels of half the size.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.noise = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 4, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, noisy: Batch) -> Batch:
        if len(noisy) == 0:
            raise ValueError(f"no image in a batch of {tuple(noisy.shape)}")
        if noisy.shape[2] % 2 or noisy.shape[3] % 2:
            raise ValueError(f"height and width of {tuple(noisy.shape)} must be even")
        return noisy - self.noise(noisy)


def box_filter(
    image: Float[Tensor, "height width"], size: int
) -> Float[Tensor, "height width"]:
    """Mean over ``size`` x ``size`` pixels, for an odd size; borders are mirrored."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"{size=} must be odd")
    padded = nn.functional.pad(image[None], [size // 2] * 4, mode="reflect")
    return nn.functional.avg_pool2d(padded, size, stride=1)[0]


def draw_patches(
    image: Float[Tensor, "height width"],
    count: int,
    size: int,
    generator: torch.Generator,
) -> Float[Tensor, "batch 1 size size"]:
    """Squares from random places of an image."""
    if min(image.shape) < size or count < 1:
        raise ValueError(f"no {count} patches of {size} in {tuple(image.shape)}")
    top, left = (
        torch.randint(side - size + 1, (count,), generator=generator).tolist()
        for side in image.shape
    )
    at = zip(top, left, strict=True)
    patches = [image[y : y + size, x : x + size] for y, x in at]
    return torch.stack(patches)[:, None]


def train(
    image: Float[Tensor, "height width"],
    sigma: float,
    updates: int,
    seed: int,
    *,
    clean_targets: bool,
    batch: int = 8,
    size: int = 32,
    watch: Callable[[Denoiser], None] = lambda model: None,
) -> Denoiser:
    """A denoiser for patches of ``image`` with noise of standard deviation ``sigma``.

    Input and noisy target have different noise. ``watch`` is called after each update.
    """
    if sigma <= 0 or updates < 1:
        raise ValueError(f"cannot train with {sigma=}, {updates=}")
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = Denoiser()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=4e-3, total_steps=updates + 1
    )
    for _ in range(updates):
        clean = draw_patches(image, batch, size, random)
        noisy, second = (
            clean + sigma * torch.randn(clean.shape, generator=random) for _ in range(2)
        )
        target = clean if clean_targets else second
        loss = nn.functional.mse_loss(model(noisy), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        watch(model)
    return model
