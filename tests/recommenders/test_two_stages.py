"""Candidates, ranks, and the ranker; windows of the real ratings."""

import jaxtyping
import numpy as np
import pytest

from snippets.recommenders import film_windows
from snippets.recommenders.movielens import load
from snippets.recommenders.ranked_lists import recall_at_k, top_k
from snippets.recommenders.rating_splits import (
    evaluated_users,
    last_per_user,
    liked,
    liked_items,
    marks,
)
from snippets.recommenders.recommender_systems import ease_scores, item_knn, scores
from snippets.recommenders.two_stages import (
    candidates,
    features,
    fit_ranker,
    rank,
    ranks,
)
from snippets.recommenders.user_bootstrap import interval


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 12))
    return first, second, rng.random((5, 12)) < 0.3


def test_candidates_are_new_and_best_of_their_source(drawn) -> None:
    first, second, seen = drawn
    lists = candidates([first, second], seen, 3)
    for user, row in enumerate(lists):
        assert len(set(row)) == 6
        assert not seen[user, row].any()
        left = seen[user] | np.isin(np.arange(12), row[:3])
        best = sorted(np.flatnonzero(~left), key=lambda item, u=user: -second[u, item])
        np.testing.assert_array_equal(row[3:], best[:3])
    np.testing.assert_array_equal(lists[:, :3], top_k(first, seen, 3))
    assert seen.sum() == drawn[2].sum()


def test_ranks_are_places_in_the_list(drawn) -> None:
    scores, _, seen = drawn
    found = ranks(scores, seen)
    np.testing.assert_array_equal(
        np.take_along_axis(found, top_k(scores, seen, 5), axis=1), [range(5)] * 5
    )
    np.testing.assert_array_equal(np.sort(found, axis=1), [range(12)] * 5)
    assert (
        found[seen] >= np.broadcast_to((~seen).sum(1)[:, None], (5, 12))[seen]
    ).all()


def test_ranks_have_the_ties_of_the_list(drawn) -> None:
    scores = np.random.default_rng(1).integers(0, 3, (5, 12))
    found = ranks(scores, drawn[2])
    lists = top_k(scores, drawn[2], 5)
    np.testing.assert_array_equal(
        np.take_along_axis(found, lists, axis=1), [range(5)] * 5
    )


def test_features_are_those_of_the_candidates(drawn) -> None:
    first, second, seen = drawn
    lists = candidates([first], seen, 4)
    found = features([first, second], lists)
    assert found.shape == (5, 4, 2)
    assert found[2, 3, 1] == second[2, lists[2, 3]]


def test_the_ranker_learns_which_feature_counts() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(300, 10, 2))
    likes = inputs[:, :, 1] > 1.2
    ranker = fit_ranker(inputs, likes, trees=20)
    lists = np.tile(np.arange(10), (300, 1))
    found = rank(ranker, inputs, lists)
    np.testing.assert_array_equal(np.sort(found, axis=1), lists)
    some = likes.any(axis=1)
    assert recall_at_k(found[some, :3], likes[some]) > 0.95
    assert recall_at_k(lists[some, :3], likes[some]) < 0.5
    with pytest.raises(ValueError, match="none of 300 lists has a liked candidate"):
        fit_ranker(inputs, np.zeros_like(likes))


def test_windows_know_nothing_later() -> None:
    """Reference: counts of the year before the cut, from the ratings themselves."""
    windows = film_windows.film_windows(2)
    ratings = liked(load()[0])
    cut = np.quantile(ratings.times, 1 / 3, method="lower")
    before = ratings.take(ratings.times <= cut)
    window = windows[0]
    year = before.times > cut - film_windows.YEAR
    counts = np.bincount(before.items[year], minlength=2399)
    assert (window.sources["last year"] == counts).all()
    assert (
        window.sources["popularity"] == np.bincount(before.items, minlength=2399)
    ).all()
    assert not (window.seen & window.relevant).any()
    assert window.seen.sum(axis=1).min() >= 10
    assert window.lists.shape[1] == 100
    perfect = top_k(window.relevant.astype(float), window.seen, 20)
    assert (film_windows.recalls(perfect, window) == 1).all()
    drawn = np.random.default_rng(0).random((100, *window.seen.shape))
    lists = [top_k(each, window.seen, 20) for each in drawn]
    found = np.mean([film_windows.recalls(each, window) for each in lists])
    expected = film_windows.recall_of_guessing(window).mean()
    assert expected == pytest.approx(found, rel=0.2)
    assert film_windows.fused(window).max() <= 2 / 61
    ranked = film_windows.rank_from_past(windows, 1)
    np.testing.assert_array_equal(np.sort(ranked), np.sort(windows[1].lists))
    both = film_windows.share_found(windows, ("EASE", "last year"), 100)
    found = [
        (one.relevant[row, each].sum() / one.relevant[row].sum())
        for one in windows
        for row, each in enumerate(one.lists)
    ]
    assert both == pytest.approx(np.mean(found))


