"""QK-norm, soft-capping, sinks, and gates against transformers' attention layers."""

import math
from inspect import unwrap

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import (
    Gemma2Config,
    GptOssConfig,
    Qwen3Config,
    Qwen3NextConfig,
)
from transformers.models.gemma2 import modeling_gemma2
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm
from transformers.models.gpt_oss import modeling_gpt_oss
from transformers.models.qwen3.modeling_qwen3 import Qwen3Attention
from transformers.models.qwen3_next.modeling_qwen3_next import Qwen3NextAttention

from snippets.attention.backcopy_task import (
    D_MODEL as TASK_D_MODEL,
)
from snippets.attention.backcopy_task import (
    INPUTS,
    SYMBOLS,
    TABLE,
    TRIGGERS,
    BackcopyModel,
    evaluate,
    step,
    texts,
    train,
)
from snippets.attention.multi_head_attention import MultiHeadAttention
from snippets.attention.self_attention import causal
from snippets.attention.stabilized_attention import (
    StabilizedAttention,
    rms_norm,
    sink_softmax,
    soft_cap,
)

D_MODEL, HEADS, SEQ = 24, 3, 7
HEAD_DIM = D_MODEL // HEADS


def inputs():
    torch.manual_seed(0)
    return torch.randn(2, SEQ, D_MODEL, dtype=torch.float64)


def layer(**options):
    """A layer whose learned scales are not all one."""
    torch.manual_seed(1)
    made = StabilizedAttention(d_model=D_MODEL, heads=HEADS, **options).double()
    for scale in (made.query_norm, made.key_norm):
        if scale is not None:
            torch.nn.init.uniform_(scale, 0.5, 2)
    return made


def config_of(kind, **options):
    return kind(
        hidden_size=D_MODEL,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD_DIM,
        num_hidden_layers=1,
        attention_bias=False,
        attn_implementation="eager",
        **options,
    )


def copied(theirs, ours):
    """Their layer with our projections, in double precision."""
    theirs = theirs.double().eval()
    names = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "o_proj"}
    with torch.no_grad():
        for our_name, their_name in names.items():
            weight = getattr(ours, our_name).weight
            getattr(theirs, their_name).weight[: len(weight)] = weight
    return theirs


def call(theirs, x, angles=HEAD_DIM):
    """Their layer without a rotation of queries and keys, under a causal mask."""
    bias = torch.zeros(SEQ, SEQ).double().masked_fill(~causal(SEQ, SEQ), -torch.inf)
    one = torch.ones(2, SEQ, angles, dtype=torch.float64)
    return theirs(x, position_embeddings=(one, 0 * one), attention_mask=bias)


SINGLE = {"rtol": 1e-5, "atol": 1e-6}  # they compute a part in 32 bits


@pytest.mark.parametrize("features", [1, 5, 8])
def test_norm_agrees_with_torch(agrees, features):
    x = inputs()[..., :features]
    weight = torch.linspace(-1, 2, features, dtype=torch.float64)
    theirs = torch.nn.functional.rms_norm(x, (features,), weight, eps=1e-6)
    agrees(rms_norm(x, weight), theirs, "torch.nn.functional.rms_norm")


def test_norm_agrees_with_gemma_whose_scale_is_one_more(agrees):
    theirs = Gemma3RMSNorm(D_MODEL)
    torch.nn.init.normal_(theirs.weight)
    ours = rms_norm(inputs().float(), 1 + theirs.weight)
    agrees(ours, theirs(inputs().float()), "transformers.Gemma3RMSNorm")


def test_qk_norm_agrees_with_qwen3(agrees):
    ours, x = layer(qk_norm=True), inputs()
    theirs = copied(Qwen3Attention(config_of(Qwen3Config), layer_idx=0), ours)
    theirs.q_norm.weight = ours.query_norm
    theirs.k_norm.weight = ours.key_norm
    output, _ = call(theirs, x)
    agrees(ours(x, causal(SEQ, SEQ)), output, "transformers.Qwen3Attention", **SINGLE)


@pytest.mark.parametrize("cap", [0.5, 5.0])
def test_soft_cap_agrees_with_gemma_2(agrees, cap):
    ours, x = layer(cap=cap), 3 * inputs()
    config = config_of(
        Gemma2Config, attn_logit_softcapping=cap, query_pre_attn_scalar=HEAD_DIM
    )
    theirs = copied(modeling_gemma2.Gemma2Attention(config, layer_idx=0), ours)
    output, weights = call(theirs, x)
    name = "transformers.Gemma2Attention"
    agrees(ours(x, causal(SEQ, SEQ)), output, name, **SINGLE)
    agrees(ours.weights(x, causal(SEQ, SEQ)), weights, name, **SINGLE)


