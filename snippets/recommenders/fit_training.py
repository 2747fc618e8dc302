"""Training of fit models, several runs side by side, and their evaluation.

Axes::

    runs       models that are trained at the same time
    batch      purchases
    sizes      sizes of a product
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from snippets.recommenders.clothing_fit import FitModel, clip_order, ordinal_hinge
from snippets.recommenders.fit_world import Purchases
from snippets.recommenders.ordinal_logit import OrdinalLogit, fit_ordinal_logit


BATCH = 1024  # purchases for a step of the optimizer


class Split(NamedTuple):
    """Purchases by time: to learn from, to choose settings, and to test."""

    train: Purchases
    validation: Purchases
    test: Purchases


def by_time(purchases: Purchases, ends: tuple[float, float] = (0.7, 0.8)) -> Split:
    """The first 70 %, the next 10 %, and the last 20 % of the purchases."""
    first, second = (round(end * len(purchases.labels)) for end in ends)
    parts = slice(first), slice(first, second), slice(second, None)
    return Split(*(purchases.take(part) for part in parts))


def check(purchases: Purchases, customers: int, products: int, sizes: int) -> None:
    """Raise a ValueError that says which column has a number out of its range."""
    limits = {"customers": customers, "products": products, "sizes": sizes, "labels": 3}
    for name, limit in limits.items():
        numbers = getattr(purchases, name)
        if not len(numbers) or numbers.min() < 0 or numbers.max() >= limit:
            wrong = numbers[(numbers < 0) | (numbers >= limit)].tolist()[:3]
            raise ValueError(f"{name} {wrong} of {len(numbers)}, not 0 to {limit - 1}")


def refuse_strangers(
    customers: Int[Tensor, " batch"], train: Int[Tensor, " _"]
) -> None:
    """Raise a ValueError if a customer has no purchase to learn from."""
    strangers = customers[~torch.isin(customers, train)].unique().tolist()
    if strangers:
        raise ValueError(f"{len(strangers)} customers without purchases: {strangers[:3]}")


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
        hinge = ordinal_hinge(scores, self.model.thresholds(), labels)
        return (hinge + penalty * squares).mean()


def train(
    models: Sequence[FitModel],
    purchases: Sequence[Purchases],
    penalties: Sequence[float],
    generator: torch.Generator,
    passes: int = 30,
    rate: float = 0.05,
    only: Collection[str] = (),
) -> None:
    """Train models of one kind at the same time, each on purchases of its own.

    Adam with a falling rate; child sizes or factors are clipped after each step. With
    `only`, parameters of other names stay as they are.
    """
    losses = [TrainingLoss(model) for model in models]
    state, _ = stack_module_state(losses)
    columns = [torch.stack(column) for column in zip(*purchases, strict=True)]
    count, weights = columns[0].shape[1], torch.tensor(penalties)
    ordered, names = f"model.{models[0].ordered}", {f"model.{name}" for name in only}
    learned = [value for name, value in state.items() if not only or name in names]
    optimizer = torch.optim.Adam(learned, lr=rate)
    steps = passes * -(-count // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, steps)

    def one(state: dict[str, Tensor], *arguments: Tensor) -> Float[Tensor, ""]:
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


def bought_scores(model: FitModel, purchases: Purchases) -> Float[ndarray, " batch"]:
    """Scores of what was bought."""
    with torch.no_grad():
        return model(*purchases[:3]).double().numpy()


def size_scores(model: FitModel, purchases: Purchases) -> Float[ndarray, "batch sizes"]:
    """Scores of all sizes for each customer and product."""
    every = torch.arange(purchases.outcomes.shape[1])
    columns = [
        bought_scores(model, purchases._replace(sizes=size.expand_as(purchases.sizes)))
        for size in every
    ]
    return np.stack(columns, axis=1)


class Quality(NamedTuple):
    """Of probabilities of the three labels; guessing gives 1/2 and 1/3."""

    auc: float
    """Mean over the labels: each against the two others."""
    balanced: float
    """Mean over the labels: share that is recognized."""
    accuracy: float


def quality(
    probabilities: Float[ndarray, "batch 3"], labels: Int[Tensor, " batch"]
) -> Quality:
    """Area under the ROC curve, balanced accuracy, and accuracy."""
    found, guess = labels.numpy(), probabilities.argmax(axis=1)
    auc = roc_auc_score(found, probabilities, multi_class="ovr", average="macro")
    return Quality(auc, balanced_accuracy_score(found, guess), (found == guess).mean())


def fitted_logit(model: FitModel, purchases: Purchases) -> OrdinalLogit:
    """Probabilities from scores, on purchases that the model has not seen."""
    return fit_ordinal_logit(bought_scores(model, purchases), purchases.labels.numpy())


def evaluate(model: FitModel, split: Split) -> tuple[Quality, Quality]:
    """Quality on the validation part and on the test part."""
    logit = fitted_logit(model, split.validation)
    parts = split.validation, split.test
    return tuple(
        quality(logit.probabilities(bought_scores(model, part)), part.labels)
        for part in parts
    )


def cheapest_sizes(
    probabilities: Float[ndarray, "batch sizes 3"], costs: Sequence[float]
) -> Int[ndarray, " batch"]:
    """The size of smallest expected cost, if small, fit, and large cost so much."""
    if len(costs) != 3 or not np.isfinite(costs).all():
        raise ValueError(f"costs of small, fit, and large are needed, got {costs}")
    return (probabilities @ np.asarray(costs, dtype=float)).argmin(axis=1)
