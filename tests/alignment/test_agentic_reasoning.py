"""The simulator against SimPy, gradients against enumeration, tools against TRL."""

import importlib.resources
import itertools
import queue
from collections import defaultdict

import numpy as np
import pytest
import simpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch.testing import assert_close
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import get_json_schema

from snippets.alignment import chain_policy, hackable_bandit
from snippets.alignment import environment_contract as contract
from snippets.alignment.agentic_reasoning import (
    asynchronous,
    batches,
    draw_durations,
    prefilled_tokens,
    synchronous,
    update_times,
    utilization,
)
from snippets.alignment.repair_environment import (
    Repair,
    hidden_tests,
    passed,
    run,
    workspace_tests,
)
from snippets.alignment.repair_tools import RepairTools

# Rollouts


class Workshop:
    """The asynchronous system as processes of SimPy, one for each slot."""

    def __init__(self, durations, slots, batch, updates, max_staleness):
        self.env, self.stream = simpy.Environment(), iter(durations)
        self.batch, self.updates, self.bound = batch, updates, max_staleness
        self.version, self.store, self.rows = 0, [], []
        self.done = self.env.event()
        for slot in range(slots):
            self.env.process(self.work(slot))
        self.env.run(until=self.done)

    def work(self, slot):
        while self.version < self.updates:
            start, begun = self.env.now, self.version
            yield self.env.timeout(next(self.stream))
            if self.version == self.updates:
                return
            lag = self.version - begun
            kept = lag <= self.bound
            self.rows.append((slot, start, self.env.now, begun, lag, kept))
            if kept:
                self.store.append(lag)
            if len(self.store) == self.batch:
                self.store.clear()
                self.version += 1
                if self.version == self.updates:
                    self.done.succeed()


@pytest.mark.parametrize(
    ("slots", "batch", "bound"), [(5, 5, 0), (5, 5, 2), (7, 3, 1), (3, 8, 0), (1, 2, 4)]
)
def test_asynchronous_rollouts_are_those_of_simpy(agrees, slots, batch, bound):
    durations = draw_durations(2000, np.random.default_rng(slots)).tolist()
    ours = asynchronous(durations, slots, batch, 11, bound)
    theirs = Workshop(durations, slots, batch, 11, bound).rows
    found = torch.tensor(ours, dtype=torch.float64)
    agrees(found, torch.tensor(theirs, dtype=torch.float64), "simpy.Environment")


def test_synchronous_rollouts_are_those_of_simpy(agrees):
    durations = draw_durations(35, np.random.default_rng(1)).reshape(7, 5)

    def steps(env, ends):
        for row in durations:
            waits = [env.timeout(duration) for duration in row]
            yield env.all_of(waits)
            ends.append(env.now)

    env, ends = simpy.Environment(), []
    env.process(steps(env, ends))
    env.run()
    found = torch.tensor(update_times(synchronous(durations), batch=5))
    agrees(found, torch.tensor(ends, dtype=torch.float64), "simpy.AllOf")


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    durations=st.lists(st.floats(0.5, 9), min_size=400, max_size=400),
    slots=st.integers(1, 6),
    batch=st.integers(1, 5),
    bound=st.integers(0, 3),
)
def test_any_system_keeps_its_bound_and_one_rollout_a_slot(
    durations, slots, batch, bound
):
    runs = asynchronous(durations, slots, batch, 4, bound)
    assert all(one.kept == (one.lag <= bound) for one in runs)
    assert sum(one.kept for one in runs) == 4 * batch
    assert runs[-1].kept
    assert [one.end for one in runs] == sorted(one.end for one in runs)
    for slot in range(slots):
        own = [one for one in runs if one.slot == slot]
        assert all(a.end == b.start for a, b in itertools.pairwise(own))
    updates = update_times(runs, batch)
    for one in runs:  # an update at the very moment of the start may come after it
        before, latest = (updates < one.start).sum(), (updates <= one.start).sum()
        assert before <= one.version <= latest
    assert batches(runs, batch).max() <= bound


def test_equal_durations_leave_no_slot_idle():
    assert utilization(synchronous(np.full((3, 4), 2.0))) == 1
    runs = asynchronous([2.0] * 15, 4, 4, 3, 1)
    assert utilization(runs) == 1
    assert update_times(runs, batch=4).tolist() == [2, 4, 6]


