"""Dr. GRPO, DAPO, GSPO, SAPO, CISPO against TRL, while its trainer runs."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from snippets.alignment import answer_lengths
from snippets.alignment.beyond_grpo import (
    capped_weight,
    centered_advantages,
    mean_over_places,
    mean_over_tokens,
    overlong_penalty,
    soft_gate,
    two_sided_clip,
)
from snippets.alignment.beyond_grpo_losses import (
    cispo_loss,
    dapo_loss,
    dr_grpo_loss,
    gspo_loss,
    sapo_loss,
    sequence_log_ratio,
)
from snippets.alignment.grpo import clipped_loss, group_advantages, grpo_loss

# our loss, and TRL's arguments for it; bounds that the four steps reach
METHODS = {
    "Dr. GRPO": (
        partial(dr_grpo_loss, longest=5, epsilon=0.1),
        {"loss_type": "dr_grpo", "scale_rewards": "none", "epsilon": 0.1},
    ),
    "DAPO": (dapo_loss, {"loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28}),
    "GSPO": (
        partial(gspo_loss, low=0.03, high=0.04),
        {
            "loss_type": "grpo",
            "importance_sampling_level": "sequence",
            "epsilon": 0.03,
            "epsilon_high": 0.04,
        },
    ),
    "SAPO": (sapo_loss, {"loss_type": "sapo"}),
    "CISPO": (
        partial(cispo_loss, largest=1.1),
        {"loss_type": "cispo", "epsilon_high": 1.1},
    ),
}


@pytest.fixture(scope="module")
def runs(trl_steps):
    """Four steps of TRL's trainer with each of the losses."""
    return {
        name: trl_steps(loss, **options) for name, (loss, options) in METHODS.items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_loss_and_gradient_are_those_of_trl(agrees, runs, name):
    for step in runs[name]:
        agrees(step.ours, step.theirs, f"trl.GRPOTrainer, {name}")
        gradients = step.our_gradient, step.their_gradient
        agrees(*gradients, f"trl.GRPOTrainer, {name}")
    ratio = torch.cat([step.ratio for step in runs[name]])
    assert (ratio > 1.28).any()  # the comparison reaches the bounds
    assert (ratio < 0.8).any()


def test_centered_advantages_are_those_of_trl(agrees, runs):
    for rows in (runs["Dr. GRPO"][0].rows, runs["Dr. GRPO"][2].rows):
        for prompt in {tuple(row[0]) for row in rows}:  # the reward is the length
            group = [row for row in rows if tuple(row[0]) == prompt]
            lengths = torch.tensor([[float(row[1]) for row in group]])
            theirs = torch.tensor([[row[2] for row in group]])
            agrees(centered_advantages(lengths), theirs, "trl.GRPOTrainer, Dr. GRPO")


def test_overlong_penalty_is_that_of_trl(agrees):
    from trl.rewards import get_soft_overlong_punishment

    lengths = torch.arange(1, 140)
    theirs = get_soft_overlong_punishment(100, 23)([[0] * n for n in lengths.tolist()])
    found = overlong_penalty(lengths, 100, 23)
    agrees(found, torch.tensor(theirs), "trl.rewards.get_soft_overlong_punishment")


# Definitions


def random_batch(dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    logp, old = (
        -1.5 + 0.4 * torch.randn(5, 7, generator=random, dtype=dtype) for _ in range(2)
    )
    mask = torch.arange(7) < torch.tensor([7, 1, 4, 2, 6])[:, None]
    advantages = torch.randn(5, generator=random, dtype=dtype)
    return logp, old, advantages, mask


LOSSES = {
    "dr_grpo": partial(dr_grpo_loss, longest=9),
    "dapo": dapo_loss,
    "gspo": gspo_loss,
    "sapo": sapo_loss,
    "cispo": partial(cispo_loss, largest=1.5),
}


def papers_loss(name, logp, old, advantages, mask):
    """The papers' sums, token by token."""
    total, tokens, n = 0.0, 0, len(mask)
    for i in range(n):
        length = int(mask[i].sum())
        a, s = advantages[i], 0.0
        for t in range(length):
            s += float(logp[i, t] - old[i, t]) / length
        for t in range(length):
            r = float((logp[i, t] - old[i, t]).exp())
            if name == "dr_grpo":
                value = min(r * a, min(max(r, 0.8), 1.2) * a) / (9 * n)
            elif name == "dapo":
                value = min(r * a, min(max(r, 0.8), 1.28) * a)
            elif name == "gspo":
                r = float(torch.tensor(s, dtype=torch.float64).exp())
                value = min(r * a, min(max(r, 1 - 3e-4), 1 + 4e-4) * a) / length / n
            elif name == "sapo":
                tau = 1.0 if a > 0 else 1.05
                gate = 1 / (1 + torch.tensor(-tau * (r - 1), dtype=torch.float64).exp())
                value = 4 / tau * gate * a / length / n
            else:
                value = min(r, 1.5) * a * logp[i, t]
            total -= value
            tokens += 1
    return total / tokens if name in ("dapo", "cispo") else total


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_the_papers_sum_as_loops(name):
    batch = random_batch()
    assert_close(LOSSES[name](*batch), papers_loss(name, *batch))


@pytest.mark.parametrize("name", LOSSES)
def test_values_behind_the_mask_do_not_matter(name):
    logp, old, advantages, mask = random_batch()
    expected = LOSSES[name](logp, old, advantages, mask)
    for bad in (float("nan"), float("inf"), -float("inf"), 800.0):
        spoiled = logp.masked_fill(~mask, bad).requires_grad_()
        behind = old.masked_fill(~mask, bad)
        found = LOSSES[name](spoiled, behind, advantages, mask)
        assert_close(found.detach(), expected)
        found.backward()
        assert spoiled.grad.isfinite().all()
        assert (spoiled.grad[~mask] == 0).all()


def gradient(loss, logp, *rest):
    logp = logp.clone().requires_grad_()
    loss(logp, *rest).backward()
    return logp.grad


def test_fresh_answers_leave_only_the_normalization():
    logp, _, advantages, mask = random_batch()
    found = {
        name: gradient(loss, logp, logp, advantages, mask)
        for name, loss in LOSSES.items()
    }
    pushed = -advantages[:, None] * mask
    by_answer = pushed / mask.sum(1, keepdim=True) / len(mask)
    for name in ("gspo", "sapo"):
        assert_close(found[name], by_answer)
    assert_close(gradient(grpo_loss, logp, logp, advantages, mask), by_answer)
    for name in ("dapo", "cispo"):
        assert_close(found[name], pushed / mask.sum())
    assert_close(found["dr_grpo"], pushed / (len(mask) * 9))


def weights(values, ratio, advantage):
    """Minus the derivative by the log-probability, divided by the advantage."""
    log_ratio = ratio.log()[None].requires_grad_()
    values(log_ratio, torch.tensor([advantage], dtype=ratio.dtype)).sum().backward()
    return -log_ratio.grad[0] / advantage


@pytest.mark.parametrize("advantage", [2.0, -2.0])
def test_gradient_weight_of_each_ratio(advantage):
    ratio = torch.tensor([0.1, 0.79, 0.81, 1, 1.19, 1.21, 1.27, 1.29, 3, 7.0]).double()
    positive = advantage > 0
    flat = ratio > 1.28 if positive else ratio < 0.8
    expected = torch.where(flat, 0, ratio)
    assert_close(weights(two_sided_clip, ratio, advantage), expected)
    tau = 1.0 if positive else 1.05
    expected = ratio / (tau * (ratio - 1) / 2).cosh() ** 2
    assert_close(weights(soft_gate, ratio, advantage), expected)
    # its log-probability is the argument here; the weight does not depend on it
    capped = weights(lambda x, a: capped_weight(x, x, a), ratio, advantage)
    assert_close(capped, ratio.clamp(max=5))


def test_equal_bounds_are_grpo():
    logp, old, advantages, _ = random_batch()
    found = two_sided_clip(logp - old, advantages, 0.2, 0.2)
    assert_close(found, clipped_loss(logp - old, advantages, 0.2))


def test_gspo_keeps_or_drops_whole_answers():
    logp, old, advantages, mask = random_batch()
    found = gradient(gspo_loss, logp, old, advantages, mask)
    for row, chosen in zip(found, mask, strict=True):
        assert_close(row[chosen], row[:1].expand(int(chosen.sum())))
    assert (found[:, 0] == 0).any()
    assert (found[:, 0] != 0).any()


def test_sequence_ratio_is_the_geometric_mean():
    ratio = torch.tensor([[2.0, 8.0, 99.0]])
    found = sequence_log_ratio(ratio.log(), torch.tensor([[True, True, False]])).exp()
    assert_close(found, torch.full((1, 3), 4.0))


def test_token_mean_does_not_depend_on_the_split():
    logp, old, advantages, mask = random_batch()
    whole = dapo_loss(logp, old, advantages, mask)
    total = int(mask.sum())
    for loss in (dapo_loss, cispo_loss):
        whole = loss(logp, old, advantages, mask)
        parts = [
            loss(logp[rows], old[rows], advantages[rows], mask[rows], total=total)
            for rows in (slice(0, 2), slice(2, 5))
        ]
        assert_close(sum(parts), whole)


def test_length_bias_is_the_slope_of_the_mean_inverse_length():
    """E[(1/L) ∇ log π] = ∇ E[1/L], and E[∇ log π] = 0, over all lengths."""
    cap = 40
    stop = torch.tensor(-2.0, dtype=torch.float64, requires_grad=True)
    log_stop, log_on = (torch.nn.functional.logsigmoid(x) for x in (stop, -stop))
    before = torch.arange(cap)
    log_probs = before * log_on + torch.where(before == cap - 1, 0, log_stop)
    probs = log_probs.exp()
    assert_close(probs.sum().item(), 1.0)
    lengths = before + 1
    (slope,) = torch.autograd.grad((probs / lengths).sum(), stop, retain_graph=True)
    weighted = (probs.detach() / lengths * log_probs).sum()
    plain = (probs.detach() * log_probs).sum()
    found = torch.autograd.grad(weighted, stop, retain_graph=True)[0]
    assert_close(found, slope)
    assert abs(torch.autograd.grad(plain, stop)[0]) < 1e-12


@settings(deadline=None, derandomize=True)
@given(
    rewards=st.lists(st.integers(-4, 4), min_size=4, max_size=4),
    shift=st.integers(-9, 9),
    scale=st.sampled_from([0.25, 2.0, 1000.0]),
)
def test_centered_advantages_keep_the_scale(rewards, shift, scale):
    group = torch.tensor([rewards], dtype=torch.float64)
    found = centered_advantages(scale * group + shift)
    assert_close(found, scale * centered_advantages(group))
    expected = group_advantages(group, delta=0.0) * group.std()
    assert_close(centered_advantages(group), expected)


@pytest.mark.parametrize("p", [0.03, 0.1, 0.5, 0.9])
def test_push_of_a_prompt_by_its_difficulty(p):
    """Sum over all groups of 16: p (1 - p) (1 - 1/G) without the division."""
    group = 16
    right = torch.arange(group + 1)
    rewards = (torch.arange(group) < right[:, None]).double()
    chance = torch.distributions.Binomial(group, torch.tensor(p).double())
    often = chance.log_prob(right.double()).exp()
    push = [
        (often * (find(rewards) * (rewards - p)).mean(1)).sum()
        for find in (centered_advantages, group_advantages)
    ]
    assert_close(push[0].item(), p * (1 - p) * (1 - 1 / group), rtol=1e-5, atol=0)
    assert p * (1 - p) < push[1] <= (p * (1 - p)) ** 0.5


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_types_and_dead_groups(dtype):
    dead = centered_advantages(torch.full((1, 7), 0.7, dtype=dtype))
    assert (dead == 0).all()
    logp, old, advantages, mask = random_batch()
    batch = logp.to(dtype), old.to(dtype), advantages.to(dtype), mask
    wide = {"gspo": partial(gspo_loss, low=0.03, high=0.04)}  # 3e-4 needs float32
    for name, loss in (LOSSES | wide).items():
        found = loss(*batch)
        assert found.dtype == dtype, name
        expected = loss(logp, old, advantages, mask)
        assert_close(found.double(), expected, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("values", [two_sided_clip, soft_gate])
def test_huge_ratios_of_dead_or_right_answers_move_nothing(values, dtype):
    log_ratio = torch.full((2, 1), 900.0, dtype=dtype).requires_grad_()
    found = values(log_ratio, torch.tensor([0.0, 1.0], dtype=dtype))
    expected = {two_sided_clip: -1.28, soft_gate: -4.0}[values]
    assert_close(found, torch.tensor([[0.0], [expected]], dtype=dtype))
    found.sum().backward()
    assert (log_ratio.grad == 0).all()


def test_bad_input_is_refused():
    logp, old, advantages, mask = random_batch()
    batch = logp, old, advantages, mask
    with pytest.raises(ValueError, match="groups of 1"):
        centered_advantages(torch.ones(3, 1))
    with pytest.raises(ValueError, match="reward nan"):
        centered_advantages(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match=r"low 0\.2, high -0\.1"):
        dapo_loss(*batch, high=-0.1)
    with pytest.raises(ValueError, match=r"low 1\.5"):
        dapo_loss(*batch, low=1.5)
    half = [x.bfloat16() for x in (logp, old, advantages)]
    with pytest.raises(ValueError, match=r"high 0\.0004 for torch.bfloat16"):
        gspo_loss(*half, mask)
    with pytest.raises(ValueError, match="answer of 0 tokens, longest is 0"):
        mean_over_places(logp, torch.zeros_like(mask), 0)
    with pytest.raises(ValueError, match=r"temperatures 1\.0, -1\.0"):
        sapo_loss(*batch, negative=-1.0)
    with pytest.raises(ValueError, match=r"largest ratio 0\.28"):
        cispo_loss(*batch, largest=0.28)
    with pytest.raises(ValueError, match="answer of 7 tokens, longest is 6"):
        mean_over_places(logp, mask, 6)
    with pytest.raises(ValueError, match="total of 3 tokens, 20 of them here"):
        mean_over_tokens(logp, mask, 3)
    with pytest.raises(ValueError, match="total of 0 tokens"):
        mean_over_tokens(logp, torch.zeros_like(mask))
    with pytest.raises(ValueError, match="answer 3 has no token"):
        gspo_loss(logp, old, advantages, mask & (torch.arange(5) != 3)[:, None])
    with pytest.raises(ValueError, match="buffer of 30 tokens, longest is 20"):
        overlong_penalty(torch.tensor([3]), 20, 30)


# Answers whose length has nothing to do with their reward


def test_lengths_and_log_probs_belong_to_the_same_answers():
    torch.manual_seed(0)
    stop = torch.tensor([-1.0, 0.5])
    right = torch.arange(40_000) % 2
    lengths, log_probs = answer_lengths.draw_answers(stop, right, 5)
    assert lengths.min() == 1
    assert lengths.max() == 5
    for kind in (0, 1):
        q = stop[kind].sigmoid().item()
        mine = lengths[right == kind]
        for n in (1, 2, 5):
            expected = (1 - q) ** 4 if n == 5 else q * (1 - q) ** (n - 1)
            assert abs((mine == n).float().mean() - expected) < 0.02
        row = log_probs[right == kind][(mine == 2).nonzero()[0, 0]]
        assert_close(row[:2].exp(), torch.tensor([1 - q, q]))
    with pytest.raises(ValueError, match="longest answer of 0 tokens"):
        answer_lengths.draw_answers(stop, right, 0)


def test_only_division_by_length_moves_lengths():
    torch.manual_seed(0)
    found = answer_lengths.learn_lengths(grpo_loss, group_advantages, 0.5, 60)
    wrong, right = (found.stop[-1] - found.stop[0]).tolist()
    assert wrong < -0.5 < 0.5 < right  # wrong answers stop later
    loss = partial(dr_grpo_loss, longest=64)
    found = answer_lengths.learn_lengths(loss, centered_advantages, 8.0, 60)
    assert (found.stop[-1] - found.stop[0]).abs().max() < 0.3
