"""Forecasts of yes or no, and how good they were.

A forecast for one record uses the outcomes of all records of *other* sources. So no
record helps to predict itself, nor another claim of its own paper.

Axes: ``n`` records.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray


def from_other_sources(
    outcomes: Bool[ndarray, " n"],
    sources: Sequence[str],
    groups: Sequence[str] | None = None,
    weight: float = 5.0,
) -> Float[ndarray, " n"]:
    """For each record the share of positive outcomes among the others.

    With ``groups`` it is the share within the group, pulled toward the share of all as
    if ``weight`` more records had that share.

    Raises
    ------
    ValueError
        If ``weight`` is not positive, or all records are of one source.

    Examples
    --------
    >>> outcomes = np.array([True, True, False, False])
    >>> from_other_sources(outcomes, ["a", "a", "b", "c"])
    array([0.        , 0.        , 0.66666667, 0.66666667])
    """
    if not weight > 0:
        raise ValueError(f"weight {weight} is not positive")
    if len(set(sources)) < 2:
        raise ValueError(f"{len(sources)} records of {len(set(sources))} source")
    source = np.array(sources)
    group = np.array(groups or [""] * len(source))
    hits = outcomes.astype(float)
    other = source[:, None] != source
    base = (other @ hits) / other.sum(axis=1)
    if groups is None:
        return base
    alike = other & (group[:, None] == group)
    return (alike @ hits + weight * base) / (alike.sum(axis=1) + weight)


class Bins(NamedTuple):
    """Mean forecast, share of positive outcomes, and records in each bin."""

    forecast: Float[ndarray, " bins"]
    share: Float[ndarray, " bins"]
    records: ndarray


def reliability(
    outcomes: Bool[ndarray, " n"], forecasts: Float[ndarray, " n"], bins: int = 5
) -> Bins:
    """Records sorted by their forecast, in bins of (almost) equal number.

    Raises
    ------
    ValueError
        If there are more bins than records.
    """
    if not 1 <= bins <= len(outcomes):
        raise ValueError(f"{bins} bins of {len(outcomes)} records")
    parts = np.array_split(np.argsort(forecasts, kind="stable"), bins)
    rows = [(forecasts[p].mean(), outcomes[p].mean(), len(p)) for p in parts]
    return Bins(*np.array(rows).T)
