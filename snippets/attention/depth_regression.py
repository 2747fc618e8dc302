"""Regressions for deep networks whose layers are connected in several ways.

A target mixes the output of a random tanh network of four layers with sines of the
inputs. A student has an embedding, twelve feed-forward layers with normalized inputs,
and a normalized linear head; all students are trained at once.

Axes::

    runs     three tasks, times three seeds
    samples  inputs of 16 features
    width    features between layers
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import gelu, rms_norm

from snippets.attention.attention_residuals import (
    attention_residuals,
    block_attention_residuals,
    depth_scores,
)

LAYERS, WIDTH, TASKS, SEEDS = 12, 24, 3, 3


def residual(x: Tensor, layers: list, queries: Tensor) -> Tensor:
    """The ordinary stream: every layer reads the sum of all sources."""
    for layer in layers:
        x = x + layer(x)
    return x


def static(x: Tensor, layers: list, queries: Tensor) -> Tensor:
    """A softmax over depth whose learned logits are the same for all inputs."""
    sources = [x]
    for reader in range(len(layers) + 1):
        weights = queries[reader, ..., : len(sources)].softmax(dim=-1)
        weights = weights.movedim(-1, 0).unsqueeze(-1)  # (sources, runs, 1, 1)
        mixed = (torch.stack(sources) * weights).sum(dim=0)
        if reader < len(layers):
            sources.append(layers[reader](mixed))
    return mixed


#: how the layers of a student are connected
CONNECTIONS: dict[str, Callable] = {
    "residual": residual,
    "full": attention_residuals,
    "block": partial(block_attention_residuals, block=4),
    "static": static,
}


#: learning rates of the weights over depth, chosen with other training batches
RATES = {"residual": 0.01, "full": 0.03, "block": 0.03, "static": 0.3}


class Result(NamedTuple):
    answer: Float[Tensor, "runs samples 8"]
    inputs: list[Float[Tensor, "runs samples width"]]
    sources: list[Float[Tensor, "runs samples width"]]


def examples(
    samples: int, random: torch.Generator
) -> tuple[Float[Tensor, "runs samples 16"], Float[Tensor, "runs samples 8"]]:
    """Inputs and targets; each task has the same teacher in all runs."""
    fixed = torch.Generator().manual_seed(0)
    teachers = 0.4 * torch.randn(4, TASKS, 16, 16, generator=fixed)
    reader = torch.randn(TASKS, 32, 8, generator=fixed) / 4
    x = torch.randn(SEEDS, TASKS, samples, 16, generator=random)
    deep = x
    for teacher in teachers:
        deep = torch.tanh(deep @ teacher)
    y = torch.cat([deep, torch.sin(2 * x)], dim=-1) @ reader
    return x.flatten(0, 1), y.flatten(0, 1)


def new_weights() -> dict[str, Tensor]:
    """Weights of all students, the same for every connection; queries are zero."""
    random, runs = torch.Generator().manual_seed(0), SEEDS * TASKS
    shapes = {"embed": (16, WIDTH), "up": (LAYERS, WIDTH, 2 * WIDTH)}
    shapes |= {"down": (LAYERS, 2 * WIDTH, WIDTH), "head": (WIDTH, 8)}
    weights = {
        name: torch.randn(runs, *shape, generator=random) / math.sqrt(shape[-2])
        for name, shape in shapes.items()
    }
    for name in ("up", "down"):  # (layers, runs, ...): a layer is one piece of memory
        weights[name] = weights[name].transpose(0, 1).contiguous()
    weights["queries"] = torch.zeros(LAYERS + 1, runs, 1, WIDTH)
    return {name: weight.requires_grad_() for name, weight in weights.items()}


def run(connection: str, w: dict[str, Tensor], x: Tensor) -> Result:
    """Answers, the inputs of all layers, and the sources that they choose from."""
    inputs, sources = [], [x @ w["embed"]]

    def feed_forward(h: Tensor, up: Tensor, down: Tensor) -> Tensor:
        inputs.append(h)
        sources.append(gelu(rms_norm(h, (WIDTH,)) @ up) @ down)
        return sources[-1]

    parts = zip(w["up"], w["down"], strict=True)
    layers = [partial(feed_forward, up=up, down=down) for up, down in parts]
    out = CONNECTIONS[connection](sources[0], layers, w["queries"])
    return Result(rms_norm(out, (WIDTH,)) @ w["head"], inputs, sources)


def train(
    connection: str,
    steps: int,
    watch: Callable[[int, dict], None] = lambda step, weights: None,
    batches: int = 1,
) -> dict[str, Tensor]:
    """Adam with a cosine schedule, on 32 new samples a step for each run.

    Parameters
    ----------
    batches
        Seed of the training batches; that of the weights is always the same.
    """
    random, weights = torch.Generator().manual_seed(batches), new_weights()
    layers = [weight for name, weight in weights.items() if name != "queries"]
    groups = [
        {"params": layers, "lr": 0.01},
        {"params": [weights["queries"]], "lr": RATES[connection]},
    ]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99), fused=True)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        watch(step, weights)
        x, y = examples(32, random)
        answer = run(connection, weights, x).answer
        loss = (answer - y).square().mean(dim=(1, 2)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cosine.step()
    watch(steps, weights)
    return weights


@torch.no_grad()
def test(
    connection: str, weights: dict[str, Tensor]
) -> tuple[Float[Tensor, "seeds tasks"], Float[Tensor, " layers"]]:
    """Mean squared errors, and the mean length of each layer's input."""
    x, y = examples(500, torch.Generator().manual_seed(2))
    answer, inputs, _ = run(connection, weights, x)
    errors = (answer - y).square().mean(dim=(1, 2)).view(SEEDS, TASKS)
    return errors, torch.stack([h.norm(dim=-1).mean() for h in inputs])


@torch.no_grad()
def depth_weights(
    w: dict[str, Tensor], x: Float[Tensor, "runs samples 16"]
) -> Float[Tensor, "readers readers"]:
    """Mean weights of the full form in the first run, in multiples of the plain mean.

    A row is a reader, a column one of its sources; all others are zero.
    """
    sources = torch.stack(run("full", w, x).sources)[:, 0]
    rows = torch.zeros(LAYERS + 1, LAYERS + 1)
    for reader, query in enumerate(w["queries"][:, 0]):
        weights = depth_scores(sources[: reader + 1], query).softmax(dim=0)
        rows[reader, : reader + 1] = (reader + 1) * weights.mean(dim=(1, 2))
    return rows
