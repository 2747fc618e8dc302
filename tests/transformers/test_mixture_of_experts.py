"""Mixture of experts against transformers: the losses and blocks of Mixtral and Switch,
the router and block of DeepSeek-V3, the capacity of Switch and NLLB; then against
loops, invariants, and bad input.
"""

import inspect
import itertools
import math

import pytest
import torch
from transformers import (
    DeepseekV3Config,
    MixtralConfig,
    NllbMoeConfig,
    SwitchTransformersConfig,
)
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as deepseek
from transformers.models.mixtral import modeling_mixtral as mixtral
from transformers.models.nllb_moe import modeling_nllb_moe as nllb
from transformers.models.switch_transformers import (
    modeling_switch_transformers as switch,
)

from snippets.transformers.cluster_mixtures import Rule, Shape, forward, train
from snippets.transformers.expert_balance import (
    expert_load,
    load_balancing_loss,
    max_violation,
    update_bias,
    z_loss,
)
from snippets.transformers.expert_blocks import DeepseekMoE, Experts, SparseMoeBlock
from snippets.transformers.mixture_of_experts import (
    Routing,
    expert_capacity,
    expert_choice,
    keep_groups,
    route,
    route_with_bias,
    within_capacity,
)

TOKENS, EXPERTS, TOP_K, WIDTH, D_FF = 23, 12, 3, 10, 7


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def test_the_block_is_that_of_mixtral(agrees):
    config = MixtralConfig(
        hidden_size=WIDTH,
        intermediate_size=D_FF,
        num_local_experts=EXPERTS,
        num_experts_per_tok=TOP_K,
        experts_implementation="eager",
    )
    theirs = mixtral.MixtralSparseMoeBlock(config)
    ours = SparseMoeBlock(experts=EXPERTS, top_k=TOP_K, d_model=WIDTH, d_ff=D_FF)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, TOKENS, WIDTH)
    name = "transformers.MixtralSparseMoeBlock"
    agrees(ours(x.flatten(0, 1)).view_as(x), theirs(x), name)
    x = x.bfloat16()
    ours, theirs = ours.bfloat16(), theirs.bfloat16()
    got, wanted = ours(x.flatten(0, 1)).view_as(x), theirs(x)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got, wanted, rtol=0.05, atol=0.05)


def deepseek_pair(groups, kept):
    """A block of theirs and of ours with the same weights; biases not zero."""
    config = DeepseekV3Config(
        hidden_size=WIDTH,
        moe_intermediate_size=D_FF,
        n_routed_experts=EXPERTS,
        n_shared_experts=2,
        num_experts_per_tok=TOP_K,
        n_group=groups,
        topk_group=kept,
        experts_implementation="eager",
    )
    theirs = deepseek.DeepseekV3MoE(config)
    ours = DeepseekMoE(
        experts=EXPERTS,
        top_k=TOP_K,
        d_model=WIDTH,
        d_ff=D_FF,
        shared_d_ff=2 * D_FF,
        groups=groups,
        kept_groups=kept,
    )
    ours.bias.copy_(0.2 * torch.randn(EXPERTS) - 1.0)  # biased scores are negative
    state = ours.state_dict()
    gate, up = state.pop("shared_experts.gate_up_proj")[0].chunk(2)
    state["shared_experts.gate_proj.weight"] = gate
    state["shared_experts.up_proj.weight"] = up
    down = state.pop("shared_experts.down_proj")[0]
    state["shared_experts.down_proj.weight"] = down
    state["gate.e_score_correction_bias"] = state.pop("bias")
    theirs.load_state_dict(state)
    return theirs, ours


@pytest.mark.parametrize(("groups", "kept"), [(1, 1), (4, 2), (3, 1), (6, 6)])
def test_router_and_block_are_those_of_deepseek_v3(agrees, groups, kept):
    theirs, ours = deepseek_pair(groups, kept)
    x = torch.randn(2, TOKENS, WIDTH)
    _, weight, index = theirs.gate(x)
    got = route_with_bias(
        ours.gate(x).flatten(0, 1),
        ours.bias,
        TOP_K,
        groups=groups,
        kept_groups=kept,
        scale=2.5,
    )
    dense = torch.zeros(2 * TOKENS, EXPERTS)
    agrees(
        dense.scatter(1, got.index, got.weight),
        dense.scatter(1, index, weight),
        "transformers.DeepseekV3TopkRouter",
    )
    name = "transformers.DeepseekV3MoE"
    agrees(ours(x.flatten(0, 1)).view_as(x), theirs(x), name)


