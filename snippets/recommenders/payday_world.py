"""Synthetic users: a statement, a table, and a label that may need both.

Each statement has one payday and one cash advance, at random places. Which of them
comes first is the order of the user. The other transactions follow the user's taste
for treats. The label depends on order, taste, and table.

Axes::

    users
    count     transactions of a statement
    seq       tokens: amount bin and merchant of each transaction
    features  columns of the table
    sets      data sets, each with users of its own
    runs      labels, each for a data set and an effect
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from snippets.recommenders.transaction_tokens import fit_amount_bins

COUNT, BINS = 8, 8
TREATS, NEEDS = 5, 5  # merchants 0 to 4 sell treats, 5 to 9 necessities
ADVANCE, SALARY, MERCHANTS = 10, 11, 12
VOCAB = BINS + MERCHANTS


class Users(NamedTuple):
    """Users whose transactions are in the order of time."""

    merchants: Int[ndarray, "users count"]
    amounts: Float[ndarray, "users count"]  # do not depend on the merchant
    order: Int[ndarray, " users"]  # 1: the advance came after payday, -1: before
    taste: Float[ndarray, " users"]  # share of treats that the user wants
    table: Float[ndarray, "users features"]  # standard normal


def draw_users(users: int, rng: np.random.Generator) -> Users:
    """Random users."""
    taste = rng.beta(2, 2, users)
    treat = rng.random((users, COUNT)) < taste[:, None]
    treats, needs = (rng.integers(n, size=(users, COUNT)) for n in (TREATS, NEEDS))
    merchants = np.where(treat, treats, TREATS + needs)
    payday, advance = rng.random((users, COUNT)).argsort(axis=1)[:, :2].T
    for place, merchant in ((payday, SALARY), (advance, ADVANCE)):
        merchants[np.arange(users), place] = merchant
    amounts = rng.lognormal(3, 1, merchants.shape)
    order = np.where(advance > payday, 1, -1)
    table = rng.normal(size=(users, 6))
    return Users(merchants, amounts, order, taste, table)


def to_tokens(
    users: Users, edges: Float[ndarray, " inner"]
) -> Int[ndarray, "users seq"]:
    """Amount bin and merchant of each transaction, one after the other."""
    bins = np.searchsorted(edges, users.amounts, side="right")
    return np.stack([bins, BINS + users.merchants], axis=2).reshape(len(bins), -1)


def log_odds(
    users: Users, same: int | float, opposite: int | float
) -> Float[ndarray, " users"]:
    """Log-odds of the label.

    The order has the effect ``same`` for all users. The effect ``opposite`` is added
    where the first column of the table is positive, and subtracted elsewhere.
    """
    x = users.table
    effect = same + opposite * np.sign(x[:, 0])
    rest = 0.8 * x[:, 1] * x[:, 2] + 0.5 * x[:, 3] + 3 * (users.taste - 0.5)
    return effect * users.order + rest


def draw_labels(
    odds: Float[ndarray, "*shape"], rng: np.random.Generator
) -> Bool[ndarray, "*shape"]:
    """True with the given log-odds."""
    return rng.random(odds.shape) < 1 / (1 + np.exp(-odds))


def merchant_counts(users: Users) -> Int[ndarray, "users merchants"]:
    """How often each merchant occurs: hand-made features that ignore the order."""
    return (users.merchants[:, :, None] == np.arange(MERCHANTS)).sum(axis=1)


class Study(NamedTuple):
    """Users of several data sets, labeled in several ways: a run for each of both."""

    ids: Int[Tensor, "sets users seq"]
    """Tokens of the statements of each data set."""
    table: Float[Tensor, "runs users features"]
    counts: Float[Tensor, "runs users merchants"]
    order: Float[Tensor, "runs users one"]
    odds: Float[ndarray, "runs users"]
    """True log-odds of the labels: what an oracle would know."""
    labels: Bool[Tensor, "runs users"]


def draw_study(
    effects: Sequence[tuple[float, float]],
    sets: int,
    users: int,
    labeled: int,
    rng: np.random.Generator,
) -> Study:
    """Data sets, and a run for each effect and data set; effects change last.

    Amount bins are fitted on the first ``labeled`` users of each data set.
    """
    drawn = [draw_users(users, rng) for _ in range(sets)]
    amounts = np.concatenate([one.amounts[:labeled].ravel() for one in drawn])
    edges = fit_amount_bins(amounts, BINS)
    runs = [(effect, one) for effect in effects for one in drawn]
    odds = np.stack([log_odds(one, *effect) for effect, one in runs])
    return Study(
        torch.tensor(np.stack([to_tokens(one, edges) for one in drawn])),
        stacked([one.table for _, one in runs]),
        stacked([merchant_counts(one) for _, one in runs]),
        stacked([one.order[:, None] for _, one in runs]),
        odds,
        torch.tensor(draw_labels(odds, rng)),
    )


def stacked(parts: Sequence[ndarray]) -> Float[Tensor, "*shape"]:
    """Arrays of one shape, one below the other, in single precision."""
    return torch.tensor(np.stack(parts)).float()
