"""Training of fit models, several side by side.

Axes::

    batch      purchases
"""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from snippets.recommenders.clothing_fit import FitModel, hinge
from snippets.recommenders.fit_factors import clip_order
from snippets.recommenders.fit_world import Purchases

BATCH = 1024  # purchases for a step of the optimizer


def check(purchases: Purchases, model: FitModel) -> None:
    """Raise a ValueError that says which column has a number that the model lacks."""
    limits = dict(zip(Purchases._fields, (*model.shape, 3), strict=False))
    for name, limit in limits.items():
        numbers = getattr(purchases, name)
        wrong = numbers[(numbers < 0) | (numbers >= limit)].tolist()
        if wrong or not len(numbers):
            raise ValueError(
                f"{name} {wrong[:3]} of {len(numbers)}, not 0 to {limit - 1}"
            )


class TrainingLoss(nn.Module):
    """Mean hinge loss of a batch, plus `penalty` times squared factors."""

    def __init__(self, model: FitModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, where: tuple[Tensor, Tensor, Tensor], labels: Tensor, penalty: Tensor
    ) -> Float[Tensor, ""]:
        """The customers, products and sizes of a batch are given by `where`."""
        scores, squares = self.model.terms(*where)
        losses = hinge(scores, self.model.thresholds(), labels)
        return (losses + penalty * squares).mean()


def train(
    models: Sequence[FitModel],
    purchases: Sequence[Purchases],
    penalties: Sequence[float],
    generator: torch.Generator,
    passes: int = 20,
    rate: float = 0.05,
    only: Collection[str] = (),
) -> None:
    """Train models of one kind at the same time, each on purchases of its own.

    Adam with a falling rate; child sizes or factors are clipped after each step. With
    `only`, parameters of other names stay as they are.
    """
    for model, bought, penalty in zip(models, purchases, penalties, strict=True):
        check(bought, model)
        if not 0 <= penalty < float("inf"):
            raise ValueError(f"penalty {penalty} is negative or not finite")
    losses = [TrainingLoss(model) for model in models]
    state, _ = stack_module_state(losses)
    columns = [torch.stack(column) for column in zip(*purchases, strict=True)]
    count, weights = columns[0].shape[1], torch.tensor(penalties)
    ordered, names = f"model.{models[0].ordered}", {f"model.{name}" for name in only}
    learned = [value for name, value in state.items() if not only or name in names]
    optimizer = torch.optim.Adam(learned, lr=rate)
    steps = passes * -(-count // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, steps)

    def one(state: dict[str, Tensor], *arguments: Any) -> Tensor:
        return functional_call(losses[0], state, arguments)

    for _ in range(passes):
        for rows in torch.randperm(count, generator=generator).split(BATCH):
            *where, labels = (column[:, rows] for column in columns[:4])
            old = state[ordered].detach().clone()
            optimizer.zero_grad()
            vmap(one)(state, tuple(where), labels, weights).sum().backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                state[ordered].copy_(vmap(clip_order)(state[ordered], old))
    for run, part in enumerate(losses):
        part.load_state_dict({name: value[run] for name, value in state.items()})