def test_the_balancing_loss_is_that_of_mixtral(agrees):
    logits = 2 * draw(TOKENS, EXPERTS)
    got = load_balancing_loss(logits.softmax(-1), route(logits, TOP_K).index)
    theirs = mixtral.load_balancing_loss_func((logits,), EXPERTS, TOP_K)
    name = "transformers.models.mixtral.load_balancing_loss_func"
    agrees(got, theirs.double(), name, rtol=1e-6)  # they count in float32


def test_the_losses_are_those_of_switch(agrees):
    logits = 3 * draw(1, TOKENS, EXPERTS)
    module = "transformers.models.switch_transformers"
    agrees(z_loss(logits[0]), switch.router_z_loss_func(logits), f"{module}.z_loss")
    probability = logits.softmax(-1)
    theirs = switch.load_balancing_loss_func(probability, probability.argmax(-1))
    got = load_balancing_loss(probability[0], route(logits[0], 1).index)
    agrees(got, theirs.double(), f"{module}.load_balancing_loss_func", rtol=1e-6)


@pytest.mark.parametrize("capacity", [1, 3, TOKENS])
def test_the_capacity_of_one_choice_is_that_of_switch(agrees, capacity):
    config = SwitchTransformersConfig(
        hidden_size=EXPERTS, num_experts=EXPERTS, expert_capacity=capacity
    )
    router = switch.SwitchTransformersTop1Router(config).eval()
    with torch.no_grad():
        dispatched, _, logits = router(torch.randn(1, TOKENS, EXPERTS))
    index = route(logits[0], 1).index
    kept = within_capacity(index, EXPERTS, capacity)
    ours = torch.zeros(TOKENS, EXPERTS).scatter(1, index, kept.float())
    name = "transformers.SwitchTransformersTop1Router"
    agrees(ours, dispatched[0].float(), name)


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_the_capacity_of_two_choices_is_that_of_nllb(agrees, capacity):
    config = NllbMoeConfig(
        num_experts=4,
        expert_capacity=capacity,
        second_expert_policy="all",
        normalize_router_prob_before_dropping=True,
        moe_eval_capacity_token_fraction=-1.0,
    )
    router = nllb.NllbMoeTop2Router(config).eval()
    logits = draw(TOKENS, 4)
    router.dtype = torch.float64
    _, theirs = router.route_tokens(logits.clone(), torch.float64)
    weight, index = route(logits, 2)
    kept = within_capacity(index, 4, capacity)
    ours = torch.zeros_like(logits).scatter(1, index, weight * kept)
    agrees(ours, theirs, "transformers.NllbMoeTop2Router")


def test_the_block_is_the_sum_over_all_experts():
    experts = Experts(experts=5, d_model=WIDTH, d_ff=D_FF).double()
    x, logits = draw(TOKENS, WIDTH), draw(TOKENS, 5)
    routing = route(logits, 2)
    dense = torch.zeros_like(logits).scatter(1, routing.index, routing.weight)
    wanted = sum(dense[:, [i]] * experts.one(i, x) for i in range(5))
    torch.testing.assert_close(experts(x, routing), wanted)


def test_softmax_then_top_k_is_top_k_then_softmax_if_renormalized():
    logits = draw(TOKENS, EXPERTS)
    weight, index = route(logits, TOP_K)
    best = logits.topk(TOP_K)
    assert index.equal(best.indices)
    torch.testing.assert_close(weight, best.values.softmax(-1))


