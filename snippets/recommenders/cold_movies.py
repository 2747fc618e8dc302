"""Movies that lose their ratings, so that they can be recommended as new ones.

Data of the experiments of LLM offline augmentation: likes are MovieLens ratings of at
least 3.5 stars, for movies with at least five of them.

Axes::

    users, items    rows and columns of the likes
    decades         1930 to 2010; a movie is in each that begins within 5 years of it
    labels          genres
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from snippets.recommenders.movielens import genre_marks, load
from snippets.recommenders.ranked_lists import recall_at_k, top_k
from snippets.recommenders.rating_splits import liked, liked_items, marks

Table = Bool[ndarray, "users items"]


class World(NamedTuple):
    """What is known of users and movies."""

    likes: Table
    decades: Bool[ndarray, "items decades"]
    genres: Bool[ndarray, "items labels"]


class Hidden(NamedTuple):
    """A world in which some movies are cold: nobody has rated them yet."""

    world: World
    """In random order: the order of MovieLens tells which movies are popular."""
    cold: Bool[ndarray, " items"]
    train: Table
    """Likes to learn from: none of a cold movie."""
    test: Table
    """All other likes."""


@cache
def load_world() -> World:
    """Likes, decades and genres of the movies that enough users like."""
    ratings, movies = load()
    items, kept = liked_items(ratings), liked(ratings)
    likes = marks(kept, int(kept.users.max()) + 1, len(items))
    decades = abs(movies.years[items, None] - np.arange(1930, 2020, 10)) < 6
    return World(likes, decades, genre_marks(movies)[1][items])


def hide(world: World, seed: int, cold: float = 0.15, likes: float = 0.0) -> Hidden:
    """Make a share of the movies cold, and hide a share of the other likes.

    Raises
    ------
    ValueError
        If a share is not from 0 to less than 1, or no movie would be cold.
    """
    rng = np.random.default_rng(seed)
    users, items = world.likes.shape
    count = int(cold * items)
    if not (0 < count < items and 0 <= likes < 1):
        raise ValueError(f"shares {cold} of {items} movies and {likes} of the likes")
    order = rng.permutation(items)
    mixed = World(world.likes[:, order], world.decades[order], world.genres[order])
    is_cold = np.arange(items) < count
    hidden = is_cold | (rng.random((users, items)) < likes)
    return Hidden(mixed, is_cold, mixed.likes & ~hidden, mixed.likes & hidden)


def cold_recall(scores: ndarray, hidden: Hidden, k: int = 20) -> float:
    """Recall at k among the cold movies alone, for users who like one of them.

    Parameters
    ----------
    scores
        Of each user for each cold movie.
    """
    relevant = hidden.test[:, hidden.cold]
    some = relevant.any(axis=1)
    lists = top_k(scores[some], np.zeros_like(relevant[some]), k)
    return recall_at_k(lists, relevant[some])


def both_ways(hidden: Hidden, fewest: int = 10) -> Int[ndarray, " users"]:
    """Users with enough likes to learn from, and test likes of warm and cold movies."""
    warm = hidden.test[:, ~hidden.cold].any(axis=1)
    cold = hidden.test[:, hidden.cold].any(axis=1)
    return np.flatnonzero((hidden.train.sum(axis=1) >= fewest) & warm & cold)
