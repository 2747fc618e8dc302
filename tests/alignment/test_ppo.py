"""PPO against scipy's filter (GAE) and TRL (clipped loss with token advantages)."""

import itertools

import pytest
import scipy.signal
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from snippets.alignment import digit_critic, step_ppo
from snippets.alignment.digit_policy import DigitPolicy
from snippets.alignment.policy_gradients import penalized_rewards
from snippets.alignment.ppo import policy_loss, silent, value_loss
from snippets.alignment.step_policy import (
    LENGTH,
    START,
    VOCAB,
    expected_reward,
    sample,
    step_rewards,
)
from snippets.alignment.step_values import earned, exact_values, look_up
from snippets.alignment.token_advantages import gae, token_rewards, whiten

LENGTHS = (7, 1, 4, 2, 6)


def random_answers(dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    rewards, values = (
        torch.randn(5, 7, generator=random, dtype=dtype) for _ in range(2)
    )
    return rewards, values, torch.arange(7) < torch.tensor(LENGTHS)[:, None]


def errors(rewards, values, gamma):
    """Temporal-difference errors of one answer: nothing follows its last token."""
    after = torch.cat((values[1:], values.new_zeros(1)))
    return rewards + gamma * after - values


# GAE


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.7), (0.5, 1.0)])
def test_advantages_are_a_recursive_filter(agrees, gamma, lam):
    """scipy.signal.lfilter runs over the errors from the last one to the first."""
    rewards, values, mask = random_answers()
    found = gae(rewards, values, mask, gamma, lam)
    for row, length in enumerate(LENGTHS):
        error = errors(rewards[row, :length], values[row, :length], gamma)
        filtered = scipy.signal.lfilter([1], [1, -gamma * lam], error.numpy()[::-1])
        theirs = torch.from_numpy(filtered[::-1].copy())
        agrees(found[row, :length], theirs, "scipy.signal.lfilter")
        assert (found[row, length:] == 0).all()


def test_advantages_solve_a_linear_system():
    """A_t - gamma lambda A_(t+1) = error_t."""
    rewards, values, _ = random_answers()
    shift = torch.eye(7, dtype=torch.float64).roll(1, 1).tril(1).triu(1)
    system = torch.eye(7, dtype=torch.float64) - 0.9 * 0.8 * shift
    error = torch.stack(
        [errors(*row, 0.9) for row in zip(rewards, values, strict=True)]
    )
    expected = torch.linalg.solve(system, error.T).T
    assert_close(gae(rewards, values, values == values, 0.9, 0.8), expected)


def test_both_ends_of_lambda():
    rewards, values, mask = random_answers()
    whole = gae(rewards, values, mask, 0.9, 1.0)
    single = gae(rewards, values, mask, 0.9, 0.0)
    for row, length in enumerate(LENGTHS):
        r, v = rewards[row, :length], values[row, :length]
        returns = [sum(0.9**k * x for k, x in enumerate(r[t:])) for t in range(length)]
        assert_close(whole[row, :length] + v, torch.stack(returns))
        assert_close(single[row, :length], errors(r, v, 0.9))


def test_padding_may_hold_anything():
    rewards, values, mask = random_answers()
    expected = gae(rewards, values, mask)
    nan = torch.tensor(float("nan"), dtype=torch.float64)
    found = gae(rewards.where(mask, nan), values.where(mask, nan), mask)
    assert_close(found, expected)
    assert_close(whiten(expected.where(mask, nan), mask), whiten(expected, mask))
    log_probs = values.where(mask, nan).requires_grad_()
    loss = policy_loss(log_probs, rewards, expected, mask)
    loss = loss + value_loss(log_probs, rewards, expected, mask)
    loss.backward()
    assert loss.isfinite()
    assert log_probs.grad.isfinite().all()
    assert (log_probs.grad[~mask] == 0).all()


def test_advantages_are_constants_and_runs_are_separate():
    rewards, values, mask = random_answers()
    assert not gae(rewards, values.clone().requires_grad_(), mask).requires_grad
    runs = gae(torch.stack((rewards, -rewards)), torch.stack((values, values)),
               torch.stack((mask, mask)))  # fmt: skip
    assert_close(runs[0], gae(rewards, values, mask))
    assert_close(runs[1], gae(-rewards, values, mask))
    both = torch.stack((values, 5 + 3 * values))
    assert_close(whiten(both, torch.stack((mask, mask)), 0.0)[1],
                 whiten(values, mask, 0.0))  # fmt: skip


