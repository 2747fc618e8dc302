"""Cluster mixtures: small mixtures of experts that learn one map per cluster.

The task: a token lies near the center of its cluster, and its target is the token times
the matrix of the cluster. The i-th cluster has a frequency proportional to 1/i. With
two ``attributes``, a token belongs to one of 8 clusters and to one of 8 others; centers
are added, and matrices averaged. The gates are sigmoids, as in Wang et al. (2024),
https://arxiv.org/abs/2408.15664. Several runs train side by side.

Axes: ``runs``, ``tokens``, ``experts``, ``top_k``, ``width``, ``d_ff``, ``steps``.
"""

from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.func import vmap

from snippets.transformers.expert_balance import (
    expert_load,
    load_balancing_loss,
    update_bias,
)
from snippets.transformers.mixture_of_experts import route_with_bias

CLUSTERS, WIDTH, STEPS, TOKENS, HELD_OUT = 16, 16, 500, 128, 8192


class Rule(NamedTuple):
    """Loads are balanced by a loss with this weight, and by a bias at this rate."""

    loss: float = 0.0
    rate: float = 0.0


class Shape(NamedTuple):
    """Of a mixture; ``top_k * d_ff`` is what a token pays for."""

    experts: int = 8
    top_k: int = 2
    d_ff: int = 24


SMALL = Shape()


class Model(NamedTuple):
    """Weights of one mixture, or of several along a leading axis."""

    router: Float[Tensor, "*runs experts width"]
    up: Float[Tensor, "*runs experts width d_ff"]
    down: Float[Tensor, "*runs experts d_ff width"]


class Output(NamedTuple):
    """What a mixture makes of a batch."""

    y: Float[Tensor, "*runs tokens width"]
    index: Int[Tensor, "*runs tokens top_k"]
    loss: Float[Tensor, "*runs"]  # for balance
    load: Int[Tensor, "*runs experts"]


class Trained(NamedTuple):
    """Runs after training, on held-out tokens, and the loads while they trained."""

    error: Float[Tensor, " runs"]
    index: Int[Tensor, "runs tokens top_k"]
    load: Int[Tensor, "runs experts"]
    loads: Int[Tensor, "steps runs experts"]
    guessing: Float[Tensor, " runs"]  # error of zero


def draw(seed: int, *shape: int) -> Tensor:
    """Normal numbers, scaled by the root of the number before last in the shape."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator) / shape[-2] ** 0.5


def draw_tokens(
    centers: Float[Tensor, "runs clusters width"],
    maps: Float[Tensor, "runs clusters width width"],
    attributes: int,
    tokens: int,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "runs tokens width"], Float[Tensor, "runs tokens width"]]:
    """Tokens and targets; all runs draw the same clusters, each has its own centers."""
    choices = CLUSTERS // attributes
    frequency = 1 / torch.arange(1.0, choices + 1)
    drawn = torch.multinomial(frequency, tokens * attributes, True, generator=generator)
    cluster = drawn.view(tokens, attributes) + choices * torch.arange(attributes)
    noise = 0.5 * torch.randn(tokens, WIDTH, generator=generator)
    x = centers[:, cluster].sum(dim=2) + noise
    images = x @ maps.transpose(1, 2).flatten(2)  # by the maps of all clusters
    images = images.view(*x.shape[:2], CLUSTERS, -1)
    return x, images[:, torch.arange(tokens)[:, None], cluster].mean(dim=2)


def forward(
    router: Float[Tensor, "experts width"],
    up: Float[Tensor, "experts width d_ff"],
    down: Float[Tensor, "experts d_ff width"],
    bias: Float[Tensor, " experts"],
    x: Float[Tensor, "tokens width"],
    top_k: int,
) -> Output:
    """All experts compute for all tokens; the weight is zero where none visits."""
    logits = x @ router.T
    weight, index = route_with_bias(logits, bias, top_k)
    dense = torch.zeros_like(logits).scatter(1, index, weight)
    hidden = torch.einsum("ti,eif->tef", x, up).relu() * dense[..., None]
    y = hidden.flatten(1) @ down.flatten(0, 1)
    share = logits.sigmoid()
    share = share / share.sum(dim=1, keepdim=True)
    load = expert_load(index, len(router))
    return Output(y, index, load_balancing_loss(share, index), load)


def train(
    rules: list[Rule],
    seeds: list[int],
    shape: Shape = SMALL,
    *,
    attributes: int = 1,
    steps: int = STEPS,
) -> Trained:
    """Each rule with each seed, by Adam on squared errors; its rate falls to zero.

    Runs with the same seed have the same task, tokens, and initial weights. All runs
    of the first rule come first.
    """
    experts, top_k, d_ff = shape
    weight, rate = torch.tensor(rules).repeat_interleave(len(seeds), dim=0).T

    def drawn(i: int, *shape: int) -> Tensor:
        return torch.stack([draw(4 * seed + i, *shape) for seed in seeds])

    centers = drawn(0, CLUSTERS, 1, WIDTH)[:, :, 0]
    maps = drawn(1, CLUSTERS, WIDTH, WIDTH)
    start = (
        drawn(2, WIDTH, experts).mT,
        drawn(3, experts, WIDTH, d_ff),
        drawn(3, experts, d_ff, WIDTH),
    )
    model = Model(*(torch.cat([w] * len(rules)).requires_grad_() for w in start))
    bias = torch.zeros(len(rate), experts)
    optimizer = torch.optim.Adam(model, lr=0.03, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    mixtures = vmap(partial(forward, top_k=top_k))
    generator, loads = torch.Generator().manual_seed(0), []

    def batch(tokens: int) -> tuple[Tensor, Tensor]:
        drawn = draw_tokens(centers, maps, attributes, tokens, generator)
        x, y = (part.repeat(len(rules), 1, 1) for part in drawn)
        return x, y

    for _ in range(steps):
        x, y = batch(TOKENS)
        out = mixtures(*model, bias, x)
        error = (out.y - y).square().mean(dim=(1, 2))
        optimizer.zero_grad()
        (error + weight * out.loss).sum().backward()
        optimizer.step()
        schedule.step()
        bias = vmap(update_bias)(bias, out.load, rate)
        loads.append(out.load)
    x, y = batch(HELD_OUT)
    with torch.no_grad():
        out = mixtures(*model, bias, x)
    error = (out.y - y).square().mean(dim=(1, 2))
    guessing = y.square().mean(dim=(1, 2))
    return Trained(error, out.index, out.load, torch.stack(loads), guessing)
