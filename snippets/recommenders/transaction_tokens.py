"""Bank transactions as tokens: five for sign, amount and date, then the description.

Braithwaite et al. (2025), Your Spending Needs Attention,
https://arxiv.org/abs/2507.23267, section 3.1. Our amount bins hold equally many of the
amounts that they are fitted on.

Ids: two signs, then the amount bins, 12 months, 31 days, 7 weekdays, and after them the
ids of the tokenizer for descriptions.

Axes::

    amounts  of transactions of the users that the model learns from
    inner    boundaries between bins, one less than there are bins
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from snippets.language.byte_pair_encoding import Tokenizer

Edges = Float[ndarray, " inner"]


class Transaction(NamedTuple):
    """Money that came in (``amount`` above 0) or went out (below 0)."""

    amount: float
    day: date
    description: str


def fit_amount_bins(amounts: Float[ndarray, " amounts"], bins: int = 21) -> Edges:
    """Boundaries of bins that hold equally many of these amounts, without their sign.

    Raises
    ------
    ValueError
        If there are fewer than 2 bins, an amount is not finite, or so many amounts are
        equal that a bin would be empty.

    Examples
    --------
    >>> fit_amount_bins(np.array([3.0, -5.0, 8.0, -20.0]), bins=2).tolist()
    [6.5]
    """
    if bins < 2 or len(amounts) < bins:
        raise ValueError(f"{bins} bins for {len(amounts)} amounts")
    if not np.isfinite(amounts).all():
        bad = int((~np.isfinite(amounts)).sum())
        raise ValueError(f"{bad} of {len(amounts)} amounts are not finite")
    edges = np.quantile(np.abs(amounts), np.linspace(0, 1, bins + 1)[1:-1])
    if len(set(edges)) < len(edges):
        raise ValueError(f"only {len(set(edges)) + 1} of {bins} bins: equal amounts")
    return edges


def special_tokens(transaction: Transaction, edges: Edges) -> list[int]:
    """Ids of sign, amount bin, month, day of the month, and weekday.

    Raises
    ------
    ValueError
        If the amount is not finite.

    Examples
    --------
    >>> paid = Transaction(-20.0, date(2025, 3, 31), "COFFEE")  # a Monday
    >>> special_tokens(paid, np.array([6.5]))
    [0, 3, 6, 46, 47]
    """
    amount, day = transaction.amount, transaction.day
    place = np.searchsorted(edges, abs(amount), side="right")
    if not np.isfinite(amount):
        raise ValueError(f"the amount {amount} is not finite")
    fields = (
        (int(amount > 0), 2),
        (int(place), len(edges) + 1),
        (day.month - 1, 12),
        (day.day - 1, 31),
        (day.weekday(), 7),
    )
    ids, start = [], 0
    for value, size in fields:
        ids.append(start + value)
        start += size
    return ids


def encode(transaction: Transaction, edges: Edges, tokenizer: Tokenizer) -> list[int]:
    """Five special tokens, then the tokens of the description."""
    first = 2 + (len(edges) + 1) + 12 + 31 + 7  # the first id that is not special
    text = tokenizer.encode(transaction.description)
    return special_tokens(transaction, edges) + [first + token for token in text]


def statement(
    transactions: Sequence[Transaction],
    edges: Edges,
    tokenizer: Tokenizer,
    *,
    context: int,
    before: date,
) -> list[int]:
    """Tokens of the latest transactions that fit the context, the oldest first.

    Parameters
    ----------
    before
        First day of the period that the label is about.

    Raises
    ------
    ValueError
        If there is no transaction, they are not in the order of their days, one is
        not ``before`` the label, or the last one alone is longer than the context.
    """
    days = [transaction.day for transaction in transactions]
    if not days or days != sorted(days):
        raise ValueError(f"{len(days)} transactions, which must be in order of time")
    if days[-1] >= before:
        raise ValueError(f"a transaction of {days[-1]}, but the label begins {before}")
    ids: list[int] = []
    for transaction in reversed(transactions):
        new = encode(transaction, edges, tokenizer)
        if len(new) + len(ids) > context:
            break
        ids = new + ids
    if not ids:
        raise ValueError(f"the last transaction has {len(new)} tokens, {context=}")
    return ids