def test_half_precision_and_one_token():
    rewards, values, mask = random_answers(torch.float16)
    found = gae(rewards, values, mask)
    assert found.dtype == torch.float16
    exact = gae(rewards.double(), values.double(), mask)
    assert_close(found.double(), exact, rtol=1e-2, atol=1e-2)
    many = torch.randn(300, 300).half()  # the sum of squares is no half number
    assert abs(whiten(many, torch.ones(300, 300).bool()).float().std() - 1) < 0.01
    equal = whiten(torch.full((3, 5), 0.7).half(), torch.ones(3, 5).bool())
    assert (equal.abs() < 0.5).all()
    one = torch.ones(1, 1)
    assert_close(gae(one, 0.25 * one, one.bool()), 0.75 * one)
    assert whiten(one, one.bool()) == 0


def test_whitening_is_the_z_score(agrees):
    _, values, mask = random_answers()
    theirs = torch.from_numpy(scipy.stats.zscore(values[mask].numpy()))
    agrees(whiten(values, mask, 0.0)[mask], theirs, "scipy.stats.zscore")


def test_rewards_of_tokens_sum_to_the_penalized_reward():
    log_probs, reference, mask = random_answers()
    scores = torch.arange(5.0, dtype=torch.float64)
    found = token_rewards(scores, mask, log_probs - reference, 0.3)
    expected = penalized_rewards(scores, log_probs, reference, 0.3, mask)
    assert_close(found.sum(1), expected)
    plain = token_rewards(scores, mask)
    assert [row.nonzero().flatten().tolist() for row in plain[1:]] == [
        [0],
        [3],
        [1],
        [5],
    ]


# Losses


def token_advantages(mask):
    """Whitened advantages; the reward is the length of an answer."""
    random = torch.Generator().manual_seed(5)  # the same for both steps on a batch
    values = torch.randn(mask.shape, generator=random)
    rewards = token_rewards(mask.sum(1).float(), mask)
    return whiten(gae(rewards, values, mask), mask)


def test_policy_loss_and_gradient_are_those_of_trl(agrees, trl_steps):
    """GRPO's loss with an advantage for each token, averaged over all tokens."""
    removed = []

    def loss(log_probs, old, advantages, mask):
        still = silent((log_probs - old)[mask], advantages[mask])
        removed.append(still.float().mean())
        return policy_loss(log_probs, old, advantages, mask)

    seen = trl_steps(loss, token_advantages, loss_type="bnpo", beta=0.0)
    assert len(seen) == 4
    for step in seen:
        agrees(step.ours, step.theirs, "trl.GRPOTrainer.compute_loss")
        gradients = step.our_gradient, step.their_gradient
        agrees(*gradients, "trl.GRPOTrainer.compute_loss")
    assert max(removed) > 0.05  # some tokens are clipped


