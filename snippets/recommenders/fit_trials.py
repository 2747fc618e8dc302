"""Trials of fit models in several made-up shops.

Axes::

    shops        random shops of one kind
    penalties    that are compared
    batch        purchases
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from snippets.recommenders.clothing_fit import FIT, FitModel, LatentSizes
from snippets.recommenders.fit_quality import (
    advised_sizes,
    bought_scores,
    fitted_logit,
    newcomers,
    quality,
    shares,
)
from snippets.recommenders.fit_shops import Drawn
from snippets.recommenders.fit_training import train
from snippets.recommenders.fit_world import (
    SIZES,
    Purchases,
    by_time,
    draw_purchases,
    draw_world,
)
from snippets.recommenders.ordinal_logit import fit_ordinal_logit


def penalty_trial(
    drawn: Sequence[Drawn],
    make: Callable[[], FitModel],
    penalties: Sequence[float],
    generator: torch.Generator,
) -> Float[ndarray, "shops penalties 3"]:
    """AUC on validation and test, and the share of advised sizes that fit."""
    every = [one.split for one in drawn for _ in penalties]
    models = [make() for _ in every]
    weights = [*penalties] * len(drawn)
    train(models, [split.train for split in every], weights, generator)
    found = []
    for model, split in zip(models, every, strict=True):
        logit, parts = fitted_logit(model, split.validation), split[1:]
        chances = [logit.probabilities(bought_scores(model, part)) for part in parts]
        aucs = [
            quality(chance, part.labels).auc
            for chance, part in zip(chances, parts, strict=True)
        ]
        sizes = advised_sizes(model, logit, split.test)
        found.append([*aucs, shares(split.test, sizes)[FIT]])
    return np.array(found).reshape(len(drawn), len(penalties), 3)


def auc_of_true_sizes(one: Drawn) -> float:
    """AUC of the true size of the customer minus that of the child product."""
    world, scores = one.world._replace(taste=0.0), []
    for part in one.split[1:]:
        columns = [column.numpy() for column in part[:3]]
        every = world.scores(*columns[:2])
        scores.append(every[np.arange(len(every)), columns[2]])
    logit = fit_ordinal_logit(scores[0], one.split.validation.labels.numpy())
    return quality(logit.probabilities(scores[1]), one.split.test.labels).auc


def advice_trial(
    drawn: Sequence[Drawn],
    models: Sequence[FitModel],
    costs: Sequence[float | int],
) -> Float[ndarray, "3"]:
    """Mean shares of small, fit, and large among advised sizes."""
    found = []
    for one, model in zip(drawn, models, strict=True):
        logit, test = fitted_logit(model, one.split.validation), one.split.test
        found.append(shares(test, advised_sizes(model, logit, test, costs)))
    return np.mean(found, axis=0)


def newcomer_trial(
    drawn: Sequence[Drawn],
    models: Sequence[FitModel],
    histories: Sequence[Purchases],
    counts: Sequence[int],
    generator: torch.Generator,
) -> Float[ndarray, " counts"]:
    """Share of advised sizes that fit after so many purchases of new customers.

    `histories` have equally many purchases of each customer, customer by customer. The
    first ones teach the customers' parameters only; those after all `counts` test.
    """
    customers = len(histories[0].customers.unique())
    places = torch.arange(len(histories[0].customers) // customers).repeat(customers)
    later = [one.take(places >= max(counts)) for one in histories]
    logits = [
        fitted_logit(model, one.split.validation)
        for one, model in zip(drawn, models, strict=True)
    ]
    found = []
    for count in counts:
        new = [newcomers(model, customers) for model in models]
        if count:
            names = [
                name for name in new[0].state_dict() if name.startswith("customer")
            ]
            seen = [one.take(places < count) for one in histories]
            train(new, seen, [0.03] * len(new), generator, 30, rate=0.1, only=names)
        rows = zip(new, logits, later, strict=True)
        fits = [shares(row[2], advised_sizes(*row))[FIT] for row in rows]
        found.append(np.mean(fits))
    return np.array(found)


def drift_trial(seed: int, drift: float, shuffled: bool) -> float:
    """AUC of 1-LV if `drift` times a normal number is added to each customer's size.

    This happens after half of 8000 purchases of 150 customers. Models learn from the
    first 40 %; if `shuffled`, purchases are put into a random order before.
    """
    rng = np.random.default_rng(seed)
    world = draw_world(150, 30, 0.3, rng)
    early, thresholds = draw_purchases(world, 4000, rng)
    moved = world.customer_sizes + drift * rng.normal(size=150)
    late = draw_purchases(world._replace(customer_sizes=moved), 4000, rng, thresholds)
    pairs = zip(early, late[0], strict=True)
    purchases = Purchases(*(torch.cat(pair) for pair in pairs))
    if shuffled:
        purchases = purchases.take(torch.as_tensor(rng.permutation(8000)))
    split, model = by_time(purchases, (0.4, 0.5)), LatentSizes(150, 30, SIZES)
    train([model], [split.train], [0.0], torch.Generator().manual_seed(0))
    logit = fitted_logit(model, split.validation)
    chances = logit.probabilities(bought_scores(model, split.test))
    return quality(chances, split.test.labels).auc
