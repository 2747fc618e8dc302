"""Training of RQ-VAEs side by side.

Axes::

    runs      models, each on items of its own
    items     all items of a run
    batch     items that a step draws
    levels    codebooks
    codes     entries of a codebook
    dim       width of a latent vector
    features  width of a content embedding
"""

from collections.abc import Callable, Iterator, Sequence
from math import cos, pi

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from snippets.recommenders.code_usage import code_shares, replace_unused
from snippets.recommenders.residual_k_means import fit_codebooks
from snippets.recommenders.semantic_ids import (
    RQVAE,
    residual_quantize,
    rqvae_loss,
)
from snippets.training.adamw import adamw_update

DECAY = 0.95  # of the running mean of shares
FIRST_BATCH = 512  # items that codebooks may start from

Weights = dict[str, Tensor]  # by the names of one model, with an axis for runs


def start_from_data(
    model: RQVAE, x: Float[Tensor, "batch features"], seed: int
) -> None:
    """Fit the codebooks of an untrained model to the latent vectors of a batch."""
    levels, codes, _ = model.codebooks.shape
    with torch.no_grad():
        model.codebooks.copy_(fit_codebooks(model.encoder(x), levels, codes, seed))


def untrained(
    x: Float[Tensor, "runs items features"], codes: int, from_data: bool
) -> list[RQVAE]:
    """A model for each run, with a seed of its own; three levels, eight dimensions."""
    models = []
    for seed, content in enumerate(x):
        torch.manual_seed(seed)
        models.append(RQVAE(x.shape[2], hidden=32, dim=8, levels=3, codes=codes))
        if from_data:
            start_from_data(models[-1], content[:FIRST_BATCH], seed)
    return models


def two_layers(weights: Weights, network: str) -> Callable[[Tensor], Tensor]:
    """The encoders or decoders of all models, each on its own input."""
    first, second = (weights[f"{network}.{place}.weight"].mT for place in (0, 2))
    one, two = (weights[f"{network}.{place}.bias"][:, None] for place in (0, 2))
    return lambda x: torch.baddbmm(two, torch.baddbmm(one, x, first).relu(), second)


@torch.no_grad()
def ids_of_runs(
    weights: Weights, x: Float[Tensor, "runs items features"]
) -> Int[Tensor, "runs items levels"]:
    """Semantic IDs of the items of each run."""
    z = two_layers(weights, "encoder")(x)
    return residual_quantize(z, weights["codebooks"]).codes


@torch.no_grad()
def reconstruction_errors(
    weights: Weights, x: Float[Tensor, "runs items features"]
) -> Float[Tensor, " runs"]:
    """Mean squared error of each run."""
    z = two_layers(weights, "encoder")(x)
    quantized = residual_quantize(z, weights["codebooks"]).quantized
    decoded = two_layers(weights, "decoder")(quantized)
    return (decoded - x).square().mean(dim=(1, 2))


def adam(
    weights: Weights, gradients: Sequence[Tensor], moments: dict, step: int, lr: float
) -> Weights:
    """One update of all weights; keeps the moments up to date."""
    updated = {}
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        before = moments.get(name, (torch.zeros_like(weight),) * 2)
        settings = {"lr": lr, "weight_decay": 0.0}
        updated[name], *moments[name] = adamw_update(
            weight.detach(), gradient, *before, step, **settings
        )
    return updated


def train(
    models: Sequence[RQVAE],
    x: Float[Tensor, "runs items features"],
    replacing: Bool[Tensor, " runs"],
    steps: int,
    batch: int = 64,
    rate: float = 0.01,
    seed: int = 0,
) -> Iterator[Weights]:
    """Train all models with Adam and a falling rate; yield the weights of each step."""
    generator = torch.Generator().manual_seed(seed)
    named = [dict(model.named_parameters()) for model in models]
    weights = {name: torch.stack([one[name] for one in named]) for name in named[0]}
    _, _, size, _ = weights["codebooks"].shape
    shares, moments = torch.full(weights["codebooks"].shape[:-1], 1 / size), {}
    for step in range(1, steps + 1):
        weights = {name: w.detach().requires_grad_() for name, w in weights.items()}
        drawn = torch.randint(x.shape[1], (len(models), batch, 1), generator=generator)
        networks = two_layers(weights, "encoder"), two_layers(weights, "decoder")
        some = x.take_along_dim(drawn, dim=1)
        losses, found = rqvae_loss(some, *networks, weights["codebooks"])
        gradients = torch.autograd.grad(losses.sum(), list(weights.values()))
        lr = rate * (1 + cos(pi * step / steps)) / 2
        weights = adam(weights, gradients, moments, step, lr)
        shares = DECAY * shares + (1 - DECAY) * code_shares(found.codes, size)
        residuals, old = found.residuals.detach(), weights["codebooks"]
        new, shares = replace_unused(old, shares, residuals, generator)
        weights["codebooks"] = torch.where(replacing[:, None, None, None], new, old)
        yield weights