def test_a_bias_changes_the_choice_but_not_the_weights():
    logits = draw(TOKENS, EXPERTS)
    bias = torch.zeros(EXPERTS).double()
    bias[4] = 9
    weight, index = route_with_bias(logits, bias, TOP_K)
    assert index.eq(4).any(dim=1).all()
    score = logits.sigmoid().gather(1, index)
    torch.testing.assert_close(weight, score / score.sum(1, keepdim=True))
    shifted = route_with_bias(logits, bias + 3, TOP_K)
    assert shifted.index.sort().values.equal(index.sort().values)


def test_groups_are_valued_by_their_two_best():
    """One excellent expert loses against two good ones."""
    choice = torch.tensor([[0.9, 0.0, 0.5, 0.5]])
    kept = keep_groups(choice, groups=2, kept=1)
    assert kept.tolist() == [[-math.inf, -math.inf, 0.5, 0.5]]
    assert keep_groups(choice - 2, 2, 1).isinf().tolist() == kept.isinf().tolist()
    choice = torch.tensor([[0.8, 0.8, 0.0, 0.6, 0.6, 0.6]])
    assert keep_groups(choice, groups=2, kept=1)[0, 3:].isinf().all()


def test_even_loads_and_probabilities_give_the_number_of_choices():
    for top_k in (1, 2, EXPERTS):
        index = torch.arange(EXPERTS)[:, None] + torch.arange(top_k)
        even = torch.full((EXPERTS, EXPERTS), 1 / EXPERTS)
        loss = load_balancing_loss(even, index % EXPERTS)
        torch.testing.assert_close(loss, torch.tensor(float(top_k)))


def test_the_gradient_of_the_balancing_loss_flows_through_the_probabilities():
    """It pushes down the experts with more than their share of the tokens."""
    logits = draw(TOKENS, EXPERTS).requires_grad_()
    index = torch.zeros(TOKENS, 1, dtype=torch.int64)  # all tokens visit expert 0
    load_balancing_loss(logits.softmax(-1), index).backward()
    assert (logits.grad[:, 0] > 0).all()
    assert (logits.grad[:, 1:] < 0).all()


def test_the_balancing_loss_keeps_the_precision_of_the_probabilities():
    logits = draw(TOKENS, EXPERTS)
    probability, index = logits.softmax(-1), route(logits, TOP_K).index
    share = [(index == e).sum().item() / TOKENS for e in range(EXPERTS)]
    mean = probability.mean(0).tolist()
    wanted = EXPERTS * sum(f * p for f, p in zip(share, mean, strict=True))
    loss = load_balancing_loss(probability, index)
    torch.testing.assert_close(loss, torch.tensor(wanted).double())
    rounded = probability.bfloat16()
    half = load_balancing_loss(rounded, index)
    torch.testing.assert_close(half, load_balancing_loss(rounded.float(), index))


def test_a_bias_in_half_precision_moves_by_small_steps():
    bias = torch.full((3,), 0.5).bfloat16()
    moved = update_bias(bias, torch.tensor([6, 2, 1]), rate=0.001)
    torch.testing.assert_close(moved, torch.tensor([0.499, 0.501, 0.501]))


def test_counts_stay_on_the_device_of_the_choices():
    index = torch.zeros(4, 2, dtype=torch.int64, device="meta")
    assert expert_load(index, 3).device == index.device
    assert within_capacity(index, 3, 2).device == index.device


def test_z_loss_sees_what_softmax_does_not():
    logits = draw(TOKENS, EXPERTS)
    shifted = z_loss(logits + 5)
    z = [math.log(sum(math.exp(v) for v in row)) + 5 for row in logits.tolist()]
    assert shifted.item() == pytest.approx(sum(v * v for v in z) / TOKENS)
    assert route(logits + 5, 2).index.equal(route(logits, 2).index)


def test_loads_are_counts():
    index = route(draw(TOKENS, EXPERTS), TOP_K).index
    load = expert_load(index, EXPERTS)
    assert load.tolist() == [(index == e).sum().item() for e in range(EXPERTS)]
    assert load.sum() == TOKENS * TOP_K
    assert max_violation(torch.tensor([3, 1, 2])).item() == pytest.approx(0.5)
    assert max_violation(torch.full((9,), 7)) == 0


