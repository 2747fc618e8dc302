"""Quality of fit models: probabilities of labels, and the sizes that they advise.

Axes::

    batch      purchases
    sizes      sizes of a product
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from torch import Tensor

from snippets.recommenders.clothing_fit import FitModel
from snippets.recommenders.fit_world import Purchases
from snippets.recommenders.ordinal_logit import OrdinalLogit, fit_ordinal_logit


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


def cheapest_sizes(
    probabilities: Float[ndarray, "batch sizes 3"], costs: Sequence[float | int]
) -> Int[ndarray, " batch"]:
    """The size of smallest expected cost, if small, fit, and large cost so much."""
    if np.shape(costs) != (3,) or not np.isfinite(costs).all():
        raise ValueError(f"costs of small, fit, large are needed, got {costs}")
    expected = probabilities @ np.asarray(costs, dtype=float)
    return expected.argmin(axis=1)


def shares(purchases: Purchases, sizes: Int[ndarray, " batch"]) -> Float[ndarray, "3"]:
    """Shares that are too small, fit, and are too large, if these sizes were bought."""
    labels = purchases.outcomes.numpy()[np.arange(len(sizes)), sizes]
    return np.bincount(labels, minlength=3) / len(sizes)


def advised_sizes(
    model: FitModel,
    logit: OrdinalLogit,
    purchases: Purchases,
    costs: Sequence[float | int] = (1, 0, 1),
) -> Int[ndarray, " batch"]:
    """The cheapest size for the customer and product of each purchase."""
    chances = logit.probabilities(size_scores(model, purchases))
    return cheapest_sizes(chances, costs)


def refuse_strangers(
    customers: Int[Tensor, " batch"], train: Int[Tensor, " _"]
) -> None:
    """Raise a ValueError if a customer has no purchase to learn from."""
    strangers = customers[~torch.isin(customers, train)].unique().tolist()
    if strangers:
        raise ValueError(
            f"{len(strangers)} customers without purchases: {strangers[:3]}"
        )


def newcomers(model: FitModel, customers: int) -> FitModel:
    """The same products, and customers who are all like the mean of the known ones."""
    new, state = copy.deepcopy(model), model.state_dict()
    names = [name for name in state if name.startswith("customer_")]
    if customers < 1 or not names:
        raise ValueError(f"{customers} newcomers for a model with {names}")
    with torch.no_grad():
        for name in names:
            mean = state[name].mean(dim=0, keepdim=True)
            rows = mean.expand(customers, *mean.shape[1:]).clone()
            setattr(new, name, torch.nn.Parameter(rows))
    new.shape = customers, *model.shape[1:]
    return new
