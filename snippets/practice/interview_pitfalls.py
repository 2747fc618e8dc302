"""Leaks, scores and comparisons that mislead, and what corrects them.

Dal Pozzolo et al. (2015), https://doi.org/10.1109/SSCI.2015.33 (undersampling); Julious
and Mullee (1994), https://doi.org/10.1136/bmj.309.6967.1480 (confounding). Choosing
features is in :mod:`snippets.practice.feature_screening`, repeated testing in
:mod:`snippets.practice.repeated_looks`.

Glossary::

    beta    kept       share of the negatives that undersampling keeps
    p_s     sampled    probability from a model of the undersampled data
    p       corrected  probability for the data as they were

Axes::

    rows        examples
    treatments  what is compared
    strata      groups of similar patients
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy import ndarray

Rate = float | int
Folds = Int[ndarray, " rows"]


def fold_numbers(fold: Folds) -> list[int]:
    """The numbers of the folds, in rising order.

    Raises
    ------
    ValueError
        If there are not at least two folds.
    """
    found = sorted(set(fold.tolist()))
    if len(found) < 2:
        raise ValueError(f"cannot hold out a fold: the folds are {found}")
    return found


def out_of_fold_means(
    category: Int[ndarray, " rows"], y: Real[ndarray, " rows"], fold: Folds
) -> Float[ndarray, " rows"]:
    """For each row, the mean target of its category in all other folds.

    A category that the other folds do not have gets their overall mean.

    Examples
    --------
    The first row's category has one other row, with the target 1, in fold 1:

    >>> category, y = np.array([5, 5, 7, 7]), np.array([0, 1, 1, 1])
    >>> out_of_fold_means(category, y, np.array([0, 1, 0, 1]))
    array([1., 0., 1., 1.])
    """
    names, place = np.unique(category, return_inverse=True)
    means = np.empty(len(y))
    for k in fold_numbers(fold):
        train, test = fold != k, fold == k
        count = np.bincount(place[train], minlength=len(names))
        total = np.bincount(place[train], y[train], minlength=len(names))
        mean = np.full(len(names), y[train].mean(dtype=float))
        np.divide(total, count, out=mean, where=count > 0)
        means[test] = mean[place[test]]
    return means


def precision_from_rates(
    recall: Rate, false_positive_rate: Rate, prevalence: Rate
) -> float:
    """Share of true positives among all alarms, by Bayes' rule.

    Raises
    ------
    ValueError
        If a rate is not between 0 and 1, or there is no alarm at all.

    Examples
    --------
    Of 1000 rows, 10 are positive: 9 right alarms and 99 false ones.

    >>> round(precision_from_rates(0.9, 0.1, prevalence=0.01), 4)
    0.0833
    """
    for rate in (recall, false_positive_rate, prevalence):
        if not 0 <= rate <= 1:
            raise ValueError(f"{rate} is not a rate between 0 and 1")
    right = recall * prevalence
    alarms = right + false_positive_rate * (1 - prevalence)
    if not alarms:
        raise ValueError(f"no alarms: {recall=}, {false_positive_rate=}, {prevalence=}")
    return right / alarms


def undo_undersampling(
    sampled: Real[ndarray, "*rows"], kept: Rate
) -> Float[ndarray, "*rows"]:
    """Probabilities for the data as they were, if a share of negatives was kept.

    Raises
    ------
    ValueError
        If ``kept`` is not above 0 and at most 1, or a probability not in [0, 1].

    Examples
    --------
    One of 99 negatives was kept for each positive, so even odds become 1 to 99:

    >>> undo_undersampling(np.array([0.0, 0.5, 1.0]), kept=1 / 99).round(4)
    array([0.  , 0.01, 1.  ])
    """
    if not 0 < kept <= 1:
        raise ValueError(f"the share of negatives {kept=} is not in (0, 1]")
    sampled = sampled.astype(float)
    inside: Bool[ndarray, "*rows"] = (sampled >= 0) & (sampled <= 1)
    if not inside.all():
        raise ValueError(f"not probabilities: {sampled[~inside].tolist()}")
    return kept * sampled / (1 - sampled + kept * sampled)


def standardized_rates(
    successes: Int[ndarray, "treatments strata"],
    trials: Int[ndarray, "treatments strata"],
) -> Float[ndarray, " treatments"]:
    """Success rate of each treatment if all treatments had the same patients.

    The rates of the strata are averaged with the shares of the strata in all trials.

    Raises
    ------
    ValueError
        If a treatment was never tried in a stratum, or counts are impossible.

    Examples
    --------
    Rates 0.9 and 0.5 in two strata of 20 trials each: (0.9 + 0.5) / 2.

    >>> successes, trials = np.array([[9, 5], [8, 4]]), np.full((2, 2), 10)
    >>> standardized_rates(successes, trials)
    array([0.7, 0.6])
    """
    if successes.shape != trials.shape or not np.all(trials > 0):
        raise ValueError(f"each treatment needs trials in each stratum, not {trials}")
    if not np.all((successes >= 0) & (successes <= trials)):
        raise ValueError(f"impossible: {successes} successes in {trials} trials")
    share = trials.sum(axis=0, dtype=float) / trials.sum(dtype=float)
    return successes / trials @ share