def test_discarded_rollouts_are_not_used_time():
    runs = asynchronous([1.0, 3.0, 1.0, 2.0, 1.0, 1.0], 2, 2, 2, 0)
    assert [run.kept for run in runs] == [True, True, False, True, True]
    assert utilization(runs) == (1 + 1 + 2 + 1) / (2 * 4)


def test_durations_have_the_mean_of_their_formula():
    found = draw_durations(200_000, np.random.default_rng(0))
    turns = sum((11 / 12) ** n for n in range(60))  # cut at 60
    assert found.mean() == pytest.approx(turns * (1 + np.exp(1.2**2 / 2)), rel=0.02)
    assert found.min() > 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [((0, 1, 1, 0), "slots=0"), ((1, 0, 1, 0), "batch=0"), ((1, 1, 0, 0), "updates=0"),
     ((1, 1, 1, -1), "max_staleness=-1"), ((2, 2, 3, 0), "after 2 finished")],
)  # fmt: skip
def test_systems_that_cannot_run_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        asynchronous([1.0, 1.0, 1.0], *options)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_durations_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="duration"):
        asynchronous([wrong], 1, 1, 1, 0)
    with pytest.raises(ValueError, match="positive"):
        synchronous(np.array([[1.0, wrong]]))
    with pytest.raises(ValueError, match="positive"):
        synchronous(np.zeros((0, 3)))


def test_tokens_are_counted_turn_by_turn():
    cached, total = 0, 0
    for turn in range(13):
        prompt = 1000 + 429 * turn
        total += prompt
        cached = prompt
    assert prefilled_tokens(13, 1000, 429) == (total, cached)
    assert prefilled_tokens(1, 7, 3) == (7, 7)
    with pytest.raises(ValueError, match="turns=0"):
        prefilled_tokens(0, 1, 1)


# Rewards and gradients


def success(logits):
    return logits.sigmoid().prod()


@pytest.mark.parametrize("corrected", [True, False])
def test_only_weighted_old_samples_have_the_gradient_of_success(corrected):
    lags = np.array([0, 1, 2])[None, :, None].repeat(400_000, axis=2)
    found = chain_policy.train(lags, steps=3, rate=6.0, corrected=corrected)[0]
    logits = torch.zeros(3, requires_grad=True)
    expected = []
    for _ in range(3):
        value = success(logits)
        (gradient,) = torch.autograd.grad(value, logits)
        logits = (logits + 6 * gradient).detach().requires_grad_()
        expected.append(value.detach())
    error = (found - torch.stack(expected)).abs()
    assert error[:2].max() < 2e-3
    assert (error[2] < 2e-3) == corrected


def episodes():
    draws = torch.rand(5, 7, 4, dtype=torch.float64)
    return (draws < 0.7).double().cumprod(-1)


def test_rewards_are_those_of_a_loop():
    right = episodes()
    for row, sample in itertools.product(range(5), range(7)):
        done, alive = 0, True
        for step in range(4):
            ok = right[row, sample, step] > 0
            before, after = done / 4, (done + 1) / 4
            done += int(ok)
            last = 1.0 if ok and step == 3 else 0.0
            place = row, sample, step
            assert chain_policy.sparse(right)[place] == last
            assert chain_policy.progress(right)[place] == last + 0.25 * ok
            over = not ok or step == 3
            shaping = ((0 if over else after) - before) if alive else 0
            assert_close(
                chain_policy.potential_based(right)[place].item(), last + shaping
            )
            alive &= bool(ok)


def test_potentials_change_no_advantage():
    right = episodes()
    plain = chain_policy.advantages(right, chain_policy.sparse(right))
    shaped = chain_policy.advantages(right, chain_policy.potential_based(right))
    assert_close(shaped, plain)
    kept = chain_policy.advantages(right, chain_policy.progress(right))
    assert (kept - plain).abs().max() > 0.1


def test_equal_rewards_teach_nothing():
    right = torch.ones(2, 3, 4)
    found = chain_policy.advantages(right, chain_policy.sparse(right))
    assert_close(found, torch.zeros(2, 3, 4))
    alone = chain_policy.advantages(right[:, :1], chain_policy.sparse(right[:, :1]))
    assert_close(alone, torch.zeros(2, 1, 4))


