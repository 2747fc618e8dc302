"""From noise to points: the reverse chain of diffusion, and the flow with its density.

Reverse chain: Ho, Jain and Abbeel (2020), https://arxiv.org/abs/2006.11239, equation 7.
Density of a flow: Chen et al. (2018), https://arxiv.org/abs/1806.07366, theorem 1.

Symbols::

    x_0, x_t  data, and data with noise: t = 0 is data, t = 1 is noise
    epsilon   noise      what the network of diffusion answers
    abar_t    kept       share of the variance that comes from the data
    v         velocity   what the network of the flow answers: dx/dt

Axes::

    runs      networks with weights of their own
    batch     points
    features  coordinates of a point
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.generative.diffusion import from_noise
from snippets.generative.diffusion_samplers import ddpm_step
from snippets.generative.noise_networks import Batch, signal

Field = Callable[[Tensor, Tensor], Tensor]  # of points and times


def reverse_step(
    x: Tensor, noise: Tensor, kept: Tensor, kept_before: Tensor, fresh: Tensor
) -> Tensor:
    """One step of the reverse chain: draw the sample before, given the x_0 implied.

    Parameters
    ----------
    noise
        What the network says is in ``x``; with ``kept``, it gives x_0.
    kept, kept_before
        Share of the data in ``x``, and in the result.
    """
    return ddpm_step(x, from_noise(x, noise, kept).x_0, kept, kept_before, fresh)


@torch.no_grad()
def draw_diffusion(
    network: Field,
    start: Batch,
    steps: int,
    generator: torch.Generator,
    last: float = 0.98,
) -> Float[Tensor, "steps_and_1 runs batch features"]:
    """From noise to data by the reverse chain; a call of the network for each step.

    Parameters
    ----------
    last
        The time at which the chain begins; at 1, a step would divide by 0.

    Raises
    ------
    ValueError
        If there is no step, ``last`` is not below 1, or more than 0.01 of the variance
        at ``last`` is data, which ``start`` does not contain.
    """
    times = torch.linspace(last, 0, max(steps, 0) + 1, dtype=start.dtype)
    if steps < 1 or not last < 1 or signal(times[0]) > 0.01:
        kept = signal(torch.tensor(last)).item()
        raise ValueError(f"{steps=} from time {last}, where {kept:.3g} is data")
    path = [start]
    for now, before in pairwise(times):
        noise = network(path[-1], now.expand(*start.shape[:-1], 1))
        fresh = torch.randn(start.shape, generator=generator, dtype=start.dtype)
        path.append(reverse_step(path[-1], noise, signal(now), signal(before), fresh))
    return torch.stack(path)


@torch.no_grad()
def draw_flow(
    network: Field, start: Batch, steps: int
) -> Float[Tensor, "steps_and_1 runs batch features"]:
    """From noise to data by Euler's method; a call of the network for each step."""
    if steps < 1:
        raise ValueError(f"no way from noise to data in {steps=}")
    path = [start]
    for step in range(steps):
        times = start.new_tensor(1 - step / steps).expand(*start.shape[:-1], 1)
        path.append(path[-1] - network(path[-1], times) / steps)
    return torch.stack(path)


def velocity_and_divergence(
    network: Field, x: Batch, time: float
) -> tuple[Batch, Float[Tensor, "runs batch"]]:
    """dx/dt, and the sum of its derivatives with respect to its own coordinates."""
    x, divergence = x.detach().requires_grad_(), x.new_zeros(x.shape[:-1])
    with torch.enable_grad():
        velocity = network(x, x.new_tensor(time).expand(*x.shape[:-1], 1))
        for axis in range(x.shape[-1]):
            total = velocity[..., axis].sum()  # each point has its own velocity
            (slope,) = torch.autograd.grad(total, x, retain_graph=True)
            divergence = divergence + slope[..., axis]
    return velocity.detach(), divergence


@torch.no_grad()
def flow_log_density(
    network: Field, points: Batch, steps: int
) -> Float[Tensor, "runs batch"]:
    """Follow the points to the noise; add the divergence on the way (midpoint rule)."""
    if steps < 1:
        raise ValueError(f"no way from data to noise in {steps=}")
    x, total = points, points.new_zeros(points.shape[:-1])
    for step in range(steps):
        times = x.new_tensor(step / steps).expand(*x.shape[:-1], 1)
        middle = x + network(x, times) / (2 * steps)
        velocity, divergence = velocity_and_divergence(
            network, middle, (step + 0.5) / steps
        )
        x, total = x + velocity / steps, total + divergence / steps
    normal = -(x.square() + math.log(2 * math.pi)).sum(-1) / 2
    return normal + total
