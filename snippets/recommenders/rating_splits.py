"""Splits of ratings into training and test: by user, at random, and by time.

Axes::

    users, items    numbers from 0, as in the ratings
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Real
from numpy import ndarray

from snippets.recommenders.movielens import Ratings, renumber

Marks = Bool[ndarray, "users items"]


class Split(NamedTuple):
    """Ratings to learn from, and ratings to predict."""

    train: Ratings
    test: Ratings


def liked_items(
    ratings: Ratings, stars: float = 3.5, fewest: int = 5
) -> Int[ndarray, " items"]:
    """Numbers of the items with at least `fewest` ratings of `stars` or more."""
    return np.flatnonzero(np.bincount(ratings.items[ratings.values >= stars]) >= fewest)


def liked(ratings: Ratings, stars: float = 3.5, fewest: int = 5) -> Ratings:
    """Those ratings; users and items that are left are numbered from 0.

    Item j had the number ``liked_items(ratings)[j]``.
    """
    kept = np.isin(ratings.items, liked_items(ratings, stars, fewest))
    return renumber(ratings.take(kept & (ratings.values >= stars)))[0]


def split(ratings: Ratings, test: Bool[ndarray, " ratings"]) -> Split:
    """The ratings without and with a mark; a ValueError if there are none of either."""
    if not 0 < test.sum() < len(test):
        raise ValueError(f"{test.sum()} of {len(test)} ratings are for the test")
    return Split(ratings.take(~test), ratings.take(test))


def places_from_last(
    users: Int[ndarray, " ratings"], keys: Real[ndarray, " ratings"]
) -> Int[ndarray, " ratings"]:
    """Place of each rating among those of its user, from 0 for the largest key.

    Among equal keys, the rating that stands last comes first.

    Examples
    --------
    >>> places_from_last(np.array([0, 1, 0, 0]), np.array([7, 5, 9, 9]))
    array([2, 0, 1, 0])
    """
    order = np.lexsort((keys, users))  # stable
    ends = np.cumsum(np.bincount(users))
    places = np.empty_like(order)
    places[order] = ends[users[order]] - 1 - np.arange(len(users))
    return places


def last_per_user(ratings: Ratings, count: int) -> Split:
    """The last `count` ratings of each user are for the test.

    Later ratings of other users stay in training, so this split leaks time.
    """
    return split(ratings, places_from_last(ratings.users, ratings.times) < count)


def random_per_user(ratings: Ratings, count: int, seed: int = 0) -> Split:
    """`count` random ratings of each user are for the test."""
    keys = np.random.default_rng(seed).random(len(ratings.users))
    return split(ratings, places_from_last(ratings.users, keys) < count)


def at_random(ratings: Ratings, share: float, seed: int = 0) -> Split:
    """Each rating is for the test with probability `share`."""
    drawn = np.random.default_rng(seed).random(len(ratings.users))
    return split(ratings, drawn < share)


def windows(ratings: Ratings, count: int) -> list[Split]:
    """Splits by time, one after another: train before a cut, test up to the next.

    The cuts leave about as many ratings in each of `count` + 1 parts. The first part
    is for training only. Ratings of one time stay together.
    """
    shares = np.arange(1, count + 2) / (count + 1)
    cuts = np.quantile(ratings.times, shares, method="lower")
    known = [ratings.take(ratings.times <= end) for end in cuts[1:]]
    return [
        split(part, part.times > start)
        for part, (start, _) in zip(known, pairwise(cuts), strict=True)
    ]


def by_time(ratings: Ratings, share: float) -> Split:
    """The last `share` of all ratings is for the test; one time is never divided."""
    cut = np.quantile(ratings.times, 1 - share, method="lower")
    return split(ratings, ratings.times > cut)


def refuse_leak(split: Split) -> None:
    """Raise a ValueError if a training rating is later than the first test rating."""
    late = np.count_nonzero(split.train.times > split.test.times.min())
    if late:
        raise ValueError(
            f"{late} of {len(split.train.times)} training ratings are later than "
            "the first test rating"
        )


def marks(ratings: Ratings, users: int, items: int) -> Marks:
    """A table that is true where a user has rated an item.

    Raises
    ------
    ValueError
        If a number of a user or an item is not in the table.
    """
    for numbers, size in ((ratings.users, users), (ratings.items, items)):
        wrong = numbers[(numbers < 0) | (numbers >= size)]
        if len(wrong):
            raise ValueError(f"number {wrong[0]} in a table of {users} x {items}")
    table = np.zeros((users, items), dtype=bool)
    table[ratings.users, ratings.items] = True
    return table


def evaluated_users(
    seen: Marks, relevant: Marks, fewest: int = 10
) -> Int[ndarray, " evaluated"]:
    """Users with at least `fewest` training ratings and at least one test rating.

    Raises
    ------
    ValueError
        If there are none, or if a rating is in both tables.
    """
    both = np.count_nonzero(seen & relevant)
    if both:
        raise ValueError(f"{both} ratings are in training and in the test")
    found = np.flatnonzero((seen.sum(axis=1) >= fewest) & relevant.any(axis=1))
    if not len(found):
        raise ValueError(f"no user of {len(seen)} has {fewest} ratings and a test one")
    return found
