"""A small convolutional denoiser, trained with clean or with noisy targets.

Lehtinen et al. (2018), https://arxiv.org/abs/1803.04189

Axes::

    pair    input and target
    batch   patches
    height  rows of pixels
    width   columns of pixels
"""

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
    pair: Float[Tensor, "pair height width"],
    count: int,
    size: int,
    generator: torch.Generator,
) -> Float[Tensor, "pair batch 1 size size"]:
    """Squares from random places, the same places in both pictures of a pair."""
    if min(pair.shape[1:]) < size or count < 1:
        raise ValueError(f"no {count} patches of {size} in {tuple(pair.shape[1:])}")
    top, left = (
        torch.randint(side - size + 1, (count,), generator=generator).tolist()
        for side in pair.shape[1:]
    )
    at = zip(top, left, strict=True)
    patches = [pair[:, None, y : y + size, x : x + size] for y, x in at]
    return torch.stack(patches, dim=1)


def train(
    image: Float[Tensor, "height width"],
    sigma: float,
    updates: int,
    seed: int,
    *,
    clean_targets: bool,
    batch: int = 8,
    size: int = 24,
) -> Denoiser:
    """A denoiser, trained on one noisy picture of a scene and one target.

    The target is a second noisy picture or, with ``clean_targets``, ``image``. The
    noise is drawn once: a network with noisy targets has two pictures, and no more.
    """
    if sigma <= 0 or updates < 1:
        raise ValueError(f"cannot train with {sigma=}, {updates=}")
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    first, second = image + sigma * torch.randn(2, *image.shape, generator=random)
    pair = torch.stack([first, image if clean_targets else second])
    model = Denoiser().to(memory_format=torch.channels_last)  # faster on a CPU
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=4e-3, total_steps=updates + 1
    )
    for _ in range(updates):
        noisy, target = draw_patches(pair, batch, size, random)
        loss = nn.functional.mse_loss(model(noisy), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model
