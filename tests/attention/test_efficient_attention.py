"""Costs against torch's FlopCounterMode, autograd, and the caches of transformers."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import DynamicCache, LlamaConfig, LlamaModel
from transformers.models.qwen3_next.modeling_qwen3_next import (
    torch_recurrent_gated_delta_rule,
)

from snippets.attention import decoding_steps
from snippets.attention.deltanet import linear_attention
from snippets.attention.efficient_attention import (
    Cost,
    all_costs,
    delta_cost,
    grouped_cost,
    latent_cost,
    linear_cost,
    multiplications,
    numbers_read,
    sparse_cost,
    windowed_cost,
)

TOKENS = 23
HEADS = {"heads": 6, "head_dim": 10}
LATENT = {"heads": 6, "latent_dim": 14, "rope_dim": 4, "nope_dim": 9, "value_dim": 8}
INDEXER = {"top_k": 7, "index_heads": 12, "index_dim": 5}
MATRIX = {"heads": 6, "key_dim": 10, "value_dim": 8}
VARIANTS = {
    "multi-head": ("grouped", grouped_cost, {"kv_heads": 6, **HEADS}),
    "grouped-query": ("grouped", grouped_cost, {"kv_heads": 2, **HEADS}),
    "multi-query": ("grouped", grouped_cost, {"kv_heads": 1, **HEADS}),
    "latent": ("latent", latent_cost, LATENT),
    "sparse": ("sparse", sparse_cost, {**INDEXER, **LATENT}),
}


@pytest.fixture(autouse=True)
def float64_and_a_seed():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def made(variant: str, tokens: int) -> tuple[decoding_steps.Step, Cost]:
    """A step of running code, and its cost by the formula."""
    name, cost, sizes = VARIANTS[variant]
    step = getattr(decoding_steps, f"{name}_step")
    return step(tokens, **sizes), cost(tokens, **sizes)


def check(agrees, step: decoding_steps.Step, cost: Cost) -> None:
    counted = torch.tensor(multiplications(step.run))
    agrees(torch.tensor(cost.multiplications), counted, "torch.FlopCounterMode")
    read = torch.tensor(numbers_read(*step))
    agrees(torch.tensor(cost.read), read, "torch.autograd.grad")
    assert cost.stored == sum(part.numel() for part in step.kept)


@pytest.mark.parametrize("tokens", [TOKENS, 5])
@pytest.mark.parametrize("variant", VARIANTS)
def test_costs_agree_with_what_running_code_does(agrees, variant, tokens):
    check(agrees, *made(variant, tokens))


def test_a_full_window_has_the_cost_of_a_short_text(agrees):
    step = decoding_steps.windowed_step(TOKENS, window=9, **HEADS)
    check(agrees, step, windowed_cost(TOKENS, window=9, kv_heads=6, **HEADS))
    least = windowed_cost(TOKENS, window=1, kv_heads=6, **HEADS)
    assert least == grouped_cost(1, kv_heads=6, **HEADS)


def test_a_tile_at_a_time_has_the_cost_of_multi_head_attention(agrees):
    step = decoding_steps.flash_step(TOKENS, tile=5, **HEADS)
    check(agrees, step, grouped_cost(TOKENS, kv_heads=6, **HEADS))


def test_the_delta_rule_has_the_same_cost_at_any_length(agrees):
    check(agrees, decoding_steps.delta_step(**MATRIX), delta_cost(**MATRIX))


def test_linear_attention_writes_and_reads(agrees):
    query, key = torch.randn(2, 1, 6, 1, 10)
    value = torch.randn(1, 6, 1, 8)
    counted = multiplications(lambda: linear_attention(query, key, value))
    cost = linear_cost(**MATRIX)
    agrees(
        torch.tensor(cost.multiplications),
        torch.tensor(counted),
        "torch.FlopCounterMode",
    )


@pytest.mark.parametrize("kv_heads", [6, 2, 1])
def test_grouped_cost_agrees_with_torchs_attention(agrees, kv_heads):
    query = torch.randn(1, 6, 1, 10)
    key, value = torch.randn(2, 1, kv_heads, TOKENS, 10).repeat_interleave(
        6 // kv_heads, dim=2
    )
    with sdpa_kernel(SDPBackend.MATH):  # torch counts nothing in the fused one
        counted = multiplications(
            lambda: scaled_dot_product_attention(query, key, value)
        )
    cost = grouped_cost(TOKENS, kv_heads=kv_heads, **HEADS)
    agrees(
        torch.tensor(cost.multiplications),
        torch.tensor(counted),
        "torch.nn.functional.scaled_dot_product_attention",
    )


@pytest.mark.parametrize("kv_heads", [6, 2, 1])
def test_grouped_cost_agrees_with_the_cache_of_llama(agrees, kv_heads):
    config = LlamaConfig(
        vocab_size=11,
        hidden_size=60,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=6,
        num_key_value_heads=kv_heads,
    )
    cache = DynamicCache(config=config)
    LlamaModel(config)(torch.arange(11)[None], None, None, cache)
    kept = cache.layers[0].keys.numel() + cache.layers[0].values.numel()
    cost = grouped_cost(11, kv_heads=kv_heads, **HEADS)
    agrees(torch.tensor(cost.stored), torch.tensor(kept), "transformers.DynamicCache")


def test_delta_cost_agrees_with_the_state_of_qwen(agrees):
    query, key = torch.randn(2, 1, TOKENS, 6, 10)
    value, gate = torch.randn(1, TOKENS, 6, 8), torch.rand(1, TOKENS, 6)
    _, state = torch_recurrent_gated_delta_rule(
        query, key, value, -gate, gate, initial_state=None, output_final_state=True
    )
    cost = delta_cost(**MATRIX)
    agrees(
        torch.tensor(cost.stored),
        torch.tensor(state.numel()),
        "transformers.torch_recurrent_gated_delta_rule",
    )


def test_grouped_cost_by_counting_in_loops():
    counted = sum(2 for _ in range(6) for _ in range(TOKENS) for _ in range(10))
    assert grouped_cost(TOKENS, kv_heads=2, **HEADS).multiplications == counted


def test_tiles_give_the_output_of_multi_head_attention():
    torch.manual_seed(0)
    whole = decoding_steps.grouped_step(TOKENS, kv_heads=6, **HEADS).run()
    torch.manual_seed(0)
    assert_close(decoding_steps.flash_step(TOKENS, tile=5, **HEADS).run(), whole)


def test_sharing_saves_reading_and_no_multiplication():
    costs = [grouped_cost(TOKENS, kv_heads=n, **HEADS) for n in (6, 2, 1)]
    assert [costs[0].read // cost.read for cost in costs] == [1, 3, 6]
    assert len({cost.multiplications for cost in costs}) == 1


def test_choosing_all_tokens_costs_the_indexer_on_top():
    everything = sparse_cost(TOKENS, **{**INDEXER, "top_k": 99}, **LATENT)
    dense = latent_cost(TOKENS, **LATENT)
    assert everything.read - dense.read == 5 * TOKENS
    assert everything.multiplications - dense.multiplications == 12 * 6 * TOKENS


def test_what_a_text_of_double_length_costs():
    once, twice = all_costs(2**15), all_costs(2**16)
    for name in ("multi-head", "grouped-query", "multi-query"):
        assert all(2 * b == a for b, a in zip(once[name], twice[name], strict=True))
    for name in ("sliding window", "linear", "delta rule"):
        assert once[name] == twice[name]
    assert twice["sparse"].read < 2 * once["sparse"].read


def test_scaling_and_gating_are_not_counted_outer_products_are():
    x, column = torch.ones(4, 6), torch.ones(4, 1)
    assert multiplications(lambda: 2 * x * x * column) == 0
    assert multiplications(lambda: column * torch.ones(1, 6)) == 24


def test_numbers_that_are_kept_and_not_used_are_not_read():
    kept = [torch.ones(3, 5), torch.ones(7)]
    assert numbers_read(kept, lambda: kept[0][1] * kept[1][:5]) == 10


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="6 query heads cannot share 4 key heads"):
        grouped_cost(5, kv_heads=4, **HEADS)
    with pytest.raises(ValueError, match="window of 0"):
        windowed_cost(5, window=0, kv_heads=6, **HEADS)
    with pytest.raises(ValueError, match="top_k=0"):
        sparse_cost(5, **{**INDEXER, "top_k": 0}, **LATENT)


def test_no_key_heads_are_refused():
    with pytest.raises(ValueError, match="4 query heads cannot share 0 key heads"):
        grouped_cost(3, heads=4, kv_heads=0, head_dim=2)


def test_counting_what_is_read_leaves_the_tensors_as_they_were():
    kept = torch.ones(3)
    numbers_read([kept], lambda: kept.sum())
    assert not kept.requires_grad
