"""Cluster mixtures: small mixtures of experts that learn one map for each of 16 clusters.

The task: a token is a point near the center of its cluster, and the target is the
token times the matrix of that cluster. The i-th cluster has a frequency proportional
to 1/i (Zipf's law). The experts are networks of one hidden layer, and the gates are
sigmoids (Wang et al., 2024, https://arxiv.org/abs/2408.15664). Several runs train side
by side, along a leading axis.

Axes: ``runs``, ``tokens``, ``experts``, ``top_k``, ``width``, ``d_ff``.
"""

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
from snippets.transformers.mixture_of_experts import Routing, route_with_bias

CLUSTERS, WIDTH, TOKENS = 16, 16, 256


class Rule(NamedTuple):
    """How loads are balanced: by a loss of this weight, by a bias at this rate."""

    loss: float = 0.0
    rate: float = 0.0


class Task(NamedTuple):
    """One task for each run."""

    centers: Float[Tensor, "runs clusters width"]
    maps: Float[Tensor, "runs clusters width width"]


def draw_task(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Centers and maps of one task."""
    centers = torch.randn(CLUSTERS, WIDTH, generator=generator)
    return centers, torch.randn(
        CLUSTERS, WIDTH, WIDTH, generator=generator
    ) / WIDTH**0.5


def draw_tokens(
    task: Task, tokens: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Tokens and their targets; every run gets the same draws for its own clusters."""
    frequency = 1 / torch.arange(1.0, CLUSTERS + 1)
    cluster = torch.multinomial(frequency, tokens, True, generator=generator)
    noise = 0.5 * torch.randn(tokens, WIDTH, generator=generator)
    x = task.centers[:, cluster] + noise
    return x, torch.einsum("rti,rtio->rto", x, task.maps[:, cluster])
