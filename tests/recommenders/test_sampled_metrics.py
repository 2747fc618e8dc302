"""Expected sampled hits against draws, and against all samples."""

import itertools

import numpy as np
import pytest

from snippets.recommenders.ranked_lists import hits, top_k
from snippets.recommenders.sampled_metrics import items_above, sampled_hits


@pytest.fixture
def drawn(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return draw(5, 12, 0.2)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_equals_the_mean_over_all_samples(k) -> None:
    """Reference: the definition, over every sample of 3 of 7 others."""
    for above in range(8):
        samples = list(itertools.combinations(range(7), 3))
        hit = [sum(item < above for item in sample) < k for sample in samples]
        found = sampled_hits(np.array([above]), np.array([7]), 3, k)
        assert found[0] == pytest.approx(np.mean(hit))


def test_all_others_give_the_exact_hit_rate(drawn) -> None:
    """Reference: lists among all items, for users with one relevant item."""
    scores, seen, relevant = drawn
    one = np.zeros_like(relevant)
    one[np.arange(5), relevant.argmax(axis=1)] = True
    above, others = items_above(scores, seen, one)
    np.testing.assert_array_equal(others, (~seen).sum(axis=1) - 1)
    found = [
        sampled_hits(above[[n]], others[[n]], int(others[n]), 2)[0] for n in range(5)
    ]
    np.testing.assert_array_equal(found, hits(top_k(scores, seen, 2), one).any(axis=1))


def test_other_relevant_items_do_not_count(drawn) -> None:
    scores, seen, relevant = drawn
    above, others = items_above(scores, seen, relevant)
    users, items = np.nonzero(relevant)
    for pair, (user, item) in enumerate(zip(users, items, strict=True)):
        pool = np.flatnonzero(~seen[user] & ~relevant[user])
        assert others[pair] == len(pool)
        assert above[pair] == (scores[user, pool] > scores[user, item]).sum()


def test_equal_scores_are_in_random_order() -> None:
    seen, relevant = np.zeros((1, 101), dtype=bool), np.zeros((1, 101), dtype=bool)
    relevant[0, 0] = True
    places = [items_above(np.zeros((1, 101)), seen, relevant, n)[0] for n in range(200)]
    assert np.mean(places) == pytest.approx(50, abs=8.2)  # four standard errors


def test_bad_input_is_refused() -> None:
    above, others = np.array([1, 2]), np.array([5, 4])
    with pytest.raises(ValueError, match="5 negatives of 4 others"):
        sampled_hits(above, others, 5, 1)
    with pytest.raises(ValueError, match="0 negatives"):
        sampled_hits(above, others, 0, 1)
    with pytest.raises(ValueError, match="k must be positive, got 0"):
        sampled_hits(above, others, 3, 0)
