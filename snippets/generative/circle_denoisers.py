"""Small networks that learn the noise on the circle, several seeds side by side.

Axes::

    seeds     networks, each with its own weights and data
    points    samples of one network
    features  inputs of a layer
    units     outputs of a layer
    steps     of the forward process
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.generative.cosine_training import updates_of
from snippets.generative.diffusion import Parts, add_noise, from_noise, guide
from snippets.generative.labelled_circle import CLASSES, draw_points, exact_noise

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

    def __init__(self, seeds: int, units: int = 64) -> None:
        super().__init__()
        self.labels = nn.Parameter(torch.randn(seeds, CLASSES + 1, 16))
        sizes = pairwise([2 + 16 + 16, units, units, units])
        self.hidden = nn.ModuleList(Layers(seeds, *size) for size in sizes)
        self.out = Layers(seeds, units, 2)

    def forward(
        self,
        x: Float[Tensor, "seeds points 2"],
        t: Int[Tensor, "seeds points"],
        label: Int[Tensor, "seeds points"],
    ) -> Float[Tensor, "seeds points 2"]:
        wave = t[..., None] * torch.logspace(0, -2.6, 8)
        seed = torch.arange(len(x))[:, None]
        x = torch.cat([x, wave.sin(), wave.cos(), self.labels[seed, label]], dim=-1)
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
    drop: float | Float[Tensor, "seeds 1"] = 0.1,
) -> tuple[CircleDenoisers, Float[Tensor, "updates seeds"]]:
    """Networks and losses; Adam, rate along a cosine, ``drop``: share of ``NULL``."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    model = CircleDenoisers(seeds)
    size = seeds, batch

    def loss() -> Float[Tensor, " seeds"]:
        x_0, label = (a.unflatten(0, size) for a in draw_points(seeds * batch, random))
        t = torch.randint(len(alpha_bar), size, generator=random)
        noise = torch.randn(*size, 2, generator=random)
        dropped = torch.rand(size, generator=random) < drop
        x_t = add_noise(x_0, noise, alpha_bar[t][..., None])
        predicted = model(x_t, t, label.masked_fill(dropped, NULL))
        return (predicted - noise).square().mean(dim=(1, 2))

    return model, torch.stack([*updates_of(model, loss, updates, lr)])


def least_loss(
    alpha_bar: Float[Tensor, " steps"], drop: float = 0.1, points: int = 4000
) -> Float[Tensor, ""]:
    """The loss of exact predictions with as many dropped labels, on random points."""
    random = torch.Generator().manual_seed(2)
    total = torch.zeros(())
    for level in alpha_bar:
        x_0, label = draw_points(points, random)
        noise = torch.randn(points, 2, generator=random)
        x_t = add_noise(x_0, noise, level)
        for own, share in ((label, 1 - drop), (None, drop)):
            error = exact_noise(x_t, level, own) - noise
            total = total + share * error.square().mean()
    return total / len(alpha_bar)


Denoiser = Callable[[Tensor, int, Tensor], Tensor]


def learned(model: CircleDenoisers) -> Denoiser:
    """The networks as a function of points, step and labels."""
    return lambda x, t, label: model(x, torch.full_like(label, t), label).detach()


def exact(alpha_bar: Float[Tensor, " steps"]) -> Denoiser:
    """The best prediction, in the same form; labels are all ``NULL``, or none is."""

    def noise(x: Tensor, t: int, label: Tensor) -> Tensor:
        own = None if (label == NULL).all() else label.flatten()
        return exact_noise(x.flatten(0, 1), alpha_bar[t], own).view_as(x)

    return noise


def guided(
    null: Denoiser,
    conditional: Denoiser,
    label: Int[Tensor, "seeds points"],
    scale: float,
    alpha_bar: Float[Tensor, " steps"],
) -> Callable[[Tensor, int], Parts]:
    """What a sampler asks for; a prediction without weight is not computed."""

    def predict(x: Tensor, t: int) -> Parts:
        if scale == 1:
            noise = conditional(x, t, label)
        else:
            noise = null(x, t, torch.full_like(label, NULL))
            if scale:
                noise = guide(noise, conditional(x, t, label), scale)
        return from_noise(x, noise, alpha_bar[t])

    return predict
