"""Search for a genre in titles, and in titles with labels behind them.

Data of the experiments of LLM offline augmentation: the titles of MovieLens as
documents, each genre as a query, and its movies as what the query wants.

Axes::

    items     movies
    labels    genres
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from snippets.recommenders.bm25_index import build_index, retrieve, words
from snippets.recommenders.movielens import genre_marks, load

Marks = Bool[ndarray, "items labels"]


class Catalog(NamedTuple):
    """Words of titles and of genres, and which movie has which genre."""

    titles: list[list[str]]
    names: tuple[str, ...]
    queries: list[list[str]]
    truth: Marks


@cache
def load_catalog(seed: int) -> Catalog:
    """All movies in random order: of equal scores, the first movie wins."""
    _, movies = load()
    names, truth = genre_marks(movies)
    order = np.random.default_rng(seed).permutation(len(truth))
    titles = [words(movies.titles[old]) for old in order]
    return Catalog(titles, names, [words(name) for name in names], truth[order])


def add_labels(catalog: Catalog, marks: Marks) -> list[list[str]]:
    """The title of each movie, and behind it the words of its labels."""
    if marks.shape != catalog.truth.shape:
        raise ValueError(f"{marks.shape} marks for {catalog.truth.shape} true ones")
    texts = [list(title) for title in catalog.titles]
    for movie, label in np.argwhere(marks):
        texts[movie] += catalog.queries[label]
    return texts


def genre_precision(
    catalog: Catalog, texts: Sequence[Sequence[str]], k: int = 20, b: float | int = 0.75
) -> Float[ndarray, " labels"]:
    """Precision at k of the query for each genre; an empty place is a miss."""
    index = build_index(texts, b=b)
    lists = [retrieve(index, query, k) for query in catalog.queries]
    found = [catalog.truth[each, n].sum() for n, each in enumerate(lists)]
    return np.array(found) / k
