"""Candidates from several sources, and a ranker that orders them: LambdaMART.

The ranker is LightGBM's: boosted trees whose gradients weigh each pair of items by the
change of NDCG that swapping them would make (Burges, 2010).

Axes::

    users       one list of candidates for each
    items       the catalog
    k           candidates of a user
    features    what the ranker knows of a user and a candidate
"""

from collections.abc import Sequence

import lightgbm
import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy import ndarray

from snippets.recommenders.ranked_lists import top_k

Marks = Bool[ndarray, "users items"]
Scores = Real[ndarray, "users items"]
Lists = Int[ndarray, "users k"]
Features = Float[ndarray, "users k features"]


def candidates(sources: Sequence[Scores], seen: Marks, each: int) -> Lists:
    """The best items of each source in turn that are not yet candidates.

    Examples
    --------
    >>> first, second = np.array([[3, 2, 1, 0]]), np.array([[3, 1, 0, 2]])
    >>> candidates([first, second], np.zeros((1, 4), dtype=bool), each=1)
    array([[0, 3]])
    """
    taken, lists = seen.copy(), []
    for scores in sources:
        lists.append(top_k(scores, taken, each))
        np.put_along_axis(taken, lists[-1], True, axis=1)
    return np.concatenate(lists, axis=1)


def ranks(scores: Scores, seen: Marks) -> Int[ndarray, "users items"]:
    """Rank of each unseen item from 0, best first; seen items come last.

    Examples
    --------
    >>> ranks(np.array([[9, 1, 2]]), np.array([[True, False, False]]))
    array([[2, 1, 0]])
    """
    order = np.lexsort((-scores.astype(float), seen), axis=1)
    return np.argsort(order, axis=1)


def features(columns: Sequence[Scores], lists: Lists) -> Features:
    """The values of each column at the candidates."""
    found = [np.take_along_axis(column, lists, axis=1) for column in columns]
    return np.stack(found, axis=-1).astype(float)


def fit_ranker(
    inputs: Features, liked: Bool[ndarray, "users k"], trees: int = 50, leaves: int = 4
) -> lightgbm.LGBMRanker:
    """LambdaMART on lists that have a liked candidate.

    Raises
    ------
    ValueError
        If no list has one.
    """
    useful = liked.any(axis=1)
    if not useful.any():
        raise ValueError(f"none of {len(liked)} lists has a liked candidate")
    ranker = lightgbm.LGBMRanker(
        n_estimators=trees,
        num_leaves=leaves,
        learning_rate=0.05,
        min_child_samples=50,
        random_state=0,
        deterministic=True,
        force_row_wise=True,
        n_jobs=1,
        verbose=-1,
    )
    rows = inputs[useful].reshape(-1, inputs.shape[-1])
    group = np.full(useful.sum(), inputs.shape[1])  # candidates of each list
    return ranker.fit(rows, liked[useful].ravel().astype(int), group=group)


def rank(ranker: lightgbm.LGBMRanker, inputs: Features, lists: Lists) -> Lists:
    """The candidates in the order of the ranker, best first."""
    found = ranker.predict(inputs.reshape(-1, inputs.shape[-1]))
    order = np.argsort(-found.reshape(lists.shape), axis=1, kind="stable")
    return np.take_along_axis(lists, order, axis=1)
