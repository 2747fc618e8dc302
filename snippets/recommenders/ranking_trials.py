"""Trials of recommenders that learn from likes: fit, score all items, and evaluate.

Axes::

    users, items    of the table of likes
    factors         entries of a user's or an item's vector
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.sparse import csr_array

from snippets.recommenders.implicit_feedback import bpr, draw_others, implicit_als
from snippets.recommenders.matrix_factorization import Factors
from snippets.recommenders.ranked_lists import hits, top_k
from snippets.recommenders.rating_splits import Split, evaluated_users, marks
from snippets.recommenders.user_auc import user_auc

Likes = Bool[ndarray, "users items"]


class Trial(NamedTuple):
    """Likes to learn from and to find, and the users to find them for."""

    train: Likes
    test: Likes
    users: Int[ndarray, " evaluated"]


def like_trial(split: Split, shape: tuple[int, int]) -> Trial:
    """The tables of a split, and the users with enough likes in both."""
    train, test = (marks(part, *shape) for part in split)
    return Trial(train, test, evaluated_users(train, test))


def evaluate(
    scores: Float[ndarray, "users items"], trial: Trial, k: int
) -> Float[ndarray, "2 evaluated"]:
    """Recall at k, and AUC, of each evaluated user."""
    users = trial.users
    seen, relevant = trial.train[users], trial.test[users]
    lists = top_k(scores[users], seen, k)
    possible = np.minimum(relevant.sum(axis=1), k)
    recalls = hits(lists, relevant).sum(axis=1) / possible
    return np.stack([recalls, user_auc(scores[users], seen, relevant)])


def by_als(
    train: Likes, size: int, alpha: float, penalty: float, rng: np.random.Generator
) -> Factors:
    """Implicit ALS, where a like has the confidence 1 + alpha."""
    start = rng.normal(scale=0.01, size=(train.shape[1], size))
    return implicit_als(csr_array(train * (1 + alpha)), start, penalty)


def by_bpr(
    train: Likes,
    size: int,
    passes: int,
    rate: float,
    penalty: float,
    rng: np.random.Generator,
) -> Factors:
    """BPR in batches of about 1024 likes, each with another item in each pass."""
    users, chosen = np.nonzero(train)
    factors = Factors(
        *(rng.normal(scale=0.1, size=(rows, size)) for rows in train.shape)
    )
    for _ in range(passes):
        others = draw_others(users, train, rng)
        parts = max(1, len(users) // 1024)
        batches = np.array_split(rng.permutation(len(users)), parts)
        factors = bpr(users, chosen, others, factors, batches, rate, penalty)
    return factors
