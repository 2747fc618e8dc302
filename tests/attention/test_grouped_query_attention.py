"""Grouped-query attention against PyTorch's fused kernel and transformers' Llama."""

from collections import Counter
from itertools import product

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import DynamicCache, LlamaConfig
from transformers.models.llama.modeling_llama import LlamaAttention, repeat_kv

from snippets.attention.grouped_query_attention import (
    GroupedQueryAttention,
    cache_bytes,
    grouped_query_attention,
    operations_per_byte,
    pool_heads,
)
from snippets.attention.recall_task import PAIRS, shown_baselines

SDPA = "torch.nn.functional.scaled_dot_product_attention"


def random_heads(heads: int, kv_heads: int, q_len: int, kv_len: int):
    torch.manual_seed(0)
    shapes = (2, heads, q_len, 16), (2, kv_heads, kv_len, 16), (2, kv_heads, kv_len, 16)
    return [torch.randn(shape, dtype=torch.float64) for shape in shapes]


def layer(kv_heads: int = 2) -> GroupedQueryAttention:
    torch.manual_seed(0)
    return GroupedQueryAttention(d_model=24, heads=6, kv_heads=kv_heads).double()


@pytest.mark.parametrize(("heads", "kv_heads"), [(8, 8), (8, 4), (8, 1), (6, 2)])
def test_agrees_with_fused_kernel(agrees, heads, kv_heads):
    query, key, value = random_heads(heads, kv_heads, q_len=7, kv_len=7)
    theirs = scaled_dot_product_attention(
        query, key, value, is_causal=True, enable_gqa=True
    )
    agrees(grouped_query_attention(query, key, value), theirs, SDPA)


@pytest.mark.parametrize("q_len", [1, 3])
def test_agrees_with_fused_kernel_after_a_cache(agrees, q_len):
    """``is_causal`` would align the mask with the first key: it is given instead."""
    query, key, value = random_heads(6, 2, q_len=q_len, kv_len=9)
    seen = torch.ones(q_len, 9, dtype=torch.bool).tril(9 - q_len)
    theirs = scaled_dot_product_attention(
        query, key, value, attn_mask=seen, enable_gqa=True
    )
    agrees(grouped_query_attention(query, key, value), theirs, SDPA)


def llama_like(ours: GroupedQueryAttention) -> LlamaAttention:
    config = LlamaConfig(
        hidden_size=24,
        num_attention_heads=6,
        num_key_value_heads=ours.kv_heads,
        attn_implementation="eager",
    )
    llama = LlamaAttention(config, layer_idx=0).double()
    parts = (ours.query, ours.key, ours.value, ours.out)
    for name, part in zip("qkvo", parts, strict=True):
        getattr(llama, f"{name}_proj").weight.data = part.weight.data
    return llama


def unrotated(x):
    """The rotation by zero (cosine one, sine zero) that makes Llama's layer ours."""
    one = torch.ones(*x.shape[:2], 4, dtype=x.dtype)
    return one, 0 * one


@pytest.mark.parametrize("kv_heads", [6, 2, 1])
def test_layer_agrees_with_llama(agrees, kv_heads):
    ours = layer(kv_heads)
    x = torch.randn(3, 5, 24, dtype=torch.float64)
    future = torch.full((5, 5), -torch.inf, dtype=torch.float64).triu(1)
    theirs, _ = llama_like(ours)(
        x, position_embeddings=unrotated(x), attention_mask=future
    )
    agrees(ours(x), theirs, "transformers.LlamaAttention")


def test_decoding_and_its_cache_agree_with_llama(agrees):
    ours, cache = layer(kv_heads=2), []
    llama, their_cache = llama_like(ours), DynamicCache()
    for token in torch.randn(4, 3, 1, 24, dtype=torch.float64):
        theirs, _ = llama(token, unrotated(token), None, their_cache)
        agrees(ours(token, cache), theirs, "transformers.LlamaAttention")
    key, value = their_cache.layers[0].keys, their_cache.layers[0].values
    agrees(cache[0], key, "transformers.DynamicCache")
    agrees(cache[1], value, "transformers.DynamicCache")
    per_sequence = cache_bytes(1, kv_heads=2, head_dim=4, tokens=4, itemsize=8)
    assert key.nbytes + value.nbytes == 3 * per_sequence


def test_sharing_equals_repeating_each_head():
    query, key, value = random_heads(6, 2, q_len=4, kv_len=4)
    shared = grouped_query_attention(query, key, value)
    repeated = grouped_query_attention(query, repeat_kv(key, 3), repeat_kv(value, 3))
    assert_close(shared, repeated)


