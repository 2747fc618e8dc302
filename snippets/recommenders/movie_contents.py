"""What a movie's entry says of its content: genres and the year of release.

Axes::

    items     movies
    features  genres, and the year
    levels    codes of an ID
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor
from torch.nn.functional import normalize

from snippets.recommenders.movielens import Movies, genre_marks

YEARS = 0.5  # of the standardized year, beside genres of length 1


def contents(movies: Movies) -> Float[ndarray, "items features"]:
    """Genres as a vector of length 1, 0 if there are none, and the standardized year.

    A movie without a year gets the median.

    Examples
    --------
    >>> pair = Movies(["", ""], np.array([1990.0, 1992.0]), [["War"], ["War", "Drama"]])
    >>> contents(pair).round(2).tolist()
    [[0.0, 1.0, -0.5], [0.71, 0.71, 0.5]]
    """
    _, marks = genre_marks(movies)
    lengths = np.sqrt(marks.sum(axis=1, keepdims=True).clip(min=1))
    years = np.where(np.isnan(movies.years), np.nanmedian(movies.years), movies.years)
    standardized = (years - years.mean()) / years.std()
    return np.column_stack([marks / lengths, YEARS * standardized])


def prefix_similarity(
    content: Float[Tensor, "items features"], ids: Int[Tensor, "items levels"]
) -> list[float]:
    """Mean cosine of two items that share at least 0, 1, 2 and more of the first codes.

    Examples
    --------
    >>> content = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    >>> ids = torch.tensor([[0], [0], [1]])
    >>> [round(cosine, 2) for cosine in prefix_similarity(content, ids)]
    [0.33, 1.0]
    """
    unit, means = normalize(content), []
    paths = torch.cat([torch.zeros_like(ids[:, :1]), ids], dim=1)  # all begin alike
    for length in range(1, paths.shape[1] + 1):
        _, group, sizes = paths[:, :length].unique(
            dim=0, return_inverse=True, return_counts=True
        )
        total = torch.zeros(len(sizes), content.shape[1]).to(unit)
        total.index_add_(0, group, unit)  # its square counts each pair twice
        both = total.square().sum() - unit.square().sum()
        means.append(float(both / (sizes**2 - sizes).sum()))
    return means
