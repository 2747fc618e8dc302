"""Windows of time over MovieLens: what was known before each cut, and what came after.

Axes::

    users       evaluated in a window: ten liked films before the cut, one or more after
    items       the catalog
    k           candidates of a user
    features    score and rank by EASE, count and rank of the last year, count of all
                time, and how much newer than the user's films a film is
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy import ndarray

from snippets.recommenders import rating_splits
from snippets.recommenders.movielens import load
from snippets.recommenders.ranked_lists import hits
from snippets.recommenders.recommender_systems import ease_scores
from snippets.recommenders.two_stages import (
    candidates,
    features,
    fit_ranker,
    rank,
    ranks,
)

YEAR = 365 * 86400  # seconds


class Window(NamedTuple):
    """Users of a window; what they had seen; what they liked; scores; candidates."""

    users: Int[ndarray, " users"]
    seen: Bool[ndarray, "users items"]
    relevant: Bool[ndarray, "users items"]
    sources: Mapping[str, Real[ndarray, "users items"]]
    lists: Int[ndarray, "users k"]
    inputs: Float[ndarray, "users k features"]


def prepare(
    split: rating_splits.Split, years: Float[ndarray, " items"], total: int
) -> Window:
    """Scores and candidates of one window, from ratings before its cut only.

    There are `total` users in all windows.
    """
    rating_splits.refuse_leak(split)
    size = total, len(years)
    train, test = (rating_splits.marks(part, *size) for part in split)
    users = rating_splits.evaluated_users(train, test)
    seen, times = train[users], split.train.times
    late = split.train.items[times > times.max() - YEAR]
    counts = train.sum(axis=0), np.bincount(late, minlength=len(years))
    ever, year = (np.tile(count, (len(users), 1)) for count in counts)
    ease = ease_scores(seen, train[train.any(axis=1)], penalty=200.0)
    newer = years - np.nanmean(np.where(seen, years, np.nan), axis=1, keepdims=True)
    lists = candidates([ease, year], seen, each=50)
    columns = [ease, ranks(ease, seen), year, ranks(year, seen), ever, newer]
    sources = {"popularity": ever, "last year": year, "EASE": ease}
    return Window(users, seen, test[users], sources, lists, features(columns, lists))


@cache
def film_windows(count: int = 19) -> tuple[Window, ...]:
    """Windows of liked films; ratings before the first cut are only learned from."""
    ratings, movies = load()
    years = movies.years[rating_splits.liked_items(ratings)]
    liked = rating_splits.liked(ratings)
    total = int(liked.users.max()) + 1
    splits = rating_splits.windows(liked, count)
    return tuple(prepare(split, years, total) for split in splits)


def recalls(
    lists: Int[ndarray, "users _"], window: Window, k: int = 20
) -> Float[ndarray, " users"]:
    """Recall of each user's first k places."""
    possible = np.minimum(window.relevant.sum(axis=1), k)
    return hits(lists[:, :k], window.relevant).sum(axis=1) / possible


def rank_from_past(windows: Sequence[Window], number: int) -> Int[ndarray, "users k"]:
    """Candidates of a window by a ranker that has learned from all earlier ones."""
    past, window = windows[:number], windows[number]
    liked = [np.take_along_axis(one.relevant, one.lists, axis=1) for one in past]
    inputs = np.concatenate([one.inputs for one in past])
    ranker = fit_ranker(inputs, np.concatenate(liked))
    return rank(ranker, window.inputs, window.lists)


def fused(window: Window) -> Float[ndarray, "users items"]:
    """Reciprocal rank fusion of EASE and last year: sum of 1 / (60 + rank from 1)."""
    pair = (window.sources[name] for name in ("EASE", "last year"))
    return sum(1 / (61 + ranks(scores, window.seen)) for scores in pair)


def share_found(windows: Sequence[Window], names: Sequence[str], number: int) -> float:
    """Share of a user's future films among so many candidates, mean over users."""
    shares = []
    for window in windows:
        sources = [window.sources[name] for name in names]
        lists = candidates(sources, window.seen, number // len(names))
        shares.append(recalls(lists, window, k=window.seen.shape[1]))
    return float(np.concatenate(shares).mean())
