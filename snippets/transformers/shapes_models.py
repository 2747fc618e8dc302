"""Small vision transformers that name shape, color and quadrant, and their training.

They answer the questions of ``shapes_task`` from the class token.

Axes::

    models    models that are trained side by side, on batches of their own
    samples   images that a model is trained on
    batch     independent images
    channels, height, width  of an image
    questions  3: shape, color, quadrant
    classes   answers: 3 shapes, 3 colors, 4 quadrants
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from snippets.transformers.shapes_task import ANSWERS
from snippets.transformers.vision_transformer import VisionTransformer


class Classifier(nn.Module):
    """A vision transformer, and a linear layer on its class token."""

    def __init__(self, vit: VisionTransformer, classes: int) -> None:
        super().__init__()
        self.vit = vit
        self.classifier = nn.Linear(vit.layernorm.normalized_shape[0], classes)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.classifier(self.vit(x)[:, 0])


def small(positions: bool, seed: int) -> Classifier:
    """Two layers of width 24 with random weights; without positions they stay zero."""
    torch.manual_seed(seed)
    vit = VisionTransformer(
        image_size=(16, 16), patch_size=4, d_model=24, depth=2, heads=2, d_ff=48
    )
    if not positions:
        drop_positions(vit)
    return Classifier(vit, sum(ANSWERS.values()))


def drop_positions(vit: VisionTransformer) -> None:
    """Set the positions to zero, and leave them out of the training."""
    vit.embeddings.position_embeddings.data.zero_()
    vit.embeddings.position_embeddings.requires_grad_(False)


def right(
    logits: Float[Tensor, "*batch classes"], answers: Int[Tensor, "*batch questions"]
) -> Bool[Tensor, "*batch questions"]:
    """Which of the questions each row of logits answers correctly."""
    parts = logits.split(list(ANSWERS.values()), dim=-1)
    return torch.stack([part.argmax(-1) for part in parts], dim=-1) == answers


def loss_of(
    logits: Float[Tensor, "*batch classes"], answers: Int[Tensor, "*batch questions"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats, added up over the questions."""
    parts = logits.split(list(ANSWERS.values()), dim=-1)
    pairs = zip(parts, answers.unbind(-1), strict=True)
    return sum(
        (
            cross_entropy(part.flatten(0, -2), answer.flatten())
            for part, answer in pairs
        ),
        start=torch.zeros(()),
    )


def fit(
    models: list[nn.Module],
    inputs: Float[Tensor, "models samples channels height width"],
    answers: Int[Tensor, "models samples *questions"],
    loss_of: Callable[[Tensor, Tensor], Tensor],
    *,
    steps: int,
    batch: int,
    rate: float = 1e-2,
) -> None:
    """Train the models in place with Adam, each on its own images, side by side.

    The learning rate rises and falls (one cycle). Parameters that require no gradient
    keep their values.
    """
    named = [dict(model.named_parameters()) for model in models]
    stacked, frozen = {}, {}
    for name in named[0]:
        group = [parameters[name] for parameters in named]
        stacked[name] = torch.stack([p.detach() for p in group]).requires_grad_()
        kept = torch.tensor([not p.requires_grad for p in group])
        frozen[name] = kept.reshape(-1, *[1] * group[0].ndim)
    run = vmap(lambda parameters, x: functional_call(models[0], parameters, (x,)))
    optimizer = torch.optim.Adam(stacked.values(), lr=rate, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    random = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = torch.randint(inputs.shape[1], (batch,), generator=random)
        logits = run(stacked, inputs[:, chosen])
        optimizer.zero_grad()
        (len(models) * loss_of(logits, answers[:, chosen])).backward()
        for name, parameter in stacked.items():
            parameter.grad.masked_fill_(frozen[name], 0)
        optimizer.step()
        cycle.step()
    for i, parameters in enumerate(named):
        for name, parameter in parameters.items():
            parameter.data = stacked[name][i].detach()