@given(st.floats(-1, 1), st.floats(-2, 2), st.floats(0.05, 0.5))
@settings(max_examples=60, deadline=None)
def test_silent_is_where_the_gradient_vanishes(log_ratio, advantage, epsilon):
    ratio = torch.tensor([[log_ratio]], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([[advantage]], dtype=torch.float64)
    if abs(advantage) < 1e-9:
        return
    chosen = torch.ones(1, 1).bool()
    loss = policy_loss(ratio, torch.zeros_like(ratio), weight, chosen, epsilon)
    (slope,) = torch.autograd.grad(loss, ratio)
    still = silent(ratio.detach(), weight, epsilon)
    assert bool(slope == 0) == bool(still)
    if not still:
        assert_close(slope, -weight * ratio.detach().exp())


def test_at_ratio_one_the_gradient_is_the_policy_gradient():
    log_probs, advantages, mask = random_answers()
    log_probs.requires_grad_()
    loss = policy_loss(log_probs, log_probs.detach(), advantages, mask)
    (slope,) = torch.autograd.grad(loss, log_probs)
    assert_close(slope, -(advantages * mask) / mask.sum())


def test_value_loss_is_pessimistic():
    """Flat between the bound and its mirror image behind the label; else a parabola."""
    one, old = torch.ones(1, 1, dtype=torch.double), torch.zeros(1, 1).double()
    chosen = one.bool()
    for new in (-0.6, -0.1, 0.1, 0.19, 0.21, 0.9, 1.5, 1.79, 1.81, 2.4):
        value = (new * one).requires_grad_()
        loss = value_loss(value, old, one, chosen, 0.2)
        (slope,) = torch.autograd.grad(loss, value)
        plain = 0.5 * (new - 1) ** 2
        flat = 0.2 < new < 1.8
        assert_close(loss.item(), 0.5 * 0.8**2 if flat else plain)
        assert_close(slope.item(), 0.0 if flat else new - 1)
        assert loss >= plain - 1e-12


def test_infinite_epsilon_is_the_squared_error(agrees):
    values, returns, mask = random_answers()
    found = value_loss(values, returns * 0, returns, mask, float("inf"))
    theirs = torch.nn.functional.mse_loss(values[mask], returns[mask]) / 2
    agrees(found, theirs, "torch.nn.functional.mse_loss")


# Values of the step task


def random_table():
    random = torch.Generator().manual_seed(2)
    return torch.randn(VOCAB + 1, VOCAB, generator=random, dtype=torch.double)


def test_exact_values_are_those_of_the_policy():
    logits = random_table()
    table = exact_values(logits)
    assert_close(table[0, START], expected_reward(logits))
    assert (table[-1, :START] > 0).all()
    probs, start = logits.softmax(-1), 3
    total = 0.0  # two tokens before the end, every continuation
    for one, two in itertools.product(range(VOCAB), repeat=2):
        gain = ((one - start) % VOCAB == 1) + ((two - one) % VOCAB == 1)
        total += gain / 5 * probs[start, one] * probs[one, two]
    assert_close(table[LENGTH - 2, start], total)


def test_tables_are_read_before_the_token():
    table = torch.arange(2 * LENGTH * (VOCAB + 1)).view(2, LENGTH, VOCAB + 1)
    tokens = torch.tensor([[[4, 0, 7, 7, 1, 2]], [[1, 1, 1, 1, 1, 1]]])
    found = look_up(table.float(), tokens)
    for place, last in enumerate((START, 4, 0, 7, 7, 1)):
        assert found[0, 0, place] == table[0, place, last]
    assert found[1, 0, 1] == table[1, 1, 1]


def test_tokens_earn_the_reward():
    tokens = sample(torch.zeros(2, VOCAB + 1, VOCAB), 50)
    assert_close(earned(tokens).sum(-1), step_rewards(tokens))


def test_with_exact_values_every_lambda_is_unbiased():
    """The mean of the estimates, by place, last token, and token, is the advantage."""
    logits = random_table()
    random = torch.Generator().manual_seed(3)
    tokens = sample(logits[None], 60000, random)[0]
    table = exact_values(logits)
    values, mask = look_up(table, tokens), torch.ones_like(tokens).bool()
    rows = (tokens[:, 1] == 2) & (tokens[:, 2] == 3)
    gain = 0.2 + table[3, 3] - table[2, 2]
    for lam in (0.0, 0.5, 1.0):
        found = gae(earned(tokens).double(), values, mask, lam=lam)[rows, 2]
        assert abs(found.mean() - gain) < 4 * found.std() / rows.sum() ** 0.5 + 1e-6


# Training


def test_clipping_keeps_the_policy_closer():
    torch.manual_seed(0)
    course = step_ppo.train((0.2, 1e9), steps=16, runs=4, batches=3)
    assert course.rewards.shape == (3, 1, 2, 4)
    clipped, free = course.moved[0, 0].mean(-1)
    assert 2 * clipped < free
    assert course.rewards[-1].min() > 1 / VOCAB
    clipped, free = course.outside[0, 0].mean(-1)
    assert 0 < clipped < free


def test_each_rate_moves_its_own_runs():
    """Adam's first step changes each number by the rate, or not at all."""
    torch.manual_seed(0)
    rates = (0.0, 1e-3, 2e-3)
    course = step_ppo.train((0.2,), steps=1, rates=rates, runs=5, batches=1)
    assert (course.moved[0, 0] == 0).all()
    assert_close(course.rewards[0, 0], torch.full((1, 5), 1 / VOCAB))
    once, twice = course.moved[0, 1:, 0].mean(-1)
    assert 2 < twice / once < 6  # grows with the square of the rate


def test_one_step_knows_no_clipping():
    curves = []
    for epsilon in (0.2, 1e9):
        torch.manual_seed(0)
        curves.append(step_ppo.train((epsilon,), steps=1, runs=2, batches=4).rewards)
    assert_close(*curves)


def test_the_critic_sees_only_what_came_before():
    critic = digit_critic.DigitCritic(8)
    prompts, tokens = torch.tensor([5, 5]), torch.tensor([[1, 2, 3], [1, 4, 6]])
    values = critic(prompts, tokens)
    assert_close(values[0, :2], values[1, :2])
    assert values[0, 2] != values[1, 2]


def test_policy_and_critic_are_trained():
    runs = []
    for _ in range(2):
        torch.manual_seed(0)
        policy, critic = DigitPolicy(8), digit_critic.DigitCritic(8)
        before = policy.logits.weight.clone(), critic.value.weight.clone()
        random = torch.Generator().manual_seed(1)
        shares = digit_critic.train(policy, critic, 3, 40, 2, 4, generator=random)
        assert not torch.equal(before[0], policy.logits.weight)
        assert not torch.equal(before[1], critic.value.weight)
        runs.append((shares, critic.value.weight.detach()))
    assert runs[0][0] == runs[1][0]
    assert len(runs[0][0]) == 3
    assert_close(runs[0][1], runs[1][1])


def test_the_critic_learns_the_level_of_the_rewards(monkeypatch):
    """Labels from whitened advantages would have the mean of the old values."""
    draw = digit_critic.draw
    monkeypatch.setattr(
        digit_critic,
        "draw",
        lambda *given: (batch := draw(*given))._replace(rewards=batch.rewards * 0 + 1),
    )
    torch.manual_seed(0)
    policy, critic = DigitPolicy(8), digit_critic.DigitCritic(8)
    digit_critic.train(policy, critic, batches=15, answers=40, passes=2)
    prompts = torch.arange(1, 20)
    tokens, _, mask = policy.sample(prompts)
    assert (critic(prompts, tokens)[mask] - 1).abs().mean() < 0.2


# Bad input


def test_bad_input_is_refused():
    rewards, values, mask = random_answers()
    with pytest.raises(ValueError, match=r"lam 1\.5 is not from 0 to 1"):
        gae(rewards, values, mask, lam=1.5)
    with pytest.raises(ValueError, match=r"gamma -0\.1"):
        gae(rewards, values, mask, gamma=-0.1)
    with pytest.raises(ValueError, match=r"beta -1\.0"):
        token_rewards(rewards[:, 0], mask, values, -1.0)
    with pytest.raises(ValueError, match=r"epsilon 0\.0"):
        value_loss(values, values, rewards, mask, 0.0)
    with pytest.raises(ValueError, match=r"epsilon -0\.2"):
        policy_loss(values, values, rewards, mask, -0.2)
    with pytest.raises(ValueError, match="beta nan"):
        token_rewards(rewards[:, 0], mask, values, float("nan"))
    with pytest.raises(ValueError, match=r"\(1,\): not a score for each answer"):
        token_rewards(rewards[:1, 0], mask)
    with pytest.raises(ValueError, match=r"\(1, 7\): not a log-ratio for each token"):
        token_rewards(rewards[:, 0], mask, values[:1], 0.1)
    with pytest.raises(ValueError, match=r"\(5, 1\): not a reward for each token"):
        gae(rewards[:, :1], values, mask)
    gap = mask.clone()
    gap[0, 2] = False
    with pytest.raises(ValueError, match="gap"):
        gae(rewards, values, gap)
    with pytest.raises(ValueError, match=r"answer \[3\] has no token"):
        token_rewards(rewards[:, 0], mask & (torch.arange(5) != 3)[:, None])
    for loss in (policy_loss, value_loss):
        with pytest.raises(ValueError, match="no token"):
            loss(values, values, rewards, mask & False)
    with pytest.raises(ValueError, match="no token to whiten"):
        whiten(values, mask & False)
    with pytest.raises(ValueError, match="5 steps on 4 answers"):
        digit_critic.train(DigitPolicy(8), digit_critic.DigitCritic(8), 1, 4, steps=5)
    with pytest.raises(ValueError, match=r"\(5, 9\), not of \(6, 9\)"):
        look_up(torch.zeros(5, 9), torch.zeros(2, 5, dtype=torch.long))
