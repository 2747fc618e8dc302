"""Small networks that learn the noise on the circle, several seeds side by side.

Axes::

    seeds     networks, each with its own weights and data
    points    samples of one network
    features  inputs of a layer
    units     outputs of a layer
    steps     of the forward process
"""

import math
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.generative.diffusion import add_noise
from snippets.generative.labelled_circle import CLASSES, draw_points

NULL = CLASSES  # the label of "no label"


class Layers(nn.Module):
    """A linear layer for each seed, initialized as ``nn.Linear``."""

    def __init__(self, seeds: int, features: int, units: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(features)
        weight = torch.empty(seeds, features, units).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.empty(seeds, 1, units).uniform_(-bound, bound))

    def forward(
        self, x: Float[Tensor, "seeds points features"]
    ) -> Float[Tensor, "seeds points units"]:
        return torch.baddbmm(self.bias, x, self.weight)


class CircleDenoisers(nn.Module):
    """Predict the noise from point, step and label."""

    def __init__(self, seeds: int, units: int = 96) -> None:
        super().__init__()
        self.labels = nn.Parameter(torch.randn(seeds, CLASSES + 1, 16))
        sizes = [2 + 16 + 16, units, units, units]
        hidden = pairwise(sizes)
        self.hidden = nn.ModuleList(Layers(seeds, *size) for size in hidden)
        self.out = Layers(seeds, units, 2)

    def forward(
        self,
        x: Float[Tensor, "seeds points 2"],
        t: Int[Tensor, "seeds points"],
        label: Int[Tensor, "seeds points"],
    ) -> Float[Tensor, "seeds points 2"]:
        wave = t[..., None] * torch.logspace(0, -2.6, 8)
        seed = torch.arange(len(x))[:, None]
        parts = [x, wave.sin(), wave.cos(), self.labels[seed, label]]
        x = torch.cat(parts, dim=-1)
        for layer in self.hidden:
            x = nn.functional.silu(layer(x))
        return self.out(x)


def train(
    alpha_bar: Float[Tensor, " steps"],
    seeds: int,
    updates: int,
    *,
    batch: int = 512,
    lr: float = 2e-3,
    drop: float = 0.1,
) -> tuple[CircleDenoisers, Float[Tensor, "updates seeds"]]:
    """Networks and their losses, with Adam and a rate that falls along a cosine.

    Parameters
    ----------
    drop
        Share of the labels that are replaced by ``NULL``.
    """
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    model = CircleDenoisers(seeds)
    optimizer = torch.optim.Adam(model.parameters(), lr, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    size, losses = (seeds, batch), []
    for _ in range(updates):
        x_0, label = draw_points(seeds * batch, random)
        x_0, label = x_0.view(*size, 2), label.view(size)
        t = torch.randint(len(alpha_bar), size, generator=random)
        noise = torch.randn(*size, 2, generator=random)
        dropped = torch.rand(size, generator=random) < drop
        x_t = add_noise(x_0, noise, alpha_bar[t][..., None])
        predicted = model(x_t, t, label.masked_fill(dropped, NULL))
        loss = (predicted - noise).square().mean(dim=(1, 2))
        optimizer.zero_grad()
        loss.sum().backward()  # each network has its own gradient
        optimizer.step()
        schedule.step()
        losses.append(loss.detach())
    return model, torch.stack(losses)
