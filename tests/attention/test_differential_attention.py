"""Differential attention against transformers' DiffLlama and PyTorch's fused kernel."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import DiffLlamaConfig
from transformers.models.diffllama.modeling_diffllama import (
    DiffLlamaAttention,
    lambda_init_fn,
)

from snippets.attention.differential_attention import (
    DifferentialAttention,
    Lambda,
    differential_weights,
    lambda_init,
)
from snippets.attention.grouped_query_attention import GroupedQueryAttention

SDPA = "torch.nn.functional.scaled_dot_product_attention"


def random_maps(q_len: int, kv_len: int) -> list[torch.Tensor]:
    shapes = (3, 4, 2, q_len, 8), (3, 4, 2, kv_len, 8)
    return [torch.randn(shape, dtype=torch.float64) for shape in shapes]


def layer(number: int = 2) -> DifferentialAttention:
    torch.manual_seed(0)
    return DifferentialAttention(d_model=48, heads=3, layer=number).double()


def by_halves(weight: torch.Tensor) -> torch.Tensor:
    """Rows of heads with two parts, in DiffLlama's order: all first parts first."""
    return weight.unflatten(0, (3, 2, 8)).transpose(0, 1).flatten(0, 2)


def diff_llama_like(ours: DifferentialAttention, number: int) -> DiffLlamaAttention:
    config = DiffLlamaConfig(
        hidden_size=48,
        num_attention_heads=6,
        num_key_value_heads=6,
        rms_norm_eps=1e-5,
        attn_implementation="eager",
    )
    theirs = DiffLlamaAttention(config, layer_idx=number - 1).double()
    for name in ("query", "key", "value"):
        weight = by_halves(getattr(ours, name).weight.data)
        getattr(theirs, f"{name[0]}_proj").weight.data = weight
    theirs.o_proj.weight.data = ours.out.weight.data
    for i in (0, 1):
        getattr(theirs, f"lambda_q{i + 1}").data = ours.lambda_.lambda_q.data[i]
        getattr(theirs, f"lambda_k{i + 1}").data = ours.lambda_.lambda_k.data[i]
    return theirs


@pytest.mark.parametrize("number", [1, 2, 7])
def test_layer_agrees_with_diff_llama(agrees, number):
    """A rotation by zero (cosine one, sine zero) makes its layer ours."""
    ours = layer(number)
    x = torch.randn(2, 5, 48, dtype=torch.float64)
    one = torch.ones(2, 5, 8, dtype=torch.float64)
    theirs, _ = diff_llama_like(ours, number)(
        x,
        position_embeddings=(one, 0 * one),
        attention_mask=torch.full_like(x[0, :, :5], -torch.inf).triu(1),
    )
    agrees(ours(x), theirs, "transformers.DiffLlamaAttention")


def test_lambda_init_agrees_with_diff_llama(agrees):
    """Which counts layers from 0."""
    ours = [lambda_init(number) for number in range(1, 33)]
    theirs = [lambda_init_fn(index) for index in range(32)]
    agrees(ours, theirs, "transformers.lambda_init_fn")


@pytest.mark.parametrize(("q_len", "kv_len"), [(6, 6), (2, 9), (1, 5)])
def test_weights_agree_with_their_definition(agrees, q_len, kv_len):
    query, key = random_maps(q_len, kv_len)
    weights = differential_weights(query, key, 0.7)
    expected = torch.zeros_like(weights)
    for sample, head, i in torch.cartesian_prod(*map(torch.arange, weights.shape[:3])):
        seen = range(kv_len - q_len + i + 1)
        for part, factor in ((0, 1.0), (1, -0.7)):
            row = query[sample, head, part, i]
            scores = [float(row @ key[sample, head, part, j]) for j in seen]
            powers = [math.exp(score / math.sqrt(8)) for score in scores]
            for j in seen:
                share = powers[j] / sum(powers)
                expected[sample, head, i, j] += factor * share
    agrees(weights, expected, "its definition as loops")


def test_difference_of_maps_is_the_difference_of_two_attentions(agrees):
    """So a fused kernel can serve each map, with values wider than queries."""
    query, key = random_maps(6, 6)
    value = torch.randn(3, 4, 6, 16, dtype=torch.float64)
    first, second = (
        scaled_dot_product_attention(
            query[:, :, i], key[:, :, i], value, is_causal=True
        )
        for i in (0, 1)
    )
    ours = differential_weights(query, key, 0.4) @ value
    agrees(ours, first - 0.4 * second, SDPA)