def test_the_bias_balances_fixed_scores():
    """Without training: scores that favor some experts end up with even loads."""
    logits = draw(500, 8) + torch.linspace(-2, 2, 8)
    bias = torch.zeros(8).double()
    before = expert_load(route_with_bias(logits, bias, 2).index, 8)
    for _ in range(1500):
        load = expert_load(route_with_bias(logits, bias, 2).index, 8)
        bias = update_bias(bias, load, rate=0.002)
    assert max_violation(before) > 1
    assert max_violation(load) < 0.1
    assert update_bias(bias, torch.full((8,), 5), 1.0).equal(bias)


def test_capacity_is_the_fair_share_rounded_up():
    assert expert_capacity(tokens=12, experts=4, top_k=2, factor=1.0) == 6
    assert expert_capacity(tokens=13, experts=4, top_k=1, factor=1.0) == 4
    assert expert_capacity(tokens=100, experts=10, top_k=1, factor=1.1) == 11
    assert expert_capacity(tokens=1, experts=64, top_k=1, factor=0.5) == 1
    assert expert_capacity(tokens=1, experts=10**4, top_k=1, factor=1e-6) == 1
    assert expert_capacity(tokens=10**8, experts=10, top_k=1, factor=1.1) == 11 * 10**6


@pytest.mark.parametrize("capacity", [1, 2, 4, 50])
def test_places_go_to_first_choices_then_to_early_tokens(capacity):
    index = route(draw(TOKENS, 5), TOP_K).index
    taken, wanted = [0] * 5, torch.zeros(TOKENS, TOP_K, dtype=torch.bool)
    for choice, token in itertools.product(range(TOP_K), range(TOKENS)):
        expert = index[token, choice]
        if taken[expert] < capacity:
            taken[expert] += 1
            wanted[token, choice] = True
    assert within_capacity(index, 5, capacity).equal(wanted)


def test_experts_that_choose_are_balanced_but_tokens_are_not():
    logits = draw(TOKENS, 4)
    weight, token = expert_choice(logits, capacity=6)
    probability = logits.softmax(-1)
    assert token.shape == (6, 4)
    for expert in range(4):
        best = probability[:, expert].sort(descending=True)
        assert token[:, expert].tolist() == best.indices[:6].tolist()
        torch.testing.assert_close(weight[:, expert], best.values[:6])
    assert token.flatten().bincount(minlength=TOKENS).unique().numel() > 1
    everyone = expert_choice(logits, capacity=TOKENS).token
    assert everyone.sort(0).values.eq(torch.arange(TOKENS)[:, None]).all()


def test_a_future_token_changes_what_an_expert_chooses():
    logits = draw(TOKENS, 1)
    logits[0] = 1.0
    before = expert_choice(torch.cat([logits, -logits], 1), 1).token[0, 0]
    logits[-1] = 9.0
    after = expert_choice(torch.cat([logits, -logits], 1), 1).token[0, 0]
    assert before != after == TOKENS - 1


def test_half_precision_ties_and_extremes():
    logits = torch.tensor([[1.0, 1.0, 1.0], [300.0, -300.0, 0.0]])
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        weight, index = route(logits.to(dtype), 2)
        assert weight.dtype == torch.float32
        torch.testing.assert_close(weight[0], torch.tensor([0.5, 0.5]))
        assert index[1, 0] == 0
        bias = torch.zeros(3)
        biased = route_with_bias(logits.to(dtype), bias, 2)
        torch.testing.assert_close(biased.weight.sum(1), torch.ones(2))
        assert z_loss(logits.to(dtype)).isfinite()
    none = route_with_bias(torch.full((1, 3), -300.0), torch.zeros(3), 2)
    assert none.weight.tolist() == [[0.0, 0.0]]


def test_empty_and_single():
    assert route(torch.zeros(0, 3), 2).index.shape == (0, 2)
    assert route(torch.zeros(4, 1), 1).weight.eq(1).all()
    assert within_capacity(torch.zeros(0, 2, dtype=torch.int64), 3, 1).shape == (0, 2)
    experts = Experts(experts=3, d_model=4, d_ff=5)
    assert experts(torch.zeros(0, 4), route(torch.zeros(0, 3), 2)).shape == (0, 4)


