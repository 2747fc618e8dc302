"""Delta rule against transformers' Qwen3-Next and scikit-learn's gradient descent."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import SGDRegressor
from torch.nn.functional import normalize
from torch.testing import assert_close
from transformers.models.kimi_linear.modeling_kimi_linear import (
    recurrent_kimi_delta_attention,
)
from transformers.models.qwen3_next.modeling_qwen3_next import (
    torch_chunk_gated_delta_rule,
    torch_recurrent_gated_delta_rule,
)

from snippets.attention.deltanet import (
    chunk_factors,
    chunked_delta_rule,
    delta_rule,
    feature_map,
    gated_delta_rule,
    linear_attention,
    matrix_recurrence,
    normalized_linear_attention,
)
from snippets.attention.mamba import selective_scan


def inputs(seq: int = 11, dtype=torch.float64):
    """Two sequences, three heads; keys have five features and values seven."""
    torch.manual_seed(0)
    query, key = normalize(torch.randn(2, 2, 3, seq, 5, dtype=dtype), dim=-1)
    value = torch.randn(2, 3, seq, 7, dtype=dtype)
    rate = torch.rand(2, 3, seq, dtype=dtype)
    return query, key, value, rate, torch.randn(2, 3, 7, 5, dtype=dtype)


def decays(seq: int = 11, dtype=torch.float64):
    return -torch.rand(2, 3, seq, dtype=dtype)


def theirs(function, query, key, value, rate, log_decay, memory, **options):
    """Qwen3-Next: heads after positions, memories transposed, queries scaled."""
    read, state = function(
        *(x.transpose(1, 2) for x in (query, key, value, log_decay, rate)),
        initial_state=memory.mT,
        output_final_state=True,
        **options,
    )
    return read.transpose(1, 2) * query.shape[-1] ** 0.5, state.mT


@pytest.mark.parametrize("chunk", [1, 4, 11, 64])
def test_gated_chunks_agree_with_qwen(agrees, chunk):
    query, key, value, rate, memory = inputs(dtype=torch.float32)
    log_decay = decays(dtype=torch.float32)
    arguments = query, key, value, rate, log_decay, memory
    ours = gated_delta_rule(*arguments, chunk=chunk)
    for function in (torch_chunk_gated_delta_rule, torch_recurrent_gated_delta_rule):
        name = f"transformers.{function.__name__}"
        for mine, other in zip(ours, theirs(function, *arguments), strict=True):
            agrees(mine, other, name)


def test_rules_without_decay_agree_with_qwen(agrees):
    query, key, value, rate, memory = inputs(dtype=torch.float32)
    arguments = query, key, value, rate, torch.zeros_like(rate), memory
    function = torch_chunk_gated_delta_rule
    other = theirs(function, *arguments, chunk_size=4)
    for ours in (
        delta_rule(query, key, value, rate, memory),
        chunked_delta_rule(query, key, value, rate, memory, chunk=4),
    ):
        agrees(ours[0], other[0], f"transformers.{function.__name__}")
        agrees(ours[1], other[1], f"transformers.{function.__name__}")


def test_memory_agrees_with_stochastic_gradient_descent(agrees):
    """A row of the memory is a linear regression, stepped once for every pair."""
    _, key, value, _, _ = inputs()
    rate = torch.full((2, 3, 11), 0.3, dtype=torch.float64)
    empty = torch.zeros(2, 3, 7, 5, dtype=torch.float64)
    _, memory = delta_rule(key, key, value, rate, empty)
    settings = {"learning_rate": "constant", "eta0": 0.3, "shuffle": False}
    settings |= {"penalty": None, "fit_intercept": False, "max_iter": 1, "tol": None}
    rows = [
        SGDRegressor(**settings).fit(key[1, 2], value[1, 2, :, feature]).coef_
        for feature in range(7)
    ]
    agrees(memory[1, 2], torch.tensor(np.array(rows)), "sklearn.SGDRegressor")


def test_write_is_a_gradient_step():
    _, key, value, rate, memory = inputs(seq=1)
    memory.requires_grad_()
    loss = (memory @ key.mT - value.mT).square().sum() / 2
    (gradient,) = torch.autograd.grad(loss, memory)
    _, after = delta_rule(key, key, value, rate, memory)
    assert_close(after, memory - rate[..., None] * gradient)


def test_linear_attention_is_masked_attention_without_softmax(agrees):
    query, key, value, *_ = inputs()
    scores = torch.einsum("bhqd,bhkd->bhqk", query, key)
    scores = scores * torch.ones(11, 11, dtype=torch.float64).tril()
    agrees(linear_attention(query, key, value), scores @ value, "masked scores")


def test_normalized_attention_averages_with_positive_weights(agrees):
    """Katharopoulos et al., equations 7 to 9, with all weights written out."""
    query, key, value, *_ = inputs()
    positive = [torch.where(x > 0, x + 1, x.exp()) for x in (3 * query, 3 * key)]
    weights = (positive[0] @ positive[1].mT).tril()
    weights = weights / weights.sum(dim=-1, keepdim=True)
    ours = normalized_linear_attention(3 * query, 3 * key, value)
    agrees(ours, weights @ value, "masked weights")


def test_rows_of_the_table_without_correction(agrees):
    query, key, value, rate, _ = inputs()
    one = torch.eye(5, dtype=torch.float64)
    ones = torch.ones_like(rate)
    plain = matrix_recurrence(query, key, value, ones, one.expand(2, 3, 11, 5, 5))
    assert_close(plain, linear_attention(query, key, value))
    gates = torch.rand_like(key)  # GLA: a decay for each feature of a key
    ours = matrix_recurrence(query, key, value, ones, gates.diag_embed())
    scores = torch.zeros(2, 3, 11, 11, dtype=torch.float64)
    for t, s in np.argwhere(np.tri(11)):
        left = gates[:, :, s + 1 : t + 1].prod(dim=2)
        scores[:, :, t, s] = (query[:, :, t] * left * key[:, :, s]).sum(-1)
    agrees(ours, scores @ value, "its definition as loops")


def test_row_of_rwkv7(agrees):
    """Peng et al. (2025): decay, remove what one key returns, write under another."""
    query, key, value, rate, state = inputs()
    state = torch.zeros_like(state)
    kappa = normalize(torch.randn_like(key), dim=-1)
    decay, strength = torch.rand(2, *key.shape, dtype=torch.float64)
    transition = decay.diag_embed() - kappa[..., None] * (strength * kappa).unsqueeze(
        -2
    )
    ours = matrix_recurrence(query, key, value, torch.ones_like(rate), transition)
    theirs = torch.empty_like(value)
    for t in range(11):
        k, found = key[:, :, t], torch.einsum("bhvk,bhk->bhv", state, kappa[:, :, t])
        state = state * decay[:, :, t, None]
        state = state - found[..., None] * (strength * kappa)[:, :, t, None]
        state = state + value[:, :, t, :, None] * k[:, :, None]
        theirs[:, :, t] = (state * query[:, :, t, None]).sum(-1)
    agrees(ours, theirs, "its definition as loops")


def test_mamba2_is_mamba_with_one_rate(agrees):
    query, key, value, dt, _ = inputs()
    A, one = torch.tensor(-0.7).double(), torch.eye(5, dtype=torch.float64)
    transition = (dt * A).exp()[..., None, None] * one
    ours = matrix_recurrence(query, key, value, dt, transition)
    empty = torch.zeros(2, 7, 5, dtype=torch.float64)
    for head in range(3):
        steps = dt[:, head, :, None].expand(2, 11, 7)
        parts = value[:, head], steps, A.expand(7, 5), key[:, head], query[:, head]
        agrees(ours[:, head], selective_scan(*parts, empty)[0], "our selective_scan")


def test_delta_rows_of_the_table(agrees):
    query, key, value, rate, memory = inputs(dtype=torch.float32)
    one, empty = torch.eye(5), torch.zeros_like(memory)
    keep = one - rate[..., None, None] * key[..., None] * key[..., None, :]
    ours = matrix_recurrence(query, key, value, rate, keep)
    assert_close(ours, delta_rule(query, key, value, rate, empty)[0])
    log_decay = decays(dtype=torch.float32)
    gated = log_decay.exp()[..., None, None] * keep
    ours = matrix_recurrence(query, key, value, rate, gated)
    other = gated_delta_rule(query, key, value, rate, log_decay, empty)[0]
    assert_close(ours, other)
    gates = -torch.rand_like(key)  # KDA: a decay for each feature of a key
    ours = matrix_recurrence(query, key, value, rate, gates.exp().diag_embed() @ keep)
    kimi = [x.transpose(1, 2) for x in (query, key, value, gates, rate)]
    read, _ = recurrent_kimi_delta_attention(*kimi, None, False)
    name = "transformers.recurrent_kimi_delta_attention"
    agrees(ours, read.transpose(1, 2) * 5**0.5, name)


@pytest.mark.parametrize("chunk", [1, 2, 4, 11, 64])
def test_chunks_equal_positions(chunk):
    arguments = inputs()
    expected = delta_rule(*arguments)
    for mine, right in zip(
        chunked_delta_rule(*arguments, chunk=chunk), expected, strict=True
    ):
        assert_close(mine, right, rtol=0, atol=1e-12)


def test_gated_chunks_follow_the_definition(agrees):
    query, key, value, rate, memory = inputs()
    log_decay = decays()
    read, after = gated_delta_rule(query, key, value, rate, log_decay, memory, chunk=4)
    for b, h in np.ndindex(2, 3):
        state = memory[b, h]
        for t in range(11):
            k, one = key[b, h, t], torch.eye(5, dtype=torch.float64)
            keep = one - rate[b, h, t] * torch.outer(k, k)
            fresh = rate[b, h, t] * torch.outer(value[b, h, t], k)
            state = log_decay[b, h, t].exp() * state @ keep + fresh
            agrees(read[b, h, t], state @ query[b, h, t], "its definition as loops")
        agrees(after[b, h], state, "its definition as loops")


def test_gating_is_a_change_of_units():
    """Values over what has faded so far, without decay; reads times it."""
    query, key, value, rate, memory = inputs()
    log_decay = decays() / 4
    left = log_decay.cumsum(-1).exp().unsqueeze(-1)
    gated, after = gated_delta_rule(query, key, value, rate, log_decay, memory)
    plain, other = delta_rule(query, key, value / left, rate, memory)
    assert_close(gated, left * plain)
    assert_close(after, left[..., -1:, :] * other)


def test_factors_hold_for_any_memory():
    query, key, value, rate, memory = inputs()
    own, stale = chunk_factors(key, value, rate)
    for state in (memory, 3 * memory + 1):
        _, after = delta_rule(query, key, value, rate, state)
        assert_close(state + (own - stale @ state.mT).mT @ key, after)


@pytest.mark.parametrize("chunk", [2, 64])
def test_later_positions_do_not_matter(chunk):
    query, key, value, rate, memory = inputs()
    log_decay = decays()
    before, _ = gated_delta_rule(query, key, value, rate, log_decay, memory, chunk)
    for tensor in (query, key, value, rate, log_decay):
        tensor[:, :, 6:] = tensor[:, :, 6:] * 0.5
    after, _ = gated_delta_rule(query, key, value, rate, log_decay, memory, chunk)
    assert_close(after[:, :, :6], before[:, :, :6])
    assert not torch.allclose(after[:, :, 6:], before[:, :, 6:])


def test_last_pair_is_read_without_error_and_a_key_is_rewritten():
    _, key, value, rate, memory = inputs()
    always = torch.ones_like(rate)
    read, _ = delta_rule(key, key, value, always, memory)
    assert_close(read, value)
    orthogonal = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    twice = orthogonal.repeat(2, 1).expand(2, 3, 10, 5)
    _, after = delta_rule(twice, twice, value[:, :, :10], always[..., :10], memory)
    assert_close(orthogonal @ after.mT, value[:, :, 5:10])


def test_halves_go_on_from_the_memory():
    tensors, memory = inputs()[:4], inputs()[4]
    whole, last = chunked_delta_rule(*tensors, memory, chunk=3)
    reads = []
    for start, end in ((0, 5), (5, 11)):
        part = [tensor[:, :, start:end] for tensor in tensors]
        read, memory = chunked_delta_rule(*part, memory, chunk=3)
        reads.append(read)
    assert_close(torch.cat(reads, dim=2), whole)
    assert_close(memory, last)


def test_gradients_of_both_forms_agree():
    gradients = []
    for rule in (delta_rule, lambda *tensors: chunked_delta_rule(*tensors, chunk=4)):
        tensors = [tensor.requires_grad_() for tensor in inputs()]
        rule(*tensors)[0].square().sum().backward()
        gradients.append([tensor.grad for tensor in tensors])
    assert_close(*gradients)


def test_strong_decay_stays_finite():
    """Dividing by what has faded would overflow; differences of logarithms do not."""
    query, key, value, rate, memory = inputs(64, dtype=torch.float32)
    log_decay = torch.full_like(rate, -8.0)
    read, after = gated_delta_rule(query, key, value, rate, log_decay, memory)
    assert read.isfinite().all()
    assert after.isfinite().all()
    fresh = torch.einsum("bhd,bhd->bh", query[:, :, -1], key[:, :, -1]) * rate[..., -1]
    assert_close(read[:, :, -1], fresh[..., None] * value[:, :, -1], rtol=0, atol=3e-3)


def ungated(query, key, value, rate, memory):
    return gated_delta_rule(query, key, value, rate, 0 * rate, memory)


RULES = [delta_rule, chunked_delta_rule, ungated]


@pytest.mark.parametrize("rule", RULES)
def test_no_positions_leave_the_memory_as_it_is(rule):
    *tensors, memory = inputs(seq=0)
    read, after = rule(*tensors, memory)
    assert read.shape == (2, 3, 0, 7)
    assert_close(after, memory)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rule", RULES)
def test_half_precision_is_computed_in_single(rule, dtype):
    """Rounded once, at the end; the state keeps the type that it came with."""
    *tensors, memory = inputs(seq=300, dtype=torch.float32)
    short, memory = [x.to(dtype) for x in tensors], memory.to(dtype).float()
    read, after = rule(*short, memory)
    assert (read.dtype, after.dtype) == (dtype, torch.float32)
    expected = rule(*(x.float() for x in short), memory)
    assert_close(read, expected[0].to(dtype))
    assert_close(after, expected[1])
    assert rule(*short, memory.to(dtype))[1].dtype == dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_of_many_ones_do_not_stop_growing_in_half_precision(dtype):
    one = torch.ones(1, 1, 400, 1, dtype=dtype)
    sums = torch.arange(1.0, 401).to(dtype)
    assert_close(linear_attention(one, one, one).flatten(), sums)
    keep = one.unsqueeze(-1)
    assert_close(matrix_recurrence(one, one, one, one[..., 0], keep).flatten(), sums)


def test_factors_in_half_precision():
    _, key, value, rate, _ = (x.bfloat16() for x in inputs())
    own, stale = chunk_factors(key, value, rate)
    exact = chunk_factors(key.double(), value.double(), rate.double())
    assert_close(own, exact[0].bfloat16())
    assert_close(stale, exact[1].bfloat16())


@pytest.mark.parametrize("feature", [-30.0, -60.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_small_features_stay_positive(dtype, feature):
    """``elu(x) + 1``, or a product of two, would be rounded to zero: 0 / 0."""
    query = torch.full((1, 1, 2, 3), feature, dtype=dtype, requires_grad=True)
    value = torch.tensor([[[[10.0], [20.0]]]], dtype=dtype)
    output = normalized_linear_attention(query, query, value)
    assert_close(output.flatten(), torch.tensor([10.0, 15.0], dtype=dtype))
    output.sum().backward()
    assert query.grad.isfinite().all()
    positive = feature_map(torch.tensor([-90.0, 0.0, 90.0], requires_grad=True))
    assert positive.min() > 0


def test_bad_arguments_are_refused():
    *tensors, memory = inputs()
    with pytest.raises(ValueError, match="a chunk of 0 positions"):
        chunked_delta_rule(*tensors, memory, chunk=0)
    with pytest.raises(ValueError, match="a chunk of 0 positions"):
        gated_delta_rule(*tensors, decays(), memory, chunk=0)
    for log_decay in (0.9, -torch.inf, torch.nan):
        wrong = decays()
        wrong[1, 2, 5] = log_decay
        with pytest.raises(ValueError, match="must be finite and at most 0"):
            gated_delta_rule(*tensors, wrong, memory)


def test_strong_decays_do_not_cancel_in_single_precision(agrees):
    """A sum up to a position minus a sum up to another would lose the difference."""
    query, key, value, rate, memory = inputs(dtype=torch.float32)
    log_decay = decays(dtype=torch.float32)
    log_decay[..., 2], log_decay[..., 6] = -1e5, -1e7
    single = query, key, value, rate, log_decay, memory
    ours = gated_delta_rule(*single, chunk=8)
    theirs = gated_delta_rule(*(x.double() for x in single), chunk=1)
    for a, b in zip(ours, theirs, strict=True):
        agrees(
            a.double(),
            b,
            "the same one position at a time, in double precision",
            rtol=1e-5,
            atol=1e-5,
        )


def test_zero_keys_leave_the_memory_as_it_is():
    query, key, value, rate, memory = inputs()
    for rule in (delta_rule, chunked_delta_rule):
        read, after = rule(query, 0 * key, value, rate, memory)
        assert_close(after, memory)
        assert_close(read, query @ memory.mT)