def test_rows_add_up_to_what_is_not_subtracted():
    query, key = random_maps(4, 7)
    total = differential_weights(query, key, 0.8).sum(dim=-1)
    assert_close(total, torch.full_like(total, 0.2))


def test_what_both_maps_share_is_cancelled():
    query, key = random_maps(3, 5)
    query[:, :, 1], key[:, :, 1] = query[:, :, 0], key[:, :, 0]
    weights = differential_weights(query, key, 1.0)
    assert_close(weights, torch.zeros_like(weights))


def test_future_keys_do_not_matter():
    attention = layer()
    x = torch.randn(2, 7, 48, dtype=torch.float64)
    before = attention(x)
    x[:, 4:] += torch.randn(48, dtype=torch.float64)
    after = attention(x)
    assert_close(after[:, :4], before[:, :4], rtol=0, atol=0)
    assert not torch.allclose(after[:, 4:], before[:, 4:])


def test_lambda_is_a_difference_of_exponentials_plus_its_start():
    factor = Lambda(head_dim=5, layer=3).double()
    (q1, q2), (k1, k2) = factor.lambda_q.tolist(), factor.lambda_k.tolist()
    first, second = (
        math.exp(sum(a * b for a, b in zip(q, k, strict=True)))
        for q, k in ((q1, k1), (q2, k2))
    )
    expected = first - second + 0.8 - 0.6 * math.exp(-0.6)
    assert factor().item() == pytest.approx(expected)


def test_lambda_is_learned():
    attention = layer()
    attention(torch.randn(2, 5, 48, dtype=torch.float64)).square().sum().backward()
    assert attention.lambda_.lambda_q.grad.abs().min() > 0
    assert attention.lambda_.lambda_k.grad.abs().min() > 0


def test_heads_are_normed_one_by_one_and_scaled():
    attention = layer(number=4)
    attention.out.weight.data = torch.eye(48, dtype=torch.float64)
    out = attention(torch.randn(2, 5, 48, dtype=torch.float64))
    size = out.unflatten(-1, (3, 16)).square().mean(dim=-1).sqrt()
    expected = torch.full_like(size, 1 - lambda_init(4))
    assert_close(size, expected, rtol=1e-3, atol=0)


def test_parameters_match_multi_head_attention_but_for_lambda_and_norm():
    multi = GroupedQueryAttention(d_model=48, heads=6, kv_heads=6)
    extra = 4 * 8 + 16
    count = sum(p.numel() for p in multi.parameters()) + extra
    assert sum(p.numel() for p in layer().parameters()) == count


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="d_model=50 is no multiple of twice heads=3"):
        DifferentialAttention(d_model=50, heads=3, layer=1)
    with pytest.raises(ValueError, match="layers count from 1, not 0"):
        DifferentialAttention(d_model=48, heads=3, layer=0)
    with pytest.raises(ValueError, match="3 queries cannot be the last of 2 keys"):
        differential_weights(*random_maps(3, 2), 0.5)
    with pytest.raises(ValueError, match="0 queries cannot be the last of 0 keys"):
        differential_weights(*random_maps(0, 0), 0.5)


def test_half_precision_does_not_overflow():
    maps = torch.full((1, 3, 2, 4, 128), 30.0, dtype=torch.float16)
    weights = differential_weights(maps, maps, 0.5)
    assert_close(weights[0, 0, -1], torch.full((4,), 0.125, dtype=torch.float16))


def test_no_heads_are_refused():
    with pytest.raises(ValueError, match="twice heads=0"):
        DifferentialAttention(d_model=8, heads=0, layer=1)


def test_an_input_of_zeros_gives_zeros_and_finite_gradients():
    """The norm of each head divides by the length of its mixture, here zero."""
    x = torch.zeros(1, 5, 48, dtype=torch.float64, requires_grad=True)
    out = layer()(x)
    out.square().sum().backward()
    assert_close(out, torch.zeros_like(out))
    assert x.grad.isfinite().all()


def test_fresh_vectors_of_lambda_are_small_and_random():
    torch.manual_seed(0)
    factor = Lambda(head_dim=4000, layer=1)
    for vectors in (factor.lambda_q, factor.lambda_k):
        assert_close(vectors.std().item(), 0.1, rtol=0.03, atol=0)
