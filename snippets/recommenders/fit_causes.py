"""Why advice goes wrong: scores in disorder, and probabilities of chosen sizes only.

Axes::

    batch      test purchases
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from snippets.recommenders.clothing_fit import FIT, FitModel
from snippets.recommenders.fit_factors import disordered
from snippets.recommenders.fit_quality import (
    advised_sizes,
    cheapest_sizes,
    fitted_logit,
    shares,
    size_scores,
)
from snippets.recommenders.fit_shops import Drawn
from snippets.recommenders.ordinal_logit import fit_ordinal_logit


def fit_by_order(
    drawn: Sequence[Drawn], models: Sequence[FitModel], ordered: Sequence[FitModel]
) -> Float[ndarray, "3"]:
    """Share of advised sizes that fit where `ordered` has scores in order, and not.

    The third number is the share of test purchases where it has not.
    """
    fits, wrong = [], []
    for one, model, judge in zip(drawn, models, ordered, strict=True):
        logit, test = fitted_logit(model, one.split.validation), one.split.test
        sizes = advised_sizes(model, logit, test)
        fits.append(test.outcomes.numpy()[np.arange(len(sizes)), sizes] == FIT)
        wrong.append(disordered(size_scores(judge, test)))
    fit, apart = np.concatenate(fits), np.concatenate(wrong)
    return np.array([fit[~apart].mean(), fit[apart].mean(), apart.mean()])


def informed_trial(
    drawn: Sequence[Drawn],
    models: Sequence[FitModel],
    costs: Sequence[float | int],
) -> Float[ndarray, "3"]:
    """Mean shares of small, fit, and large, if the logit knows outcomes of all sizes.

    No shop does, unless it draws sizes at random.
    """
    found = []
    for one, model in zip(drawn, models, strict=True):
        known, test = one.split.validation, one.split.test
        labels = known.outcomes.numpy().ravel()
        logit = fit_ordinal_logit(size_scores(model, known).ravel(), labels)
        chances = logit.probabilities(size_scores(model, test))
        found.append(shares(test, cheapest_sizes(chances, costs)))
    return np.mean(found, axis=0)
