"""Trials of ratings and likes: AUC against scikit-learn, parts against the whole."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import roc_auc_score

from snippets.recommenders import lecture_ratings
from snippets.recommenders.implicit_feedback import implicit_als
from snippets.recommenders.matrix_factorization import Factors, svd_factors
from snippets.recommenders.movielens import Ratings
from snippets.recommenders.ranking_trials import (
    Trial,
    by_als,
    by_bpr,
    evaluate,
    like_trial,
)
from snippets.recommenders.rating_biases import Biases, fit_biases
from snippets.recommenders.rating_splits import Split
from snippets.recommenders.rating_trials import best_biases, draw_trial, rmse
from snippets.recommenders.user_auc import user_auc


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def drawn(rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties and an infinite one, seen items, and relevant items."""
    scores = rng.integers(5, size=(7, 11)).astype(float)
    scores[2, 3] = -np.inf
    seen = rng.random((7, 11)) < 0.3
    seen[2, 3] = False
    relevant = ~seen & (rng.random((7, 11)) < 0.4)
    relevant[2, 3] = True
    return scores, seen, relevant


@pytest.fixture
def ratings(rng) -> Ratings:
    cells = rng.choice(20 * 30, size=400, replace=False)
    values = rng.integers(1, 6, size=400).astype(float)
    return Ratings(cells // 30, cells % 30, values, np.zeros(400, dtype=int))


def test_auc_is_that_of_scikit_learn(drawn) -> None:
    """Reference: ``sklearn.metrics.roc_auc_score`` on the unseen items."""
    scores, seen, relevant = drawn
    ours = user_auc(scores, seen, relevant)
    for user, found in enumerate(ours):
        unseen = ~seen[user]
        labels, row = relevant[user, unseen], scores[user, unseen]
        row = np.where(np.isinf(row), -99, row)
        assert found == pytest.approx(roc_auc_score(labels, row))


def test_auc_refuses_bad_input(drawn) -> None:
    scores, seen, relevant = drawn
    with pytest.raises(ValueError, match="relevant items were seen"):
        user_auc(scores, relevant, relevant)
    with pytest.raises(ValueError, match="1 scores are not a number"):
        user_auc(np.where(np.isinf(scores), np.nan, scores), seen, relevant)
    with pytest.raises(ValueError, match="user 0 has 0 relevant and"):
        user_auc(scores, seen, relevant & False)
    with pytest.raises(ValueError, match="user 0 has 11 relevant and 0 other"):
        user_auc(scores, seen & False, relevant | True)


def test_parts_of_a_trial_make_up_the_ratings(ratings) -> None:
    trial = draw_trial(ratings, seed=1)
    table, total = trial.table.toarray(), np.zeros((20, 30))
    for part in (trial.validation, trial.test):
        assert (table[part.users, part.items] == 0).all()
        total[part.users, part.items] += part.values
    expected = np.zeros((20, 30))
    expected[ratings.users, ratings.items] = ratings.values
    np.testing.assert_array_equal(table + total, expected)
    for part in (trial.validation, trial.test):
        assert 20 <= len(part.users) <= 60


def test_errors_are_those_of_the_definition(ratings) -> None:
    biases = Biases(3.0, np.arange(20.0) / 20, np.zeros(30))
    factors = Factors(np.ones((20, 1)), np.arange(30.0)[:, None] / 30)
    plain = [
        (value - 3 - user / 20) ** 2
        for user, value in zip(ratings.users, ratings.values, strict=True)
    ]
    assert rmse(ratings, biases) == pytest.approx(np.sqrt(np.mean(plain)))
    left = ratings.values - 3 - ratings.users / 20 - ratings.items / 30
    assert rmse(ratings, biases, factors) == pytest.approx(np.sqrt(np.mean(left**2)))


def test_dampings_are_chosen_on_the_validation_part(ratings) -> None:
    trial, tried = draw_trial(ratings, seed=1), (0.1, 3.0, 50.0)
    best = rmse(trial.validation, best_biases(trial, tried))
    errors = [
        rmse(trial.validation, fit_biases(trial.table, user, item))
        for user in tried
        for item in tried
    ]
    assert best == min(errors)


@pytest.mark.parametrize("fit", ["svd", "als", "bpr"])
def test_recommenders_find_likes_of_two_groups(rng, fit) -> None:
    """Each half of the users likes half of the items; chance is 0.5."""
    own = np.kron(np.eye(2), np.ones((20, 15))).astype(bool)
    hidden = own & (np.cumsum(own, axis=1) % 5 == np.arange(40)[:, None] % 5)
    trial = Trial(own & ~hidden, hidden, np.arange(40))
    found = {
        "svd": lambda: svd_factors(trial.train, 2),
        "als": lambda: by_als(trial.train, 2, 3.0, 0.5, rng),
        "bpr": lambda: by_bpr(trial.train, 2, 200, 0.1, 0.01, rng),
    }[fit]()
    recall, auc = evaluate(found.users @ found.items.T, trial, k=3)
    assert recall.mean() > 0.95
    assert auc.mean() > 0.95


def test_tables_of_likes_are_those_of_the_split(ratings) -> None:
    train = ratings.take(np.arange(350))
    trial = like_trial(Split(train, ratings.take(np.arange(350, 400))), (20, 30))
    assert trial.train.sum() == 350
    assert trial.test.sum() == 50
    assert (trial.train[trial.users].sum(axis=1) >= 10).all()


def test_lecture_ratings_are_those_of_the_package() -> None:
    ratings = lecture_ratings.load()
    assert len(ratings.values) == 73_421
    assert len(np.unique(ratings.users)) == ratings.users.max() + 1 == 2972
    assert len(np.unique(ratings.items)) == ratings.items.max() + 1 == 1128
    assert set(ratings.values) == {1.0, 2.0, 3.0, 4.0, 5.0}
    cells = ratings.users * 1128 + ratings.items
    assert len(np.unique(cells)) == len(cells)


def test_likes_have_the_confidence_of_one_plus_alpha(rng) -> None:
    train = rng.random((7, 9)) < 0.5
    found = by_als(train, 3, 2.5, 0.4, np.random.default_rng(5))
    start = np.random.default_rng(5).normal(scale=0.01, size=(9, 3))
    expected = implicit_als(csr_array(np.where(train, 3.5, 0.0)), start, 0.4)
    np.testing.assert_allclose(found.items, expected.items)


@pytest.mark.parametrize("seed", range(8))
def test_bpr_pushes_down_only_what_was_not_chosen(seed) -> None:
    """A user likes all items but the first: it moves away, all others come closer."""
    train = np.array([[False, True, True, True]])
    found = by_bpr(train, 2, 1, 0.1, 0.0, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    user, items = (rng.normal(scale=0.1, size=(rows, 2)) for rows in (1, 4))
    moved = (found.items - items) @ user[0]
    assert (moved[1:] > 0).all()
    assert moved[0] < 0