def test_sinks_agree_with_gpt_oss(agrees):
    ours, x = layer(sinks=0.0, learn_sinks=True), inputs()
    config = config_of(GptOssConfig, layer_types=["full_attention"])
    theirs = copied(modeling_gpt_oss.GptOssAttention(config, layer_idx=0), ours)
    with torch.no_grad():
        ours.sinks.copy_(torch.tensor([-2.0, 0.5, 3.0]))
        theirs.sinks.copy_(ours.sinks)
    output, weights = call(theirs, x, angles=HEAD_DIM // 2)
    name = "transformers.GptOssAttention"
    agrees(ours(x, causal(SEQ, SEQ)), output, name)
    agrees(ours.weights(x, causal(SEQ, SEQ)), weights, name)


def test_gate_agrees_with_qwen3_next(agrees):
    """Their query projection holds query and gate of each head, one after the other."""
    ours, x = layer(qk_norm=True, gated=True), inputs()
    config = config_of(Qwen3NextConfig, layer_types=["full_attention"])
    theirs = copied(Qwen3NextAttention(config, layer_idx=0), ours)
    both = [w.weight.unflatten(0, (HEADS, -1)) for w in (ours.query, ours.gate)]
    with torch.no_grad():
        theirs.q_proj.weight.copy_(torch.cat(both, dim=1).flatten(0, 1))
        theirs.q_norm.weight.copy_(ours.query_norm - 1)
        theirs.k_norm.weight.copy_(ours.key_norm - 1)
    output, _ = call(theirs, x)
    name = "transformers.Qwen3NextAttention"
    agrees(ours(x, causal(SEQ, SEQ)), output, name, **SINGLE)


def test_plain_layer_agrees_with_the_fused_kernel_and_our_own(agrees):
    ours, x = layer(), inputs()
    heads = [
        p(x).unflatten(-1, (HEADS, -1)) for p in (ours.query, ours.key, ours.value)
    ]
    query, key, value = (head.transpose(1, 2) for head in heads)
    mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
    theirs = ours.out(mixed.transpose(1, 2).flatten(2))
    name = "torch.nn.functional.scaled_dot_product_attention"
    agrees(ours(x, causal(SEQ, SEQ)), theirs, name)
    other = MultiHeadAttention(d_model=D_MODEL, heads=HEADS).double()
    other.load_state_dict(ours.state_dict(), strict=False)
    assert_close(ours(x, causal(SEQ, SEQ)), other(x, allowed=causal(SEQ, SEQ)))


def test_sink_softmax_is_its_definition():
    scores = torch.randn(2, HEADS, 4, 5, dtype=torch.float64)
    sinks = torch.tensor([-1.0, 0.0, 2.0]).double()
    allowed = causal(4, 5)
    weights = sink_softmax(scores, sinks, allowed)
    for b, h, i in [(0, 0, 0), (1, 1, 2), (0, 2, 3)]:
        terms = [math.exp(scores[b, h, i, j]) if allowed[i, j] else 0 for j in range(5)]
        total = math.exp(sinks[h]) + sum(terms)
        expected = torch.tensor([t / total for t in terms]).double()
        assert_close(weights[b, h, i], expected)


def test_a_sink_is_a_gate_on_the_usual_output():
    """Softmax times the sigmoid of log-sum-exp minus the sink."""
    scores = 3 * torch.randn(HEADS, 4, 5, dtype=torch.float64)
    sinks = torch.tensor([-1.0, 0.0, 2.0]).double()
    gate = (scores.logsumexp(dim=-1) - sinks[:, None]).sigmoid()
    expected = gate[..., None] * scores.softmax(dim=-1)
    assert_close(sink_softmax(scores, sinks), expected)


def test_limits_of_the_sink_and_the_cap():
    scores = torch.randn(HEADS, 4, 5, dtype=torch.float64)
    no_sink = torch.full((HEADS,), -torch.inf)
    assert_close(sink_softmax(scores, no_sink), scores.softmax(dim=-1))
    assert not sink_softmax(scores, torch.full((HEADS,), 1e4)).any()
    assert_close(soft_cap(scores, 1e9), scores)
    assert torch.equal(soft_cap(scores, math.inf), scores)


def test_normalized_scores_do_not_depend_on_the_size_of_projections():
    small, large, x = layer(qk_norm=True), layer(qk_norm=True), inputs()
    with torch.no_grad():
        large.query.weight *= 1000
        large.key.weight *= 10
    assert_close(small.scores(x), large.scores(x), rtol=1e-3, atol=1e-3)


def test_normalized_scores_keep_the_bound():
    """Root of head_dim times the largest product of scales; equal vectors reach it."""
    ours = layer(qk_norm=True)
    bound = math.sqrt(HEAD_DIM) * (ours.query_norm * ours.key_norm).abs().max()
    assert ours.scores(100 * inputs()).abs().max() < bound
    one = torch.ones(HEAD_DIM, dtype=torch.float64)
    unit = rms_norm(torch.randn(HEAD_DIM).double(), one)
    assert math.isclose(unit @ unit / math.sqrt(HEAD_DIM), HEAD_DIM**0.5, rel_tol=1e-4)


def test_soft_cap_keeps_order_and_slope_at_zero():
    scores = torch.linspace(-200, 200, 41, dtype=torch.float64)[None]
    capped = soft_cap(scores, 50.0)
    assert (capped.diff() > 0).all()
    assert capped.abs().max() < 50
    near = torch.tensor([[1e-3]], dtype=torch.float64)
    assert_close(soft_cap(near, 50.0), near)


@pytest.mark.parametrize(
    "options",
    [
        {"qk_norm": True},
        {"cap": 2.0},
        {"sinks": 0.0, "learn_sinks": True},
        {"gated": True},
    ],
)
def test_future_keys_do_not_matter(options):
    ours, x = layer(**options), inputs()
    before = ours(x, causal(SEQ, SEQ))
    x[:, 4] += 1
    after = ours(x, causal(SEQ, SEQ))
    assert_close(before[:, :4], after[:, :4], rtol=0, atol=0)
    assert not torch.equal(before[:, 4:], after[:, 4:])


def test_every_part_gets_a_gradient():
    ours = layer(qk_norm=True, cap=3.0, sinks=0.0, learn_sinks=True, gated=True)
    ours(inputs(), causal(SEQ, SEQ)).square().sum().backward()
    for name, weight in ours.named_parameters():
        assert weight.grad.abs().sum() > 0, name
    assert not layer(sinks=0.0).sinks.requires_grad


def test_a_query_without_keys_has_no_weights():
    scores, nothing = torch.zeros(HEADS, 1, 4), torch.zeros(1, 4, dtype=torch.bool)
    for sink in (-torch.inf, 0.0):
        assert not sink_softmax(scores, torch.full((HEADS,), sink), nothing).any()


def test_half_precision_does_not_overflow():
    large = torch.full((2, 3, 8), 300.0, dtype=torch.float16)  # squares are 90,000
    assert_close(rms_norm(large, torch.ones(8).half()), torch.ones_like(large))
    scores = torch.full((1, 1, 2), 60000.0, dtype=torch.float16)
    assert_close(soft_cap(scores, 50.0), torch.full_like(scores, 50))
    half = torch.tensor([0.5, 0.5]).half()
    assert_close(sink_softmax(scores, torch.zeros(1).half())[0, 0], half)


def test_a_vector_of_zeros_stays_zero():
    zero = torch.zeros(2, 4, requires_grad=True)
    out = rms_norm(zero, torch.ones(4))
    out.sum().backward()
    assert not out.any()
    assert zero.grad.isfinite().all()


@pytest.mark.parametrize("eps", [-1.0, -1e-6, math.nan])
def test_a_norm_with_a_negative_eps_is_refused(eps):
    """A mean square below -eps would have no real root."""
    with pytest.raises(ValueError, match=f"eps must not be negative: {eps}"):
        rms_norm(torch.full((3,), 1e-4), torch.ones(3), eps)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool])
