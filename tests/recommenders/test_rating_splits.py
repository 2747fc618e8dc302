"""Splits of ratings: who is in which part, and what leaks time."""

from itertools import pairwise

import numpy as np
import pytest

from snippets.recommenders import rating_splits
from snippets.recommenders.movielens import Ratings, load


@pytest.fixture
def drawn() -> Ratings:
    """60 ratings of 11 items by 4 users, in order of time; many times are equal."""
    rng = np.random.default_rng(0)
    cells = rng.permutation(44)[:40]
    times = np.sort(rng.integers(0, 12, 40))
    return Ratings(cells % 4, cells // 4, rng.integers(1, 11, 40) / 2, times)


def test_liked_ratings_are_numbered_from_0() -> None:
    ratings, _ = load()
    kept = rating_splits.liked(ratings)
    items = rating_splits.liked_items(ratings)
    good = ratings.take((ratings.values >= 3.5) & np.isin(ratings.items, items))
    np.testing.assert_array_equal(items[kept.items], good.items)
    assert kept.values.min() == 3.5
    assert np.bincount(kept.items).min() == 5
    assert len(np.unique(kept.items)) == kept.items.max() + 1 == 2399
    assert len(np.unique(kept.users)) == kept.users.max() + 1


def test_last_ratings_of_each_user(drawn) -> None:
    """Reference: the definition, as a loop over users."""
    train, test = rating_splits.last_per_user(drawn, 3)
    for user in range(4):
        items = drawn.items[drawn.users == user]  # in order of time
        np.testing.assert_array_equal(train.items[train.users == user], items[:-3])
        np.testing.assert_array_equal(test.items[test.users == user], items[-3:])


def test_order_of_rows_does_not_matter_without_equal_times(drawn) -> None:
    ratings = drawn._replace(times=np.arange(40))
    mixed = ratings.take(np.random.default_rng(1).permutation(40))
    _, test = rating_splits.last_per_user(mixed, 2)
    _, expected = rating_splits.last_per_user(ratings, 2)
    assert set(test.times) == set(expected.times)


def test_random_ratings_of_each_user(drawn) -> None:
    splits = [rating_splits.random_per_user(drawn, 2, seed) for seed in range(200)]
    chosen = np.zeros(40)
    for train, test in splits:
        np.testing.assert_array_equal(np.bincount(test.users), [2] * 4)
        assert len(train.users) == 32
        chosen += np.isin(4 * drawn.items + drawn.users, 4 * test.items + test.users)
    shares = 2 / np.bincount(drawn.users)[drawn.users]
    assert abs(chosen / 200 - shares).max() < 0.15  # four standard errors


def test_share_of_a_random_split() -> None:
    ratings = load()[0]
    _, test = rating_splits.at_random(ratings, 0.1)
    assert len(test.users) / len(ratings.users) == pytest.approx(0.1, abs=0.005)
    _, other = rating_splits.at_random(ratings, 0.1, seed=1)
    assert len(test.users) != len(other.users)


def test_splits_by_time_do_not_leak(drawn) -> None:
    for part in (rating_splits.by_time(drawn, 0.3), *rating_splits.windows(drawn, 3)):
        assert part.train.times.max() < part.test.times.min()
        rating_splits.refuse_leak(part)
    assert 8 <= len(rating_splits.by_time(drawn, 0.3).test.users) <= 12


def test_windows_follow_one_another(drawn) -> None:
    parts = rating_splits.windows(drawn, 3)
    for one, following in pairwise(parts):
        together = len(one.train.users) + len(one.test.users)
        assert together == len(following.train.users)
    last = parts[-1]
    assert len(last.train.users) + len(last.test.users) == 40
    assert parts[0].train.times.max() == np.quantile(drawn.times, 0.25, method="lower")


def test_splits_of_other_kinds_leak(drawn) -> None:
    for part in (
        rating_splits.last_per_user(drawn, 4),
        rating_splits.random_per_user(drawn, 2),
    ):
        train, first = part.train.times, part.test.times.min()
        late = (train > first).sum()
        message = f"{late} of {len(train)} training ratings are later"
        with pytest.raises(ValueError, match=message):
            rating_splits.refuse_leak(part)


def test_tables_and_users(drawn) -> None:
    part = rating_splits.last_per_user(drawn, 3)
    seen, relevant = (rating_splits.marks(half, 6, 11) for half in part)
    assert seen.shape == (6, 11)
    assert seen.sum() + relevant.sum() == 40
    assert relevant[part.test.users, part.test.items].all()
    counts = np.bincount(part.train.users)
    found = rating_splits.evaluated_users(seen, relevant, int(counts.max()))
    np.testing.assert_array_equal(found, np.flatnonzero(counts == counts.max()))
    seen[5, 0] = True  # no test rating
    assert 5 not in rating_splits.evaluated_users(seen, relevant, 1)


def test_bad_input_is_refused(drawn) -> None:
    with pytest.raises(ValueError, match="40 of 40 ratings are for the test"):
        rating_splits.last_per_user(drawn, 11)
    with pytest.raises(ValueError, match="0 of 40 ratings are for the test"):
        rating_splits.at_random(drawn, 0.0)
    with pytest.raises(ValueError, match="number 3 in a table of 3 x 11"):
        rating_splits.marks(drawn, 3, 11)
    with pytest.raises(ValueError, match="number -1 in a table"):
        rating_splits.marks(drawn._replace(items=drawn.items - 1), 4, 11)
    seen = rating_splits.marks(drawn, 4, 11)
    with pytest.raises(ValueError, match="40 ratings are in training and in the test"):
        rating_splits.evaluated_users(seen, seen)
    with pytest.raises(ValueError, match="no user of 4 has 10 ratings"):
        rating_splits.evaluated_users(seen, np.zeros((4, 11), dtype=bool))