def test_features_are_in_the_order_that_the_window_names() -> None:
    window = film_windows.film_windows(2)[0]
    sources, inputs = window.sources, window.inputs
    for place, name in enumerate(("EASE", "last year")):
        score, rank = np.moveaxis(inputs[:, :, 2 * place : 2 * place + 2], 2, 0)
        at = np.take_along_axis(sources[name], window.lists, axis=1)
        np.testing.assert_array_equal(score, at)
        best = top_k(sources[name], window.seen, 40)
        for user, row in enumerate(window.lists):
            places = {item: place for place, item in enumerate(best[user])}
            ours = {item: rank[user, n] for n, item in enumerate(row)}
            for item in set(row) & set(best[user]):
                assert ours[item] == places[item]
    ever = np.take_along_axis(sources["popularity"], window.lists, axis=1)
    np.testing.assert_array_equal(inputs[:, :, 4], ever)
    ratings, movies = load()
    years = movies.years[liked_items(ratings)]
    for user, row in enumerate(window.lists):
        newer = years[row] - np.nanmean(years[window.seen[user]])
        np.testing.assert_allclose(inputs[user, :, 5], newer)


def test_the_ranker_does_not_see_the_window_that_it_ranks() -> None:
    windows = film_windows.film_windows(2)
    swapped = windows[1]._replace(relevant=windows[1].relevant[::-1])
    found = film_windows.rank_from_past((windows[0], swapped), 1)
    np.testing.assert_array_equal(found, film_windows.rank_from_past(windows, 1))


def test_more_candidates_than_unseen_items_are_refused(drawn) -> None:
    first, second, seen = drawn
    with pytest.raises(ValueError, match="k must be from 1 to"):
        candidates([first, second], seen, 7)


def test_settings_of_the_page_are_best_on_its_validation_split() -> None:
    likes = liked(load()[0])
    split = last_per_user(last_per_user(likes, 5).train, 5)
    train, test = (marks(part, 671, 2399) for part in split)
    users = evaluated_users(train, test)
    seen, relevant = train[users], test[users]

    def recall(found: np.ndarray) -> float:
        return recall_at_k(top_k(found, seen, 20), relevant)

    by_neighbors = [recall(scores(seen, item_knn(train, n))) for n in (20, 100)]
    assert np.argmax(by_neighbors) == 0
    by_penalty = [recall(ease_scores(seen, train, x)) for x in (20.0, 200.0, 2000.0)]
    assert np.argmax(by_penalty) == 1


def test_a_leaking_split_is_refused() -> None:
    ratings = liked(load()[0])
    with pytest.raises(ValueError, match="training ratings are later than the first"):
        film_windows.prepare(last_per_user(ratings, 5), np.zeros(2399), 671)


def test_interval_covers_lists_of_the_same_user_together() -> None:
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(50), 4)
    values = rng.normal(size=50)[users]
    low, high = interval(values, users)
    deviation = values[::4].std() / np.sqrt(50)
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    narrow = interval(values, np.arange(200))
    assert np.diff(narrow) < 0.6 * (high - low)
    same = interval(np.full(5, 0.3), np.array([0, 0, 0, 1, 2]))
    assert same == pytest.approx((0.3, 0.3))
    with pytest.raises((ValueError, jaxtyping.TypeCheckError)):
        interval(np.zeros(3), np.zeros(2, dtype=int))