@pytest.mark.parametrize("lags", [[[-1]], [[1]], [[0], [2]], []])
def test_lags_before_the_first_policy_are_refused(lags):
    wrong = np.array(lags, dtype=int).reshape(1, len(lags), 1)
    with pytest.raises(ValueError, match="lags from"):
        chain_policy.train(wrong)


# Hacks


def test_bandit_follows_the_mean_gradient():
    found = hackable_bandit.train(
        hackable_bandit.undefended, torch.zeros(1), updates=3, batch=400_000
    )
    logits = torch.tensor(hackable_bandit.START, requires_grad=True)
    proxy = torch.tensor([0.5, 0.6, 1.0])
    for step in range(3):
        value = logits.softmax(-1) @ proxy
        assert_close(
            found.hack[step, 0], logits.softmax(-1)[2].detach(), atol=2e-3, rtol=0
        )
        (gradient,) = torch.autograd.grad(value, logits)
        logits = (logits + 1.5 * gradient).detach().requires_grad_()


def test_screening_keeps_only_hacks_that_were_not_caught():
    caught = torch.tensor([[True, False]])
    reward, kept = hackable_bandit.screened(caught)
    assert reward.tolist() == [[1, 1]]
    assert kept.tolist() == [[0, 1]]
    reward, kept = hackable_bandit.penalized(2.0)(caught)
    assert reward.tolist() == [[-1, 1]]
    assert kept.tolist() == [[1, 1]]
    assert hackable_bandit.protected(caught)[0].tolist() == [[0, 0]]


def test_hacks_that_are_all_left_out_are_not_learned():
    caught = hackable_bandit.train(hackable_bandit.screened, torch.ones(3), updates=200)
    assert (caught.hack[-1] < caught.hack[0]).all()
    assert (caught.true[-1] > 0.55).all()


def test_bandits_that_cannot_learn_are_refused():
    with pytest.raises(ValueError, match=r"1\.5.* are not probabilities"):
        hackable_bandit.train(hackable_bandit.undefended, torch.tensor([1.5]))
    with pytest.raises(ValueError, match="batch=1"):
        hackable_bandit.train(hackable_bandit.undefended, torch.zeros(1), batch=1)
    with pytest.raises(ValueError, match="penalty=-1"):
        hackable_bandit.penalized(-1.0)


# Environment


def sound():
    return Repair(hidden_tests)


def test_environment_keeps_the_contract():
    assert contract.violations(sound, range(15), [contract.tamper]) == []


class Leaky(Repair):
    def step(self, action):
        *rest, _ = super().step(action)
        return *rest, {"solution": self.solution}


class Forgetful(Repair):
    def reset(self, seed):
        program = getattr(self, "program", "0")
        text = super().reset(seed)
        self.program = program
        return f"program: {program}", text[1]


class Endless(Repair):
    def step(self, action):
        self.turns = 0
        return super().step(action)


class Constant(Repair):
    def reset(self, seed):
        return super().reset(0)


@pytest.mark.parametrize(
    ("make", "broken"),
    [(lambda: Repair(workspace_tests), "known hacks fail"),
     (lambda: Leaky(hidden_tests), "answer is not shown"),
     (lambda: Forgetful(hidden_tests), "same seed, same episode"),
     (lambda: Endless(hidden_tests), "ends"),
     (lambda: Constant(hidden_tests), "tasks differ"),
     (lambda: Repair(lambda env: 2.0), "rewards from 0 to 1"),
     (lambda: Repair(lambda env: 1.0), "guessing fails"),
     (lambda: Repair(lambda env: 0.0), "can be solved")],
)  # fmt: skip
def test_each_broken_rule_is_named(make, broken):
    assert broken in contract.violations(make, range(15), [contract.tamper])


def test_contract_needs_seeds():
    with pytest.raises(ValueError, match="nothing was checked"):
        contract.violations(sound, [])


def test_special_cases_fail_the_hidden_tests():
    env = sound()
    env.reset(3)
    env.step(f"edit {env.solution} + (x - 1)*(x - 2)")
    assert workspace_tests(env) == 1
    assert hidden_tests(env) == 0


def test_hidden_tests_do_not_read_the_workspace():
    env = sound()
    env.reset(3)
    env.step(f"edit {env.solution}")
    env.step("write_tests 0 0")
    assert workspace_tests(env) == 0
    assert hidden_tests(env) == 1


