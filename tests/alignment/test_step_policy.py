"""The step policy: what is computed exactly is what all answers, or many, give."""

import math
from itertools import product

import pytest
import torch
from torch.testing import assert_close

from snippets.alignment import step_policy as steps
from snippets.alignment.policy_gradients import tilted


@pytest.fixture
def logits():
    torch.manual_seed(0)
    return torch.randn(3, steps.VOCAB + 1, steps.VOCAB, dtype=torch.float64)


@pytest.fixture
def short(monkeypatch):
    """Answers of three tokens, so that all of them can be listed."""
    monkeypatch.setattr(steps, "LENGTH", 3)
    return torch.tensor(list(product(range(steps.VOCAB), repeat=3)))


def test_expected_reward_and_divergence_are_sums_over_all_answers(logits, short):
    answers = short.expand(3, -1, -1)
    log_probs = steps.step_log_probs(logits, answers).sum(-1)
    assert_close(log_probs.exp().sum(-1), torch.ones(3).double())
    mean = (log_probs.exp() * steps.step_rewards(answers)).sum(-1)
    assert_close(steps.expected_reward(logits), mean)
    other = torch.randn_like(logits)
    ratio = log_probs - steps.step_log_probs(other, answers).sum(-1)
    assert_close(steps.divergence(logits, other), (log_probs.exp() * ratio).sum(-1))


def test_drawn_answers_have_the_expected_reward(logits):
    rewards = steps.step_rewards(steps.sample(logits, 4000))
    error = rewards.std(-1) / 4000**0.5
    assert (
        (rewards.mean(-1) - steps.expected_reward(logits)).abs() < 4.5 * error
    ).all()


def test_runs_do_not_mix(logits):
    tables = torch.full((2, steps.VOCAB + 1, steps.VOCAB), -50.0)
    tables[0, :, 3] = tables[1, :, 5] = 50  # one writes threes, the other fives
    drawn = steps.sample(tables, 7)
    assert (drawn[0] == 3).all()
    assert (drawn[1] == 5).all()
    answers = steps.sample(logits, 4)
    alone = [steps.step_log_probs(logits[i], answers[i]) for i in range(3)]
    assert_close(steps.step_log_probs(logits, answers), torch.stack(alone))


def test_the_first_token_earns_nothing_and_the_last_steps_wrap():
    tokens = torch.tensor([[7, 0, 1, 2, 3, 4], [4, 3, 2, 1, 0, 7], [1, 2, 2, 2, 2, 3]])
    assert_close(steps.step_rewards(tokens), torch.tensor([1.0, 0.0, 0.4]))


@pytest.mark.parametrize("beta", [0.05, 0.5])
def test_penalized_optimum_is_the_tilted_list_of_all_answers(short, beta):
    logits = steps.penalized_optimum(beta)
    uniform = torch.full((len(short),), -3 * math.log(steps.VOCAB))
    listed = tilted(uniform, steps.step_rewards(short), beta)
    assert_close(steps.step_log_probs(logits, short).sum(-1), listed)


@pytest.mark.parametrize("beta", [0.0, -1.0])
def test_an_optimum_without_a_price_is_refused(beta):
    with pytest.raises(ValueError, match=f"beta {beta} is not positive"):
        steps.penalized_optimum(beta)


def test_a_table_of_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"a table of \(7, 6\), not of \(9, 8\)"):
        steps.sample(torch.zeros(7, 6), 2)