def test_a_norm_of_integers_is_refused(dtype):
    """(3, 4) has the values 0.85 and 1.13, which integers would round to 0 and 1."""
    x = torch.tensor([3, 4]).to(dtype)
    with pytest.raises(ValueError, match=f"{dtype} would round"):
        unwrap(rms_norm)(x, torch.ones(2))


@pytest.mark.parametrize("shape", [(0, SEQ), (2, 1), (2, 0)])
def test_empty_and_single(shape):
    ours = layer(qk_norm=True, cap=3.0, sinks=0.0, gated=True)
    assert ours(torch.randn(*shape, D_MODEL).double()).shape == (*shape, D_MODEL)


@pytest.mark.parametrize("cap", [0.0, -1.0, math.nan])
def test_a_cap_that_is_not_positive_is_refused(cap):
    with pytest.raises(ValueError, match=f"cap must be positive, not {cap}"):
        soft_cap(torch.ones(1, 1), cap)
    with pytest.raises(ValueError, match=f"cap must be positive, not {cap}"):
        layer(cap=cap)


def test_sinks_cannot_be_learned_from_an_infinite_start():
    with pytest.raises(ValueError, match="learned from a start of -inf"):
        layer(learn_sinks=True)


@pytest.mark.parametrize("heads", [0, 5])
def test_heads_that_do_not_divide_are_refused(heads):
    with pytest.raises(ValueError, match=f"24 features cannot be split into {heads}"):
        StabilizedAttention(d_model=D_MODEL, heads=heads)