def test_small_mixtures_compute_what_the_visited_experts_do():
    router, bias = draw(5, WIDTH), draw(5)
    up, down, x = draw(5, WIDTH, D_FF), draw(5, D_FF, WIDTH), draw(TOKENS, WIDTH)
    out = forward(router, up, down, bias, x, TOP_K)
    weight, index = route_with_bias(x @ router.T, bias, TOP_K)
    for token in range(TOKENS):
        wanted = torch.zeros(WIDTH).double()
        for g, i in zip(weight[token], index[token], strict=True):
            wanted += g * (x[token] @ up[i]).relu() @ down[i]
        torch.testing.assert_close(out.y[token], wanted)
    assert out.load.equal(expert_load(index, 5))


def test_runs_side_by_side_are_those_alone():
    rules, shape = [Rule(), Rule(loss=0.5), Rule(rate=0.01)], Shape(6, 3, 4)
    both = train(rules, [0, 1], shape, attributes=2, steps=4)
    for run, (rule, seed) in enumerate(itertools.product(rules, (0, 1))):
        alone = train([rule], [seed], shape, attributes=2, steps=4)
        torch.testing.assert_close(both.error[run], alone.error[0])
        assert both.loads[:2, run].equal(alone.loads[:2, 0])
    assert both.error[0] != both.error[2]
    assert both.error[0] != both.error[4]


def test_the_balancing_loss_refuses_an_index_of_other_tokens():
    """Also where nothing checks the annotations, as for a user."""
    probability, index = draw(5, 4).softmax(-1), route(draw(3, 4), 2).index
    unchecked = inspect.unwrap(load_balancing_loss)
    with pytest.raises(ValueError, match="has 5 tokens, index has 3"):
        unchecked(probability, index)


ONE = Routing(torch.ones(1, 1), torch.zeros(1, 1, dtype=torch.int64))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: route(torch.zeros(2, 3), 0), "top_k=0 is not between 1 and 3"),
        (lambda: route(torch.zeros(2, 3), 4), "top_k=4 is not between 1 and 3"),
        (
            lambda: route_with_bias(
                torch.zeros(2, 8), torch.zeros(8), 5, groups=4, kept_groups=2
            ),
            "top_k=5 is not between 1 and 4",
        ),
        (lambda: keep_groups(torch.zeros(2, 8), 3, 1), "8 experts do not form 3"),
        (lambda: keep_groups(torch.zeros(2, 8), 8, 1), "8 experts do not form 8"),
        (lambda: keep_groups(torch.zeros(2, 8), 0, 1), "do not form 0"),
        (lambda: keep_groups(torch.zeros(2, 8), 4, 5), "kept_groups=5"),
        (lambda: keep_groups(torch.zeros(2, 8), 4, 0), "kept_groups=0"),
        (lambda: expert_capacity(8, 4, 2, 0.0), "factor=0.0"),
        (lambda: expert_capacity(8, 4, 2, -1.0), "factor=-1.0"),
        (lambda: expert_capacity(8, 4, 2, math.nan), "factor=nan"),
        (lambda: expert_capacity(8, 4, 2, math.inf), "factor=inf"),
        (lambda: expert_capacity(0, 4, 2, 1.0), "tokens=0"),
        (lambda: within_capacity(ONE.index, 1, 0), "capacity=0"),
        (lambda: expert_choice(torch.zeros(5, 2), 0), "capacity=0"),
        (lambda: expert_choice(torch.zeros(5, 2), 6), "capacity=6"),
        (
            lambda: load_balancing_loss(
                torch.zeros(0, 2), torch.zeros(0, 1, dtype=torch.int64)
            ),
            "tokens=0",
        ),
        (
            lambda: route_with_bias(torch.zeros(2, 8), torch.zeros(8), 1, groups=0),
            "do not form 0",
        ),
        (
            lambda: route_with_bias(
                torch.zeros(2, 8), torch.zeros(8), 1, kept_groups=4
            ),
            "kept_groups=4",
        ),
        (lambda: max_violation(torch.zeros(3)), "no token"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