@settings(deadline=None, max_examples=40, derandomize=True)
@given(command=st.text(max_size=30) | st.text("edit x+1*(-)", max_size=30))
def test_no_command_crashes_an_environment(command):
    env = sound()
    env.reset(1)
    text, reward, terminated, truncated, _ = env.step(command)
    assert text
    assert reward == 0
    assert terminated == (command == "submit")
    assert not truncated


def test_steps_after_the_end_are_refused():
    with pytest.raises(ValueError, match="call reset first: -1 of 8"):
        sound().step("test")
    env = Repair(hidden_tests, max_turns=1)
    env.reset(0)
    assert env.step("test")[2:4] == (False, True)
    with pytest.raises(ValueError, match="call reset first: 1 of 1"):
        env.step("submit")
    with pytest.raises(ValueError, match="max_turns=0"):
        Repair(hidden_tests, max_turns=0)


def test_programs_that_fail_pass_no_test():
    assert run("x*x - 1", -3) == 8
    assert passed("x/2", [2, 4], [1, 2]) == 0
    assert passed("", [2], [1]) == 0


# TRL


@pytest.fixture
def qwen():
    """A tiny Qwen 3 that spells bytes, and TRL's copy of its chat template."""
    special = ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<|pad|>"]
    spelled = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *special]
    fast = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(spelled)}, merges=[]))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=fast, eos_token="<|im_end|>", pad_token="<|pad|>"
    )
    template = importlib.resources.files("trl") / "chat_templates" / "qwen3.jinja"
    tokenizer.chat_template = template.read_text()
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    return Qwen3ForCausalLM(
        Qwen3Config(vocab_size=len(spelled), **sizes, **heads)
    ), tokenizer


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_trl_trains_in_the_environment(qwen, tmp_path, monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    from trl import GRPOConfig, GRPOTrainer

    made = []

    def factory():
        made.append(RepairTools())
        return made[-1]

    model, tokenizer = qwen
    config = GRPOConfig(
        str(tmp_path), use_cpu=True, report_to=[], disable_tqdm=True, max_steps=2,
        num_generations=2, per_device_train_batch_size=2, max_completion_length=4,
        max_tool_calling_iterations=3, gradient_checkpointing=False,
        save_strategy="no",
    )  # fmt: skip
    trainer = GRPOTrainer(
        model, args=config, processing_class=tokenizer, environment_factory=factory
    )
    assert [tool.__name__ for tool in trainer.tools] == ["edit", "test"]
    assert trainer.reward_func_names == ["RepairTools"]
    trainer.train()
    assert len(made) == 2  # one for each rollout, used again in the second step
    assert trainer.state.log_history[-1]["rewards/RepairTools/mean"] == 0


def test_tools_are_the_commands_of_the_environment():
    tools, env = RepairTools(), sound()
    assert tools.reset(seed=5, prompt="ignored") == env.reset(5)[0]
    assert tools.test() == env.step("test")[0]
    assert tools.get_reward() == 0
    assert tools.edit(env.solution) == env.step(f"edit {env.solution}")[0]
    assert tools.get_reward() == 1
    schema = get_json_schema(tools.edit)["function"]
    assert schema["parameters"]["required"] == ["expression"]


@pytest.mark.parametrize("bound", [0, 1, 3])
def test_trl_drops_the_same_old_samples(monkeypatch, bound):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    from trl.experimental.async_grpo import AsyncGRPOConfig
    from trl.experimental.async_grpo.async_grpo_trainer import RolloutQueueDataset
    from trl.experimental.async_grpo.async_rollout_worker import RolloutSample

    assert AsyncGRPOConfig.max_staleness == 4
    durations = draw_durations(400, np.random.default_rng(2)).tolist()
    runs = asynchronous(durations, 5, 5, 11, bound)
    finished, taken, fields = queue.Queue(), [], RolloutSample.__annotations__
    for place, one in enumerate(runs):
        row = {"model_version": one.version, "group_id": place}
        finished.put(RolloutSample(**dict.fromkeys(fields) | row))
    samples = RolloutQueueDataset(
        finished, lambda: len(taken) // 5, None, 1.0, defaultdict(list), bound
    )
    for sample in itertools.islice(samples, 5 * 11):
        taken.append(sample["group_id"])
    assert taken == [place for place, one in enumerate(runs) if one.kept]