def test_texts_copy_after_triggers():
    drawn = texts(200, torch.Generator().manual_seed(0))
    now, before, after = drawn[:, 2:-1], drawn[:, 1:-2], drawn[:, 3:]
    trigger = now < TRIGGERS
    assert (after == before)[trigger].all()
    assert not (after == before)[~trigger].all()
    assert (drawn[:, 0] == SYMBOLS).all()
    assert drawn[:, 1:].max() < SYMBOLS


class Rule(BackcopyModel):
    """The logarithm of the true distribution."""

    def forward(self, symbols, allowed):
        before = symbols.roll(1, dims=1).clamp(max=SYMBOLS - 1)
        copy = 100.0 * torch.nn.functional.one_hot(before, SYMBOLS)
        usual = TABLE[symbols.clamp(max=SYMBOLS - 1)].log()
        return torch.where((symbols < TRIGGERS)[..., None], copy, usual)


def test_a_model_that_knows_the_rule_has_no_excess():
    rule = Rule(StabilizedAttention(d_model=TASK_D_MODEL, heads=1))
    result = evaluate(rule, causal(INPUTS, INPUTS))
    assert abs(result.excess) < 1e-6
    assert result.copied == 1


def test_a_step_is_one_step_of_each_model_alone():
    """Clipped by torch.nn.utils.clip_grad_norm_, moved by AdamW at the model's rate."""
    torch.manual_seed(0)
    weights = [torch.randn(3, 4, 5), torch.randn(3, 2)]
    slopes = [10 * torch.randn(3, 4, 5), torch.randn(3, 2)]
    slopes[0][2], slopes[1][2] = 0.01, 0.02  # too short to be clipped
    rates = torch.tensor([0.1, 0.3, 0.02])
    stacked = [w.clone().requires_grad_() for w in weights]
    both = torch.optim.AdamW(stacked, lr=1, weight_decay=0)
    alone = [[w[m].clone().requires_grad_() for w in weights] for m in range(3)]
    each = [
        torch.optim.AdamW(own, lr=rate.item(), weight_decay=0)
        for own, rate in zip(alone, rates, strict=True)
    ]
    for factor in (1, -3):
        for w, slope in zip(stacked, slopes, strict=True):
            w.grad = factor * slope
        step(both, stacked, rates)
        for m, own in enumerate(alone):
            for w, slope in zip(own, slopes, strict=True):
                w.grad = factor * slope[m]
            torch.nn.utils.clip_grad_norm_(own, 1)
            each[m].step()
    for m, own in enumerate(alone):
        for w, one in zip(stacked, own, strict=True):
            assert_close(w[m], one, rtol=1e-4, atol=1e-5)


def test_models_trained_side_by_side_learn_the_table():
    torch.manual_seed(0)
    made = [StabilizedAttention(d_model=TASK_D_MODEL, heads=1) for _ in range(2)]
    start = evaluate(BackcopyModel(made[0]), causal(INPUTS, INPUTS)).ordinary
    one, two = train(made, rate=torch.tensor([0.03, 0.0]), batches=60)
    assert evaluate(one, causal(INPUTS, INPUTS)).ordinary < start / 2
    assert evaluate(two, causal(INPUTS, INPUTS)).ordinary > start / 2