@pytest.mark.parametrize(("kv_heads", "same"), [(6, True), (2, False), (1, True)])
def test_tiling_instead_of_repeating_shows_only_between_the_extremes(kv_heads, same):
    query, key, value = random_heads(6, kv_heads, q_len=4, kv_len=4)
    tile = (1, 6 // kv_heads, 1, 1)
    tiled = grouped_query_attention(query, key.repeat(tile), value.repeat(tile))
    assert torch.allclose(tiled, grouped_query_attention(query, key, value)) == same


def test_decoding_step_by_step_equals_the_whole_prompt():
    attention, cache = layer(), []
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    steps = [attention(x[:, t : t + 1], cache) for t in range(5)]
    assert_close(torch.cat(steps, dim=1), attention(x))


def test_decoding_in_pieces_equals_the_whole_prompt():
    attention, cache = layer(), []
    x = torch.randn(2, 7, 24, dtype=torch.float64)
    pieces = [attention(piece, cache) for piece in x.split([2, 4, 1], dim=1)]
    assert_close(torch.cat(pieces, dim=1), attention(x))


def test_cache_has_the_bytes_of_the_formula():
    attention, cache = layer(kv_heads=3), []
    attention(torch.randn(1, 7, 24, dtype=torch.float64), cache)
    expected = cache_bytes(layers=1, kv_heads=3, head_dim=4, tokens=7, itemsize=8)
    assert sum(tensor.nbytes for tensor in cache) == expected


def test_future_keys_do_not_matter():
    query, key, value = random_heads(4, 2, q_len=6, kv_len=6)
    before = grouped_query_attention(query, key, value)
    key[:, :, 4:] += 1
    after = grouped_query_attention(query, key, value)
    assert_close(after[:, :, :4], before[:, :, :4], rtol=0, atol=0)
    assert not torch.allclose(after[:, :, 4:], before[:, :, 4:])


def test_pooled_rows_are_the_means_of_their_groups(agrees):
    weight = torch.randn(24, 5, dtype=torch.float64)  # 6 heads of 4 features
    rows = [
        sum(weight[4 * head + feature] for head in (group, group + 1, group + 2)) / 3
        for group in (0, 3)
        for feature in range(4)
    ]
    pooled = pool_heads(weight, heads=6, kv_heads=2)
    agrees(pooled, torch.stack(rows), "its definition as loops")


def test_pooling_equal_heads_changes_nothing():
    grouped, multi = layer(kv_heads=2), layer(kv_heads=6)
    multi.load_state_dict(
        grouped.state_dict()
        | {
            f"{name}.weight": getattr(grouped, name)
            .weight.unflatten(0, (2, 4))
            .repeat_interleave(3, dim=0)
            .flatten(0, 1)
            for name in ("key", "value")
        }
    )
    pooled = pool_heads(multi.key.weight, heads=6, kv_heads=2)
    assert_close(pooled, grouped.key.weight)
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    assert_close(multi(x), grouped(x))


def test_operations_per_byte_by_counting():
    """Operations of both products of one step, over the bytes of keys and values."""
    kv_heads, group, kv_len, head_dim = 2, 3, 5, 7
    operations = 2 * kv_heads * group * (2 * kv_len * head_dim)
    read = cache_bytes(1, kv_heads, head_dim, kv_len)
    assert operations / read == operations_per_byte(group)


@pytest.mark.parametrize(
    ("sizes", "cause"),
    [
        ((6, 4, 3, 3), "6 query heads cannot share 4 key heads"),
        ((6, 2, 3, 2), "3 queries cannot be the last of 2 keys"),
        ((6, 2, 0, 0), "0 queries cannot be the last of 0 keys"),
    ],
)
def test_bad_sizes_are_refused(sizes, cause):
    with pytest.raises(ValueError, match=cause):
        grouped_query_attention(*random_heads(*sizes))


def test_uneven_layers_are_refused():
    with pytest.raises(ValueError, match="d_model=25, heads=6, kv_heads=2"):
        GroupedQueryAttention(d_model=25, heads=6, kv_heads=2)
    with pytest.raises(ValueError, match="cannot pool 24 rows: heads=6, kv_heads=4"):
        pool_heads(torch.ones(24, 3), heads=6, kv_heads=4)


def test_half_precision_does_not_overflow():
    query = torch.full((1, 4, 5, 128), 30.0, dtype=torch.float16)
    value = torch.arange(5.0).half()[:, None].expand(1, 2, 5, 128)
    mixed = grouped_query_attention(query, query[:, :2], value)
    assert_close(mixed[0, 3, :, 0], torch.arange(5.0).half() / 2)


def test_no_heads_are_refused():
    with pytest.raises(ValueError, match="2 query heads cannot share 0 key heads"):
        grouped_query_attention(torch.ones(1, 2, 3, 4), *torch.ones(2, 1, 0, 3, 4))
    for heads, kv_heads in ((0, 1), (4, 0), (-4, -2)):
        with pytest.raises(ValueError, match=f"heads={heads}, kv_heads={kv_heads}"):
            GroupedQueryAttention(d_model=24, heads=heads, kv_heads=kv_heads)
        with pytest.raises(ValueError, match=f"heads={heads}, kv_heads={kv_heads}"):
            pool_heads(torch.ones(4, 2), heads=heads, kv_heads=kv_heads)


def test_heads_of_one_feature_and_an_empty_batch():
    layer = GroupedQueryAttention(d_model=4, heads=4, kv_heads=1)
    assert layer(torch.randn(0, 3, 4)).shape == (0, 3, 4)
    assert layer(torch.randn(2, 3, 4)).isfinite().all()


def test_naming_shown_values_is_right_as_often_as_chances_say():
    """The answer is one of four independent draws from 8 values, and so is a guess."""
    counts = [Counter(drawn) for drawn in product(range(8), repeat=PAIRS)]
    equal = sum(n * n for count in counts for n in count.values())
    any_shown = equal / len(counts) / PAIRS**2
    most_frequent = sum(max(count.values()) for count in counts) / len(counts) / PAIRS
    ours = shown_baselines(40_000, torch.Generator().manual_seed(0))
    assert_close(ours, (any_shown, most_frequent), rtol=0, atol=0.01)
