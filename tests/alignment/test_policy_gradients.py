"""Advantages and gradients against TRL, the optimum against scipy, the rest exactly."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.distributions import Categorical
from torch.distributions import kl_divergence as torch_divergence
from torch.testing import assert_close
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from snippets.alignment.answer_table import (
    best_baseline,
    estimates,
    estimator_variance,
    exact_gradient,
    kl_divergence,
    regularized_reward,
    tilted,
)
from snippets.alignment.digit_policy import STOP, DigitPolicy, until_stop
from snippets.alignment.policy_gradients import (
    leave_one_out,
    penalized_rewards,
    policy_gradient_loss,
)

PROBS = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
REWARDS = torch.tensor([5, 6, 8], dtype=torch.float64)
GROUP = 4


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def token_log_probs(model, inputs):
    """Of the completions, by transformers; and which of their tokens count."""
    pieces = ("prompt", "completion")
    ids = torch.cat([inputs[f"{name}_ids"] for name in pieces], 1)
    attention = torch.cat([inputs[f"{name}_mask"] for name in pieces], 1)
    logits = model(ids, attention_mask=attention).logits[:, :-1].log_softmax(-1)
    found = logits.gather(2, ids[:, 1:, None])[..., 0]
    count = inputs["completion_ids"].shape[1]
    return found[:, -count:], inputs["completion_mask"].bool()


def our_advantages(rewards, prompts, size=GROUP):
    """RLOO among answers to the same prompt, which stand in any order."""
    advantages = torch.empty_like(rewards)
    for prompt in prompts.unique(dim=0):
        same = (prompts == prompt).all(1)
        assert same.sum() == size
        advantages[same] = rewards[same] - leave_one_out(rewards[same])
    return advantages


@pytest.fixture
def update(tmp_path):
    """One update of TRL's RLOOTrainer: advantages and gradients, theirs and ours."""
    from trl import RLOOConfig, RLOOTrainer
    from datasets import Dataset

    found = {}

    class Watched(RLOOTrainer):
        def compute_loss(self, model, inputs, *args, **kwargs):
            loss = super().compute_loss(model, inputs, *args, **kwargs)
            weights = list(model.parameters())
            ours, mask = token_log_probs(model, inputs)
            with torch.no_grad():
                theirs, _ = token_log_probs(self.ref_model, inputs)
            rewards = reward(inputs["completion_ids"].where(mask, 0))
            rewards = torch.tensor(rewards)
            rewards = penalized_rewards(rewards, ours, theirs, self.beta, mask)
            advantages = our_advantages(rewards, inputs["prompt_ids"])
            found["advantages"] = advantages, inputs["advantages"]
            our_loss = policy_gradient_loss(ours, advantages, mask)
            grads = [
                torch.autograd.grad(x, weights, retain_graph=True)
                for x in (our_loss, loss)
            ]
            found["gradients"] = grads
            return loss

    def reward(completion_ids, **rest):
        return [float(sum(ids) % 7) for ids in completion_ids]

    def trainer():
        names = {f"w{i}": i for i in range(11)} | {"<end>": 11}
        words = Tokenizer(models.WordLevel(names, unk_token="w0"))
        words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        ends = {"eos_token": "<end>", "pad_token": "<end>"}
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **ends)
        sizes = {"n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 2}
        drop = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        ids = {"bos_token_id": None, "eos_token_id": 11, "pad_token_id": 11}
        config = GPT2Config(vocab_size=12, **sizes, **drop, **ids)
        args = {"use_cpu": True, "bf16": False, "report_to": []}
        args |= {"activation_checkpointing": False, "save_strategy": "no"}
        args |= {"num_generations": GROUP, "per_device_train_batch_size": 2 * GROUP}
        args |= {"max_completion_length": 5, "max_steps": 1, "beta": 0.0}
        return Watched(
            GPT2LMHeadModel(config),
            reward,
            RLOOConfig(str(tmp_path), **args),
            train_dataset=Dataset.from_list([{"prompt": "w1"}, {"prompt": "w3 w4"}]),
            processing_class=tokenizer,
        )

    def run(beta):
        trained, other = trainer(), trainer()
        for weight in other.model.parameters():
            weight.data += 0.3 * torch.randn_like(weight)
        trained.beta, trained.ref_model = beta, other.model.eval()
        trained.train()
        return found

    return run


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of transformers, by TRL
@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_advantages_and_gradients_are_those_of_trl(agrees, update, beta):
    found = update(beta)
    agrees(*found["advantages"], "trl.RLOOTrainer", rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(*found["gradients"], strict=True):
        agrees(ours, theirs, "trl.RLOOTrainer", rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("beta", [0.3, 2.0])
def test_no_policy_is_better_than_the_tilted_one(agrees, beta):
    reference = torch.randn(5).double().log_softmax(-1)
    rewards = torch.randn(5).double()

    def cost(logits):
        policy = torch.tensor(logits).log_softmax(-1)
        return -regularized_reward(policy, reference, rewards, beta).item()

    found = minimize(cost, np.zeros(5), method="BFGS", options={"gtol": 1e-9})
    probs = torch.tensor(found.x).softmax(-1)
    ours = tilted(reference, rewards, beta).exp()
    agrees(ours, probs, "scipy.optimize.minimize", rtol=1e-5, atol=1e-6)


def test_divergence_is_that_of_torch(agrees):
    ours, theirs = torch.randn(2, 3, 5).double()
    expected = torch_divergence(Categorical(logits=ours), Categorical(logits=theirs))
    found = kl_divergence(ours.log_softmax(-1), theirs.log_softmax(-1))
    agrees(found, expected, "torch.distributions.kl_divergence")


def test_gradient_of_the_loss_is_the_sum_over_tokens_by_hand():
    logits = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    tokens, advantages = torch.randint(4, (3, 2)), torch.randn(3).double()
    log_probs = logits.log_softmax(-1).gather(2, tokens[..., None])[..., 0]
    policy_gradient_loss(log_probs, advantages).backward()
    for i, t in product(range(3), range(2)):
        score = torch.eye(4).double()[tokens[i, t]] - logits[i, t].softmax(-1)
        assert_close(logits.grad[i, t], (-advantages[i] * score / 3).detach())


def test_exact_gradient_is_that_of_autograd():
    logits = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    rewards = torch.randn(5).double()
    (logits.softmax(-1) * rewards).sum().backward()
    assert_close(exact_gradient(logits.softmax(-1).detach(), rewards), logits.grad)


@given(st.floats(-100, 100))
@settings(max_examples=30, deadline=None)
def test_a_constant_baseline_leaves_the_mean_and_costs_a_squared_distance(baseline):
    mean = PROBS @ estimates(PROBS, REWARDS, baseline)
    assert_close(mean, exact_gradient(PROBS, REWARDS))
    best = best_baseline(PROBS, REWARDS)
    scores = estimates(PROBS, torch.ones(3).double(), 0.0).square().sum(-1)
    excess = (PROBS @ scores) * (baseline - best[0]) ** 2
    expected = estimator_variance(PROBS, REWARDS, best) + excess
    assert_close(estimator_variance(PROBS, REWARDS, baseline), expected)


def test_policies_side_by_side_do_not_mix():
    probs = torch.randn(4, 3).double().softmax(-1)
    best = best_baseline(probs, REWARDS)
    variances = estimator_variance(probs, REWARDS, best)
    for i, own in enumerate(probs):
        assert_close(best[i], best_baseline(own, REWARDS))
        assert_close(variances[i], estimator_variance(own, REWARDS, best[i]))


def test_drawn_estimates_have_the_exact_mean():
    draws = 20000
    drawn = Categorical(PROBS).sample((draws,))
    found = estimates(PROBS, REWARDS, 5.6)[drawn]
    error = found.std(0) / draws**0.5
    distance = (found.mean(0) - exact_gradient(PROBS, REWARDS)).abs()
    assert (distance < 4.5 * error).all()


def test_the_loss_estimates_the_gradient_of_a_policy_with_three_tokens():
    """All 27 answers of an autoregressive policy, against its expected reward."""
    torch.manual_seed(1)
    table = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)  # by last token
    answers = torch.tensor(list(product(range(3), repeat=3)))
    rewards = torch.randn(27).double()
    last = torch.cat((torch.full((27, 1), 3), answers[:, :-1]), 1)
    log_probs = table.log_softmax(-1)[last, answers]
    probs = log_probs.sum(1).exp()
    (expected,) = torch.autograd.grad(probs @ rewards, table, retain_graph=True)
    weighted = 27 * probs.detach() * (rewards - 3.0)  # so that the mean is over draws
    policy_gradient_loss(log_probs, weighted).backward()
    assert_close(-table.grad, expected)


def test_leaving_one_out_is_a_loop_over_the_others():
    rewards = torch.randn(3, 5).double()
    for group, i in product(range(3), range(5)):
        others = [rewards[group, j] for j in range(5) if j != i]
        assert_close(leave_one_out(rewards)[group, i], torch.stack(others).mean())


def test_rloo_advantage_is_the_distance_from_the_mean_scaled():
    rewards = torch.randn(3, 5).double()
    scaled = 5 / 4 * (rewards - rewards.mean(1, keepdim=True))
    assert_close(rewards - leave_one_out(rewards), scaled)


def test_equal_rewards_have_no_advantage():
    rewards = torch.full((2, 3), 7.0)
    assert_close(rewards - leave_one_out(rewards), torch.zeros(2, 3))


def test_the_mean_of_rloo_over_all_groups_is_the_exact_gradient():
    """With the answer itself in the baseline, the gradient shrinks by (G - 1) / G."""
    scores, found, with_itself = torch.eye(3).double() - PROBS, 0, 0
    for group in map(list, product(range(3), repeat=3)):
        weight, rewards = PROBS[group].prod(), REWARDS[group]
        found += weight * (rewards - leave_one_out(rewards)) @ scores[group] / 3
        with_itself += weight * (rewards - rewards.mean()) @ scores[group] / 3
    exact = exact_gradient(PROBS, REWARDS)
    assert_close(found, exact)
    assert_close(with_itself, exact * 2 / 3)


def test_penalty_is_the_divergence_on_average():
    ours, theirs = torch.randn(2, 6).double().log_softmax(-1)
    rewards = torch.randn(6).double()
    penalized = penalized_rewards(rewards, ours[:, None], theirs[:, None], 0.7)
    expected = regularized_reward(ours, theirs, rewards, 0.7)
    assert_close(ours.exp() @ penalized, expected)


def test_masked_tokens_do_not_matter():
    policy = DigitPolicy(8).double()
    prompts = torch.tensor([3, 9])
    tokens = torch.tensor([[3, STOP, 1], [4, 5, STOP]])
    other = torch.tensor([[3, STOP, 9], [4, 5, STOP]])
    ones = torch.ones(2).double()
    losses, penalties = [], []
    for drawn in (tokens, other):
        log_probs = policy.log_probs(prompts, drawn)
        mask = until_stop(drawn)
        losses.append(policy_gradient_loss(log_probs, ones, mask))
        reference = torch.zeros_like(log_probs).masked_fill(~mask, -torch.inf)
        penalties.append(penalized_rewards(ones, log_probs, reference, 0.5, mask))
    assert_close(*losses)
    assert_close(*penalties)


def test_a_masked_token_of_probability_zero_leaves_all_finite():
    log_probs = torch.tensor([[-1.0, -torch.inf]], requires_grad=True)
    mask = torch.tensor([[True, False]])
    loss = policy_gradient_loss(log_probs, torch.ones(1), mask)
    loss.backward()
    assert_close(loss.detach(), torch.tensor(1.0))
    assert_close(log_probs.grad, torch.tensor([[-1.0, 0.0]]))


def test_tilting_a_reward_of_zero_or_one_multiplies_the_odds():
    reference = torch.tensor([0.02, 0.03, 0.95], dtype=torch.float64)
    probs = tilted(reference.log(), torch.tensor([1, 1, 0]).double(), 0.2).exp()
    odds = (probs[:2].sum() / probs[2]) / (0.05 / 0.95)
    assert_close(odds.log(), torch.tensor(1 / 0.2).double())
    assert_close(probs[0] / probs[1], reference[0] / reference[1])


@pytest.mark.parametrize("beta", [1e-30, 1e-3, 1e6])
def test_tilting_is_finite_for_tiny_and_large_beta(beta):
    probs = tilted(PROBS.log().float(), 1e6 * REWARDS.float(), beta).exp()
    assert probs.isfinite().all()
    if beta < 1:
        assert_close(probs, torch.tensor([0.0, 0.0, 1.0]))


def test_an_answer_that_the_reference_never_gives_stays_impossible():
    reference = torch.tensor([0.5, 0.5, 0.0]).log()
    policy = tilted(reference, torch.tensor([0.0, 1.0, 100.0]), 1.0)
    assert policy[2] == -torch.inf
    assert kl_divergence(policy, reference).isfinite()


def test_a_constant_added_to_the_rewards_changes_no_optimum():
    reference = PROBS.log()
    assert_close(tilted(reference, REWARDS + 50, 0.5), tilted(reference, REWARDS, 0.5))


def test_half_precision_is_close_to_double():
    log_probs, rewards = torch.randn(4, 6).double() - 2, torch.randn(4).double()
    half = policy_gradient_loss(log_probs.bfloat16(), rewards.bfloat16())
    assert half.dtype == torch.bfloat16
    double = policy_gradient_loss(log_probs, rewards)
    assert_close(half.double(), double, rtol=0.02, atol=0.05)


def test_small_rewards_beside_a_large_one_are_not_lost():
    found = leave_one_out(torch.tensor([1e8, 1.0, 2.0]))
    assert_close(found, torch.tensor([1.5, 5e7, 5e7]))


def test_half_precision_of_large_rewards_does_not_overflow():
    rewards = torch.full((8,), 1e4).half()
    assert_close(leave_one_out(rewards), rewards)


def test_rewards_that_are_whole_numbers_have_a_mean_that_is_not():
    others = leave_one_out(torch.tensor([1, 2, 4]))
    assert others.tolist() == [3.0, 2.5, 1.5]


def test_an_impossible_answer_with_a_huge_reward_does_not_matter():
    reference = torch.tensor([1.0, 0.0]).log()
    found = tilted(reference, torch.tensor([0.0, 1e38]), 1e-3)
    assert_close(found.exp(), torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("size", [0, 1])
def test_a_group_without_others_is_refused(size):
    with pytest.raises(ValueError, match=f"a group of {size}: "):
        leave_one_out(torch.ones(3, size))


def test_bad_input_is_refused_by_name():
    log_probs, ones = -torch.ones(2, 3), torch.ones(2)
    with pytest.raises(ValueError, match="advantages require a gradient"):
        policy_gradient_loss(log_probs, ones.requires_grad_())
    mask = torch.tensor([[True, True, False], [False, False, False]])
    with pytest.raises(ValueError, match=r"no token of answer \[1\]"):
        policy_gradient_loss(log_probs, torch.ones(2), mask)
    for beta in (-0.1, float("nan")):
        with pytest.raises(ValueError, match=f"beta {beta} is not a price"):
            penalized_rewards(torch.ones(2), log_probs, log_probs, beta)
    with pytest.raises(ValueError, match=r"each answer: \(\(2, 1\), \(2, 3\)\)"):
        policy_gradient_loss(log_probs, torch.ones(2, 1))
    with pytest.raises(ValueError, match=r"each answer: \(\(2, 1\), \(2, 3\)\)"):
        penalized_rewards(torch.ones(2, 1), log_probs, log_probs, 0.1)
    for other in ((2, 1), (3,)):  # one number for each answer, or for each place
        with pytest.raises(ValueError, match="reference and policy have other tokens"):
            penalized_rewards(torch.ones(2), log_probs, torch.zeros(other), 0.1)
    for size in ((2, 0), (0, 3)):
        with pytest.raises(ValueError, match=r"no answer, or no token: \(\d, \d\)"):
            policy_gradient_loss(torch.ones(size), torch.ones(size[0]))
    for reward in ("nan", "inf"):
        with pytest.raises(ValueError, match=f"reward {reward} is not finite"):
            leave_one_out(torch.tensor([1.0, float(reward)]))
    for beta in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"beta {beta} is not positive"):
            tilted(PROBS.log(), REWARDS, beta)
    with pytest.raises(ValueError, match="reward inf is not finite"):
        tilted(PROBS.log(), REWARDS / torch.tensor([1, 1, 0]), 1.0)
    with pytest.raises(ValueError, match=r"list other answers: \(\(3,\), \(4,\)\)"):
        tilted(PROBS.log(), torch.ones(4), 1.0)
    with pytest.raises(ValueError, match=r"list other answers: \(3, 4\)"):
        kl_divergence(PROBS.log(), torch.zeros(4))
    with pytest.raises(ValueError, match="probability 1 in"):
        best_baseline(torch.tensor([0.0, 1.0]), torch.ones(2))
