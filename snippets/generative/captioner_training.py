"""Training of small captioners: language models, then two stages on images.

Axes::

    models    trained side by side, each with its own weights
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.generative import captioned_shapes as task
from snippets.generative.caption_encoder import BATCH, Pool
from snippets.generative.captioner_models import (
    Captioners,
    caption_loss,
    embed,
    project,
)


def updates(
    weights: list[Tensor],
    loss: Callable[[], Float[Tensor, " models"]],
    steps: int,
    rate: float,
) -> Iterator[Float[Tensor, " models"]]:
    """Train in place with Adam; the rate rises and falls. Yield the losses."""
    for weight in weights:
        weight.requires_grad_()
    optimizer = torch.optim.Adam(weights, rate, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.sum().backward()  # each model has its own gradient
        optimizer.step()
        cycle.step()
        yield value.detach()
    for weight in weights:
        weight.requires_grad_(False)


def learn_text(
    lm: dict[str, Tensor], related: bool, steps: int, rate: float = 1e-2
) -> Iterator[Float[Tensor, " models"]]:
    """Train language models on captions with four hints in front.

    Hints are the words of a caption that vary, in random order and with noise of 0.3
    of their standard deviation. If ``related``, they belong to the caption that
    follows, else to another one that is drawn at random.
    """
    models, random = len(lm["wte.weight"]), torch.Generator().manual_seed(1)

    def loss() -> Tensor:
        kind, other = torch.randint(64, (2, models, BATCH), generator=random)
        hinted = kind if related else other
        hints = embed(lm["wte.weight"], task.draw_hints(hinted, random))
        noise = 0.3 * hints.detach().std() * torch.randn(hints.shape, generator=random)
        return caption_loss(lm, hints + noise, task.TEXTS[kind])

    yield from updates(list(lm.values()), loss, steps, rate)


def learn_captions(
    captioners: Captioners, pool: Pool, steps: int, rate: float, *, train_lm: bool
) -> Iterator[Float[Tensor, " models"]]:
    """One stage on images: train the projectors, or the language models as well."""
    random = torch.Generator().manual_seed(2)
    model = torch.arange(len(pool.features))[:, None]

    def loss() -> Tensor:
        size = (len(model), BATCH)
        chosen = torch.randint(len(pool.kind), size, generator=random)
        visual = project(captioners.projector, pool.features[model, chosen])
        return caption_loss(captioners.lm, visual, task.TEXTS[pool.kind[chosen]])

    weights = [*captioners.projector.values()]
    weights += captioners.lm.values() if train_lm else []
    yield from updates(weights, loss, steps, rate)
