"""Invented bank statements with descriptions, and the same as plain text."""

from datetime import date, timedelta

import numpy as np

from snippets.recommenders.transaction_tokens import Transaction

# description, logarithm of the usual amount, transactions in a month
SHOPS = (
    ("COFFEE HOUSE", 1.5, 8),
    ("CORNER GROCERY", 3.4, 6),
    ("CITY TRANSIT", 1.1, 10),
    ("PIZZA PALACE", 3.1, 3),
    ("BOOK NOOK", 3.0, 1),
    ("FUEL STATION", 3.9, 2),
    ("GREEN PHARMACY", 2.8, 2),
    ("STREAMING PLUS", 2.4, 1),
    ("HARDWARE DEPOT", 3.7, 1),
    ("TRANSFER TO SAVINGS", 5.0, 1),
)
DAYS = 90


def draw_statement(rng: np.random.Generator) -> list[Transaction]:
    """Three months of one user, in the order of time.

    Each shop has one of 60 branch numbers in its description. The salary comes on the
    first of each month.
    """
    start, found = date(2025, 1, 1), []
    for name, size, often in SHOPS:
        branch = rng.integers(1, 61)
        for day in rng.integers(0, DAYS, rng.poisson(often * DAYS / 30)):
            amount = -round(float(rng.lognormal(size, 0.5)), 2)
            when = start + timedelta(days=int(day))
            found.append(Transaction(amount, when, f"{name} {branch}"))
    for month in (1, 2, 3):
        salary = round(float(rng.lognormal(7.5, 0.1)), 2)
        found.append(Transaction(salary, date(2025, month, 1), "SALARY ACME INC"))
    return sorted(found, key=lambda transaction: transaction.day)


def plain_text(transaction: Transaction) -> str:
    """The transaction as a sentence would have it, with the names of its fields.

    Examples
    --------
    >>> plain_text(Transaction(-4.5, date(2025, 3, 31), "COFFEE HOUSE 17"))
    'date: 2025-03-31 Monday, amount: -4.50, description: COFFEE HOUSE 17'
    """
    amount, day, description = transaction
    when = f"{day} {day:%A}"
    return f"date: {when}, amount: {amount:.2f}, description: {description}"
