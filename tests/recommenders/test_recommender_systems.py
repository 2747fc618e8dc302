"""Item weights against implicit and scikit-learn, estimates against definitions."""

import math
import warnings

import numpy as np
import pytest
from implicit.nearest_neighbours import CosineRecommender
from scipy.sparse import csr_matrix
from sklearn.linear_model import Ridge

from snippets.recommenders.recommender_systems import (
    ease,
    ease_scores,
    item_knn,
    scores,
)


@pytest.fixture
def train() -> np.ndarray:
    """13 users and 9 items; one item that nobody likes, one user who likes nothing."""
    drawn = np.random.default_rng(0).random((13, 9)) < 0.4
    drawn[:, 4] = False
    drawn[6] = False
    return drawn


def cosine_model(train: np.ndarray, neighbors: int) -> CosineRecommender:
    model = CosineRecommender(K=neighbors, num_threads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a matrix that it made itself
        model.fit(csr_matrix(train.astype(float)), show_progress=False)
    return model


def test_similarities_are_those_of_implicit(agrees, train) -> None:
    """Reference: ``implicit`` with all neighbors; it counts the item itself as one."""
    theirs = cosine_model(train, 9).similarity.toarray()
    np.fill_diagonal(theirs, 0)
    agrees(item_knn(train, 8), theirs, "implicit.nearest_neighbours.CosineRecommender")


def test_implicit_keeps_the_neighbors_of_liked_items() -> None:
    """Its rows are our columns: without ties, one is the other's transpose."""
    rng = np.random.default_rng(1)
    train = rng.random((400, 11)) < rng.uniform(0.1, 0.5, 11)
    theirs = cosine_model(train, 4).similarity.toarray()
    np.fill_diagonal(theirs, 0)
    ours = item_knn(train, 3)
    np.testing.assert_allclose(ours, theirs.T)
    assert ((ours > 0).sum(axis=0) == 3).all()
    assert not np.allclose(ours, theirs)


def test_scores_are_those_of_implicit(agrees, train) -> None:
    train = train[train.any(axis=1)]
    model, found = cosine_model(train, 9), scores(train, item_knn(train, 8))
    for user, row in enumerate(csr_matrix(train.astype(float))):
        count = int(((found[user] > 0) & ~train[user]).sum())
        items, theirs = model.recommend(user, row, N=count)
        assert not train[user, items].any()
        agrees(
            found[user, items], theirs, "implicit.nearest_neighbours.CosineRecommender"
        )


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_ease_is_ridge_regression_on_the_other_items(agrees, train, penalty) -> None:
    """Reference: a ridge regression of each item, without itself and an intercept."""
    X = train.astype(float)
    theirs = np.zeros((9, 9))
    for item in range(9):
        others = np.arange(9) != item
        model = Ridge(penalty, fit_intercept=False, solver="cholesky")
        theirs[others, item] = model.fit(X[:, others], X[:, item]).coef_
    agrees(ease(train, penalty), theirs, "sklearn.linear_model.Ridge")


def test_quick_scores_are_those_of_the_weights(agrees, train) -> None:
    readers = np.random.default_rng(2).random((5, 9)) < 0.5
    for histories in (readers, train[:6]):
        found = ease_scores(histories, train, 3.0)
        theirs = scores(histories, ease(train, 3.0))
        agrees(found, theirs, "the inverse of items by items")
    assert abs(found).min(axis=0)[4] == 0  # what nobody likes is never recommended


def test_a_large_penalty_leaves_the_counts(train) -> None:
    X = train.astype(float)
    together = X.T @ X
    np.fill_diagonal(together, 0)
    np.testing.assert_allclose(1e8 * ease(train, 1e8), together, atol=1e-5)


def test_only_nearest_neighbors_are_kept(train) -> None:
    all_of_them = item_knn(train, 8)
    for neighbors in (1, 3):
        kept = item_knn(train, neighbors)
        assert set(kept.ravel()) <= set(all_of_them.ravel())
        for column, every in zip(kept.T, all_of_them.T, strict=True):
            limit = np.sort(every)[-neighbors]
            np.testing.assert_array_equal(column, every * (every >= limit))


def test_the_order_of_users_does_not_matter(train) -> None:
    np.testing.assert_allclose(item_knn(train[::-1], 2), item_knn(train, 2))
    np.testing.assert_allclose(ease(train[::-1], 1.0), ease(train, 1.0))


def test_bad_input_is_refused(train) -> None:
    for neighbors in (0, 9):
        with pytest.raises(ValueError, match=f"from 1 to 8, got {neighbors}"):
            item_knn(train, neighbors)
    for penalty in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"positive and finite, got {penalty}"):
            ease(train, penalty)
        with pytest.raises(ValueError, match="positive and finite"):
            ease_scores(train[:6], train, penalty)
    with pytest.raises(ValueError, match="2 of 13 readers like nothing, the first: 6"):
        scores(train, ease(train, 1.0))
    with pytest.raises(ValueError, match="2 of 13 readers like nothing, the first: 6"):
        ease_scores(train, train, 1.0)
