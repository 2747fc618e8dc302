"""GRPO against TRL: advantages, losses, and gradients while TRL's trainer runs."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from snippets.alignment import digit_training
from snippets.alignment.answer_table import kl_divergence
from snippets.alignment.digit_policy import DigitPolicy, digit_reward
from snippets.alignment.grpo import (
    clipped_loss,
    dead_groups,
    group_advantages,
    grpo_loss,
    mean_over_answers,
)
from snippets.alignment.kl_estimators import k1, k2, k3

BETA = 0.04


@pytest.fixture(scope="module")
def seen(trl_steps):
    """What TRL's trainer and our functions compute in four steps, two on each batch."""
    loss = partial(grpo_loss, epsilon=0.2, beta=BETA)
    options = {"loss_type": "grpo", "beta": BETA, "use_bias_correction_kl": False}
    return trl_steps(loss, **options)


def test_loss_and_gradient_are_those_of_trl(agrees, seen):
    assert len(seen) == 4
    for step in seen:
        agrees(step.ours, step.theirs, "trl.GRPOTrainer.compute_loss")
        gradients = step.our_gradient, step.their_gradient
        agrees(*gradients, "trl.GRPOTrainer.compute_loss")
    ratio = torch.cat([step.ratio for step in seen])
    assert (ratio > 1.2).any()  # the comparison reaches both bounds
    assert (ratio < 0.8).any()


def test_advantages_are_those_of_trl(agrees, seen):
    for rows in (seen[0].rows, seen[2].rows):  # the reward is the length of an answer
        for prompt in {tuple(row[0]) for row in rows}:
            group = [row for row in rows if tuple(row[0]) == prompt]
            lengths = torch.tensor([[float(row[1]) for row in group]])
            theirs = torch.tensor([[row[2] for row in group]])
            agrees(group_advantages(lengths), theirs, "trl.GRPOTrainer")


# Definitions


