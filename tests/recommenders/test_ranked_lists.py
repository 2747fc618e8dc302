"""Ranked lists against scikit-learn and the definitions, and the ratings as loaded."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from snippets.recommenders.movielens import load, renumber
from snippets.recommenders.ranked_lists import (
    coverage,
    hits,
    ndcg_at_k,
    recall_at_k,
    top_k,
)


@pytest.fixture
def drawn(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return draw(7, 11, 0.3)


def test_equals_scikit_learn(drawn) -> None:
    """Reference: ``sklearn.metrics.ndcg_score`` with seen items at the end."""
    scores, seen, relevant = drawn
    last = np.where(seen, scores.min() - 1, scores)
    for k in (1, 3, 4):
        ours = ndcg_at_k(top_k(scores, seen, k), relevant)
        assert ours == pytest.approx(ndcg_score(relevant, last, k=k))


def test_recall_is_that_of_the_definition(drawn) -> None:
    scores, seen, relevant = drawn
    for k in (1, 3, 4):
        recalls = []
        for user in range(7):
            unseen = np.flatnonzero(~seen[user])
            best = sorted(unseen, key=lambda item, u=user: -scores[u, item])[:k]
            wanted = set(np.flatnonzero(relevant[user]))
            recalls.append(len(wanted & set(best)) / min(k, len(wanted)))
        ours = recall_at_k(top_k(scores, seen, k), relevant)
        assert ours == pytest.approx(np.mean(recalls))


def test_a_perfect_list_has_recall_and_gain_of_one(drawn) -> None:
    _, seen, relevant = drawn
    lists = top_k(relevant.astype(float), seen, 3)
    assert recall_at_k(lists, relevant) == ndcg_at_k(lists, relevant) == 1


def test_seen_items_and_minus_infinity() -> None:
    seen = np.array([[True, False, False]])
    scores = np.array([[np.inf, -np.inf, 0.0]])
    np.testing.assert_array_equal(top_k(scores, seen, 2), [[2, 1]])


def test_small_integers_are_not_negated() -> None:
    scores, seen = np.array([[0, 255, 7]], dtype=np.uint8), np.zeros((1, 3), dtype=bool)
    np.testing.assert_array_equal(top_k(scores, seen, 3), [[1, 2, 0]])


def test_ties_are_in_the_order_of_the_catalog() -> None:
    scores, seen = np.array([[2.0, 5.0, 2.0, 5.0, 2.0]]), np.zeros((1, 5), dtype=bool)
    seen[0, 1] = True
    np.testing.assert_array_equal(top_k(scores, seen, 4), [[3, 0, 2, 4]])


def test_coverage_counts_items_once() -> None:
    assert coverage(np.array([[0, 1], [1, 2]]), items=6) == 0.5


def test_bad_input_is_refused() -> None:
    none = np.zeros((2, 3), dtype=bool)
    with pytest.raises(ValueError, match="k must be from 1 to 3 unseen items, got 4"):
        top_k(np.zeros((2, 3)), none, 4)
    with pytest.raises(ValueError, match="got 0"):
        top_k(np.zeros((2, 3)), none, 0)
    with pytest.raises(ValueError, match="1 scores are not a number"):
        top_k(np.array([[0.0, np.nan, 1.0], [0, 1, 2]]), none, 1)
    with pytest.raises(ValueError, match="marks of seen"):
        top_k(np.zeros((2, 4)), none, 1)
    lists = np.array([[0], [2]])
    with pytest.raises(ValueError, match="2 users have no relevant item, the first: 0"):
        recall_at_k(lists, none)
    with pytest.raises(ValueError, match="2 lists for 1 users"):
        hits(lists, ~none[:1])
    with pytest.raises(ValueError, match="item 3 of 3"):
        hits(lists + 1, ~none)


def test_ratings_are_those_of_the_package() -> None:
    ratings, movies = load()
    assert len(ratings.users) == 100_004
    assert len(np.unique(ratings.users)) == ratings.users.max() + 1 == 671
    assert len(np.unique(ratings.items)) == len(movies.titles) == 9066
    assert (np.diff(ratings.times) >= 0).all()
    assert set(ratings.values) == set(np.arange(0.5, 5.5, 0.5))
    place = movies.titles.index("Toy Story")
    assert movies.years[place] == 1995
    assert "Animation" in movies.genres[place]
    assert np.count_nonzero(ratings.items == place) == 247


def test_renumbering_keeps_who_rated_what() -> None:
    ratings, _ = load()
    few = ratings.take(ratings.values == 0.5)
    numbered, users, items = renumber(few)
    np.testing.assert_array_equal(users[numbered.users], few.users)
    np.testing.assert_array_equal(items[numbered.items], few.items)
    assert numbered.items.max() + 1 == len(items) < 9066
