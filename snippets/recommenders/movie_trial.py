"""Some movies are new: their ratings are hidden, and other movies' ratings are split.

Axes::

    ratings  of all users
    items    movies
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.sparse import csr_matrix

from snippets.recommenders.click_model import Cells, fit_tuned
from snippets.recommenders.movielens import Ratings
from snippets.recommenders.user_auc import grouped_auc

LIKED = 4.0  # stars, or more
RIDGES = (3.0, 1.0)

Marks = Bool[ndarray, " ratings"]


class Hidden(NamedTuple):
    new: Bool[ndarray, " items"]
    training: Cells
    validation: Cells
    known: Marks
    """Ratings of known movies that are in neither."""
    unseen: Marks
    """All ratings of new movies."""


def likes_of(ratings: Ratings) -> Float[ndarray, " ratings"]:
    """1 for four stars or more, otherwise 0."""
    return (ratings.values >= LIKED) * 1.0


def user_offsets(ratings: Ratings, training: Marks) -> Float[ndarray, " ratings"]:
    """Log-odds of a like by the user of each rating; two more likes, and two less."""
    users = ratings.users.max() + 1
    rated = np.bincount(ratings.users[training], minlength=users)
    liked = np.bincount(ratings.users[training], likes_of(ratings)[training], users)
    return np.log((liked + 2) / (rated - liked + 2))[ratings.users]


def hide_movies(ratings: Ratings, items: int, seed: int, share: float = 0.25) -> Hidden:
    """New movies at random; of other ratings, a tenth is for each kind of test.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1, or there are fewer items than ratings name.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of new movies must be in (0, 1), got {share}")
    if ratings.items.max() >= items:
        raise ValueError(f"{items} movies, but a rating of movie {ratings.items.max()}")
    rng = np.random.default_rng(seed)
    new, fold = rng.random(items) < share, rng.random(len(ratings.items))
    unseen = new[ratings.items]
    training, later = ~unseen & (fold < 0.8), ~unseen & (fold >= 0.9)
    offset, likes = user_offsets(ratings, training), likes_of(ratings)
    cells = [
        Cells(ratings.items[m], likes[m], np.ones(m.sum()), offset[m])
        for m in (training, ~unseen & ~training & ~later)
    ]
    return Hidden(new, *cells, later, unseen)


def areas(
    ratings: Ratings, hidden: Hidden, features: csr_matrix
) -> tuple[float, float]:
    """AUC within a user, averaged over users: of known and of new movies."""
    scores = fit_tuned(features, hidden.training, hidden.validation, RIDGES)
    likes = likes_of(ratings)
    known, new = (
        grouped_auc(
            ratings.users[m], scores[ratings.items[m]], likes[m], 1 - likes[m]
        ).mean()
        for m in (hidden.known, hidden.unseen)
    )
    return float(known), float(new)