def random_batch(n=5, length=7, dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    logp, old, ref = (
        -1.5 + 0.4 * torch.randn(n, length, generator=random, dtype=dtype)
        for _ in range(3)
    )
    lengths = torch.tensor([7, 1, 4, 2, 6])[:n]
    mask = torch.arange(length) < lengths[:, None]
    advantages = torch.randn(n, generator=random, dtype=dtype)
    return logp, old, ref, advantages, mask


def test_loss_is_the_papers_sum_as_loops():
    logp, old, ref, advantages, mask = random_batch()
    total = 0.0
    for i in range(5):
        terms = []
        for t in range(int(mask[i].sum())):
            r = (logp[i, t] - old[i, t]).exp()
            a = advantages[i]
            u = (ref[i, t] - logp[i, t]).exp()
            clip = min(max(r, torch.tensor(0.8)), torch.tensor(1.2))
            terms.append(min(r * a, clip * a) - 0.3 * (u - u.log() - 1))
        total += sum(terms) / len(terms)
    found = grpo_loss(logp, old, advantages, mask, 0.2, ref, 0.3)
    assert_close(found, -total / 5)


def test_values_behind_the_mask_do_not_matter():
    logp, old, ref, advantages, mask = random_batch()
    expected = grpo_loss(logp, old, advantages, mask, 0.2, ref)
    for bad in (float("nan"), float("inf"), -float("inf"), 800.0):
        spoiled = [x.masked_fill(~mask, bad) for x in (logp, old, ref)]
        spoiled[0].requires_grad_()
        found = grpo_loss(*spoiled[:2], advantages, mask, 0.2, spoiled[2])
        assert_close(found.detach(), expected)
        found.backward()
        assert spoiled[0].grad.isfinite().all()
        assert (spoiled[0].grad[~mask] == 0).all()


@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_gradient_is_zero_only_where_the_ratio_has_gone_far_enough(advantage):
    ratio = torch.tensor([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0], dtype=torch.float64)
    log_ratio = ratio.log()[None].requires_grad_()
    sign = torch.tensor([advantage], dtype=torch.float64)
    clipped_loss(log_ratio, sign).sum().backward()
    flat = ratio > 1.2 if advantage > 0 else ratio < 0.8
    expected = torch.where(flat, 0, -advantage * ratio)
    assert_close(log_ratio.grad[0], expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_huge_ratios_of_dead_or_right_answers_move_nothing(dtype):
    log_ratio = torch.full((2, 1), 900.0, dtype=dtype).requires_grad_()
    loss = clipped_loss(log_ratio, torch.tensor([0.0, 1.0], dtype=dtype))
    assert_close(loss, torch.tensor([[0.0], [-1.2]], dtype=dtype))
    loss.sum().backward()
    assert (log_ratio.grad == 0).all()


def test_first_step_is_the_policy_gradient():
    logp, _, _, advantages, mask = random_batch()
    logp.requires_grad_()
    grpo_loss(logp, logp.detach(), advantages, mask).backward()
    weight = mask / mask.sum(1, keepdim=True) / len(mask)
    assert_close(logp.grad, -advantages[:, None] * weight)


@settings(deadline=None, derandomize=True)
@given(
    rewards=st.lists(st.integers(-4, 4), min_size=4, max_size=4),
    shift=st.integers(-9, 9),
    scale=st.sampled_from([0.25, 2.0, 1000.0]),
)
def test_advantages_ignore_shift_and_scale(rewards, shift, scale):
    group = torch.tensor([rewards], dtype=torch.float64)
    found = group_advantages(group, delta=0.0)
    moved = group_advantages(scale * group + shift, delta=0.0)
    assert_close(moved, found)
    assert_close(found.sum(), torch.tensor(0.0, dtype=torch.float64))
    spread = found.std() if len(set(rewards)) > 1 else found.sum() + 1
    assert_close(spread, torch.tensor(1.0, dtype=torch.float64))


def test_groups_do_not_see_each_other():
    rewards = torch.tensor([[0.0, 1.0, 3.0], [5.0, 5.0, 7.0]])
    other = torch.tensor([[0.0, 1.0, 3.0], [-9.0, 2.0, 1.0]])
    assert_close(group_advantages(rewards)[0], group_advantages(other)[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_dead_groups_get_exact_zeros(dtype):
    rewards = torch.tensor([[0.1] * 7, [0.1] * 6 + [0.2]], dtype=dtype)
    assert dead_groups(rewards).tolist() == [True, False]
    found = group_advantages(rewards)
    assert (found[0] == 0).all()
    assert found.dtype == dtype


# KL estimators


def random_policies(dtype=torch.float64):
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(6, generator=random, dtype=dtype)
    ref = torch.randn(6, generator=random, dtype=dtype).log_softmax(0)
    return logits.requires_grad_(), ref


def test_means_of_k1_and_k3_are_the_divergence(agrees):
    logits, ref = random_policies()
    logp = logits.detach().log_softmax(0)
    theirs = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=logp),
        torch.distributions.Categorical(logits=ref),
    )
    agrees(kl_divergence(logp, ref), theirs, "torch.distributions.kl_divergence")
    for estimator in (k1, k3):
        assert_close((logp.exp() * estimator(logp, ref)).sum(), theirs)
    assert abs((logp.exp() * k2(logp, ref)).sum() - theirs) > 0.1 * theirs


def test_gradients_of_the_estimators_as_losses():
    """k1: zero; k2: that of KL(policy || ref); k3: that of KL(ref || policy)."""
    logits, ref = random_policies()
    logp = logits.log_softmax(0)
    drawn = logp.exp().detach()  # how often each token is sampled: no gradient

    def gradient(loss):
        return torch.autograd.grad(loss, logits, retain_graph=True)[0]

    forward, reverse = kl_divergence(logp, ref), kl_divergence(ref, logp)
    found = [gradient((drawn * k(logp, ref)).sum()) for k in (k1, k2, k3)]
    assert_close(found[0], torch.zeros_like(found[0]))
    assert_close(found[1], gradient(forward))
    assert_close(found[2], gradient(reverse))
    ratio = (logp - logp.detach()).exp()  # TRL's correction
    corrected = gradient((drawn * ratio * k3(logp, ref)).sum())
    assert_close(corrected, gradient(forward))


def test_k3_keeps_its_digits_near_zero():
    logp = torch.tensor([-1.0, -2.0])
    found = k3(logp, logp + torch.tensor([1e-4, 0.0]))
    assert_close(found, torch.tensor([5e-9, 0.0]), rtol=1e-2, atol=0)
    assert k3(logp.half(), logp.half()).eq(0).all()


def test_impossible_tokens_add_nothing_to_the_divergence():
    logp = torch.tensor([0.5, 0.5, 0.0]).log()
    ref = torch.tensor([0.5, 0.25, 0.25]).log()
    assert_close(kl_divergence(logp, ref), 0.5 * torch.tensor(2.0).log())
    assert kl_divergence(ref, logp) == float("inf")


# Bad input


def test_bad_input_is_refused():
    logp, old, ref, advantages, mask = random_batch()
    with pytest.raises(ValueError, match="groups of 1"):
        group_advantages(torch.ones(3, 1))
    with pytest.raises(ValueError, match="reward nan"):
        group_advantages(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match="reward inf"):
        dead_groups(torch.tensor([[1.0, float("inf")]]))
    with pytest.raises(ValueError, match=r"epsilon -0\.1"):
        grpo_loss(logp, old, advantages, mask, -0.1)
    for wrong in (torch.ones(5, 1), torch.ones(1)):  # would be broadcast
        with pytest.raises(ValueError, match="advantages of shape"):
            clipped_loss((logp - old)[:, :5], wrong.double())
    for beta in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=rf"beta {beta}"):
            grpo_loss(logp, old, advantages, mask, 0.2, ref, beta)
    mask[3] = False
    with pytest.raises(ValueError, match="answer 3 has no token"):
        mean_over_answers(logp, mask)


# The training loop


def test_a_batch_is_groups_of_answers():
    policy = DigitPolicy(8)
    random = torch.Generator().manual_seed(0)
    batch = digit_training.draw(policy, prompts=3, group=5, generator=random)
    assert (batch.prompts.view(3, 5) == batch.prompts.view(3, 5)[:, :1]).all()
    assert_close(batch.rewards, digit_reward(batch.prompts, batch.tokens))
    expected = group_advantages(batch.rewards.view(3, 5)).flatten()
    assert_close(batch.advantages, expected)
    with torch.no_grad():
        again = policy.log_probs(batch.prompts, batch.tokens)
    assert_close(again, batch.old_log_probs)


def test_steps_go_once_through_the_batch():
    policy = DigitPolicy(8)
    start = policy.logits.weight.detach().clone()
    batch = digit_training.draw(policy, prompts=3, group=5)
    seen = []

    def loss(log_probs, old_log_probs, advantages, mask):
        assert log_probs.shape == old_log_probs.shape == mask.shape
        seen.append((old_log_probs, (log_probs - old_log_probs).abs().max().item()))
        return -log_probs.mean()

    optimizer = torch.optim.Adam(policy.parameters(), 0.01)
    digit_training.update(policy, optimizer, batch, loss, steps=4)
    rows = torch.cat([old for old, _ in seen])
    assert sorted(map(tuple, rows.tolist())) == sorted(
        map(tuple, batch.old_log_probs.tolist())
    )
    assert seen[0][1] < 1e-5 < seen[3][1]  # the old ones stay those of the sampler
    assert not torch.equal(start, policy.logits.weight)
    with pytest.raises(ValueError, match="16 steps on 15 answers"):
        digit_training.update(policy, optimizer, batch, loss, steps=16)


def test_training_repeats_with_its_generator():
    runs = []
    for _ in range(2):
        torch.manual_seed(0)
        policy = DigitPolicy(8)
        random = torch.Generator().manual_seed(1)
        sizes = {"batches": 3, "prompts": 4, "group": 4, "steps": 2}
        runs.append(digit_training.train(policy, grpo_loss, **sizes, generator=random))
    for first, second in zip(*runs, strict=True):
        assert_close(first.tokens, second.tokens)
