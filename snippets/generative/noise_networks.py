"""A network that learns to tell noise, or the velocity from data to noise.

Diffusion: Ho, Jain and Abbeel (2020), https://arxiv.org/abs/2006.11239, equations 4 and
14. Flow matching: Lipman et al. (2022), https://arxiv.org/abs/2210.02747, with straight
paths; their time runs the other way.

Symbols::

    x_0       points     data
    x_t       inputs     points with noise; t = 0 is data, t = 1 is noise
    epsilon   noise      normal, of mean 0 and variance 1
    abar_t    signal(t)  share of the variance that comes from the data
    v         target     velocity of a point that moves along a line

Axes::

    runs      networks with weights of their own, trained side by side
    batch     points
    features  coordinates of a point
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.generative.cosine_training import updates_of
from snippets.generative.diffusion import add_noise

Batch = Float[Tensor, "runs batch features"]
Times = Float[Tensor, "runs batch 1"]


def waves(x: Float[Tensor, "*shape features"], *rates: float) -> Tensor:
    """Sine and cosine of each feature, at each rate, in half turns per unit."""
    angles = (math.pi * x[..., None] * x.new_tensor(rates)).flatten(-2)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class NoiseNetwork(nn.Module):
    """A function of a point and a time, with two hidden layers; one for each run.

    It reads the point, and waves of the point and of the time: from these, a small
    network can learn functions that change within a short distance.
    """

    def __init__(self, runs: int, width: int, features: int = 2) -> None:
        super().__init__()
        if min(runs, width, features) < 1:
            raise ValueError(f"{runs=}, {width=}, {features=}: one is empty")
        sizes = [7 * features + 8, width, width, features]
        shapes = list(pairwise(sizes))
        self.weights = nn.ParameterList(
            (2 * torch.rand(runs, m, n) - 1) / m**0.5 for m, n in shapes
        )
        self.biases = nn.ParameterList(torch.zeros(runs, 1, n) for _, n in shapes)

    def forward(self, points: Batch, times: Times) -> Batch:
        of_points = waves(points, 0.25, 0.5, 1.0)
        of_times = waves(times, 0.5, 1.0, 2.0, 4.0)
        hidden = torch.cat([points, of_points, of_times], dim=-1)
        for number, (weight, bias) in enumerate(
            zip(self.weights, self.biases, strict=True)
        ):
            if number > 0:
                hidden = hidden.relu()
            hidden = torch.baddbmm(bias, hidden, weight)
        return hidden


class Example(NamedTuple):
    """What the network reads beside the time, and what it should answer."""

    inputs: Float[Tensor, "*batch features"]
    target: Float[Tensor, "*batch features"]


def signal(times: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Share of the variance that is data: 1 at time 0, and 0 at time 1."""
    return torch.cos(math.pi / 2 * times) ** 2


def diffusion_example(points: Tensor, noise: Tensor, times: Tensor) -> Example:
    """Mix data and noise; the network should tell the noise.

    Examples
    --------
    At time 1/2, both have half of the variance:

    >>> x, noise, half = torch.tensor([[2.0]]), torch.tensor([[0.0]]), torch.tensor(0.5)
    >>> diffusion_example(x, noise, half).inputs
    tensor([[1.4142]])
    """
    return Example(add_noise(points, noise, signal(times)), noise)


def flow_example(points: Tensor, noise: Tensor, times: Tensor) -> Example:
    """A place on the line from data to noise; the network should tell the velocity.

    Examples
    --------
    >>> x, noise, half = torch.tensor([[2.0]]), torch.tensor([[0.0]]), torch.tensor(0.5)
    >>> flow_example(x, noise, half)
    Example(inputs=tensor([[1.]]), target=tensor([[-2.]]))
    """
    return Example((1 - times) * points + times * noise, noise - points)


def train(
    network: nn.Module,
    points: Float[Tensor, "samples features"],
    example: Callable[[Tensor, Tensor, Tensor], Example],
    *,
    runs: int,
    updates: int,
    lr: float = 0.01,
    batch: int = 256,
    generator: torch.Generator,
) -> Float[Tensor, "updates runs"]:
    """Least squares with Adam; the rate falls to 0 along half a cosine.

    Raises
    ------
    ValueError
        If there is no point, no update, or no example in a batch.
    """
    if min(len(points), runs, updates, batch) < 1:
        raise ValueError(f"{len(points)} points, {runs=}, {updates=}, {batch=}")

    def loss() -> Float[Tensor, " runs"]:
        drawn = points[torch.randint(len(points), (runs, batch), generator=generator)]
        noise = torch.randn(drawn.shape, generator=generator)
        times = torch.rand(runs, batch, 1, generator=generator)
        inputs, target = example(drawn, noise, times)
        return (network(inputs, times) - target).square().mean(dim=(1, 2))

    return torch.stack([*updates_of(network, loss, updates, lr)])
