"""Estimates from logs: means over all logs, and logs that are refused."""

import itertools

import numpy as np
import pytest

from snippets.recommenders.off_policy import (
    draw_log,
    effective_sample_size,
    importance_weights,
    ips,
    proportional,
    snips,
)

LOGGING, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
REWARDS = np.array([1.0, 0.0, 0.5])


def test_ips_has_no_bias() -> None:
    """Reference: the mean over all logs of three entries, by their probability."""
    mean = 0.0
    for log in itertools.product(range(3), repeat=3):
        shown = list(log)
        weights = importance_weights(TARGET[shown], LOGGING[shown])
        mean += LOGGING[shown].prod() * ips(REWARDS[shown], weights)
    assert mean == pytest.approx(TARGET @ REWARDS)


def test_equal_policies_give_the_mean_reward() -> None:
    shown = [0, 2, 2, 1]
    weights = importance_weights(LOGGING[shown], LOGGING[shown])
    assert ips(REWARDS[shown], weights) == pytest.approx(0.5)
    assert snips(REWARDS[shown], weights) == pytest.approx(0.5)
    assert effective_sample_size(weights) == pytest.approx(4)


def test_snips_moves_with_the_rewards_and_ignores_scale() -> None:
    weights = importance_weights(TARGET, LOGGING)
    found = snips(REWARDS, weights)
    assert snips(REWARDS + 2, weights) == pytest.approx(found + 2)
    assert snips(REWARDS, weights * 7) == pytest.approx(found)
    assert ips(REWARDS + 2, weights) != pytest.approx(ips(REWARDS, weights) + 2)
    assert snips(REWARDS, weights) <= REWARDS.max() < ips(REWARDS + 0.9, weights)


def test_effective_sample_size() -> None:
    """Reference: the variance of a weighted mean of rewards with variance 1."""
    weights = np.array([3.0, 1.0, 0.5, 0.0])
    variance = ((weights / weights.sum()) ** 2).sum()
    assert effective_sample_size(weights) == pytest.approx(1 / variance)


def test_logs_follow_the_policy() -> None:
    allowed = np.array([[True, True, False], [True, False, True]])
    policy = proportional(np.array([1, 2, 3]), allowed)
    np.testing.assert_allclose(policy, [[1 / 3, 2 / 3, 0], [1 / 4, 0, 3 / 4]])
    asking, items = draw_log(policy, 40_000, np.random.default_rng(0))
    counts = np.zeros((2, 3))
    np.add.at(counts, (asking, items), 1)
    np.testing.assert_allclose(counts / 40_000, policy / 2, atol=0.011)
    assert counts[~allowed].sum() == 0


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.5, float("nan")])
def test_bad_propensities_are_refused(bad) -> None:
    propensities = np.array([0.5, bad, 0.2])
    with pytest.raises(ValueError, match=f"1 of 3 propensities .* first: {bad}"):
        importance_weights(TARGET, propensities)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 target probabilities, the first: -0\.2"):
        importance_weights(np.array([0.1, -0.2, 0.3]), LOGGING)
    with pytest.raises(ValueError, match="the log has no entry"):
        importance_weights(LOGGING[:0], LOGGING[:0])
    with pytest.raises(ValueError, match="all 3 weights are 0"):
        snips(REWARDS, np.zeros(3))
    with pytest.raises(ValueError, match="all 3 weights are 0"):
        effective_sample_size(np.zeros(3))
    with pytest.raises(ValueError, match="1 weights are negative"):
        proportional(np.array([1, -2]), np.ones((1, 2), dtype=bool))
    with pytest.raises(ValueError, match="1 users have no item with a weight"):
        proportional(np.array([1, 0]), np.array([[True, True], [False, True]]))
