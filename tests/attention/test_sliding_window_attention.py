"""Sliding windows against PyTorch's fused kernel and transformers' Mistral."""

from inspect import unwrap

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import DynamicCache, MistralConfig, MistralModel
from transformers.masking_utils import sdpa_mask, sliding_window_causal_mask_function
from transformers.models.mistral.modeling_mistral import MistralAttention

from snippets.attention.distances_task import SEQ, Recaller, right_answers
from snippets.attention.multi_head_attention import merge_heads, split_heads
from snippets.attention.self_attention import attention, causal
from snippets.attention.sliding_window_attention import (
    RollingCache,
    blockwise,
    receptive_field,
    sliding_window_attention,
    window_mask,
)

SDPA = "torch.nn.functional.scaled_dot_product_attention"
MISTRAL = "transformers.MistralAttention"


def random_inputs(q_len: int = 11, kv_len: int = 11):
    """Two sequences of three heads; queries have 4 features and values 6."""
    torch.manual_seed(0)
    shapes = (2, 3, q_len, 4), (2, 3, kv_len, 4), (2, 3, kv_len, 6)
    return [torch.randn(shape, dtype=torch.float64) for shape in shapes]


def in_window(q_len: int, kv_len: int, window: int):
    """The definition, pair by pair."""
    first = kv_len - q_len
    rows = [[0 <= first + i - j < window for j in range(kv_len)] for i in range(q_len)]
    return torch.tensor(rows)


@pytest.mark.parametrize("window", [1, 4, 11, 20])
def test_agrees_with_the_fused_kernel(agrees, window):
    query, key, value = random_inputs()
    allowed = in_window(11, 11, window)
    theirs = scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    agrees(sliding_window_attention(query, key, value, window=window), theirs, SDPA)
    agrees(blockwise(query, key, value, window=window), theirs, SDPA)


def test_the_last_queries_agree_with_the_fused_kernel(agrees):
    query, key, value = random_inputs(q_len=3)
    allowed = in_window(3, 11, 5)
    theirs = scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    agrees(sliding_window_attention(query, key, value, window=5), theirs, SDPA)


@pytest.mark.parametrize("window", [1, 4, 7])
def test_mask_agrees_with_transformers(agrees, window):
    theirs = sdpa_mask(
        batch_size=1,
        q_length=7,
        kv_length=7,
        mask_function=sliding_window_causal_mask_function(window),
        allow_is_causal_skip=False,
    )
    agrees(
        window_mask(7, 7, window), theirs[0, 0], "transformers.masking_utils.sdpa_mask"
    )


@pytest.mark.parametrize("seq", [1, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("window", [1, 3, 4])
def test_blocks_give_what_the_mask_gives(seq, window):
    query, key, value = random_inputs(seq, seq)
    masked = sliding_window_attention(query, key, value, window=window)
    assert_close(blockwise(query, key, value, window=window), masked)


def test_gradients_of_blocks_agree_with_the_fused_kernel(agrees):
    ours, theirs = random_inputs(), random_inputs()
    for x in (*ours, *theirs):
        x.requires_grad_()
    blockwise(*ours, window=4).square().sum().backward()
    masked = scaled_dot_product_attention(*theirs, attn_mask=in_window(11, 11, 4))
    masked.square().sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        agrees(our.grad, their.grad, SDPA)


def mistral(layers: int = 1, window: int = 4):
    """A small Mistral that reads a window, each query head with a key head."""
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=9,
        hidden_size=24,
        intermediate_size=8,
        num_hidden_layers=layers,
        num_attention_heads=3,
        num_key_value_heads=3,
        sliding_window=window,
        attn_implementation="eager",
    )
    return MistralModel(config).double().eval()


def unrotated(x):
    """The rotation by zero, which leaves queries and keys as they are."""
    one = torch.ones(*x.shape[:2], 8, dtype=x.dtype)
    return one, 0 * one


def heads_of(layer: MistralAttention, x):
    parts = (layer.q_proj, layer.k_proj, layer.v_proj)
    return [split_heads(part(x), 3) for part in parts]


def test_layer_agrees_with_mistral(agrees):
    layer = mistral().layers[0].self_attn
    x = torch.randn(2, 9, 24, dtype=torch.float64)
    bias = torch.zeros(9, 9).double().masked_fill(~in_window(9, 9, 4), -torch.inf)
    theirs, _ = layer(x, position_embeddings=unrotated(x), attention_mask=bias)
    mixed = sliding_window_attention(*heads_of(layer, x), window=4)
    agrees(layer.o_proj(merge_heads(mixed)), theirs, MISTRAL)


def test_decoding_and_its_cache_agree_with_mistral(agrees):
    """Their cache shifts, ours rolls: the same keys lie there in another order."""
    model = mistral()
    layer, cache = model.layers[0].self_attn, RollingCache(window=4)
    their_cache = DynamicCache(config=model.config)
    for token in torch.randn(9, 2, 1, 24, dtype=torch.float64):
        theirs, _ = layer(token, unrotated(token), None, their_cache)
        query, key, value = heads_of(layer, token)
        cache.write(key, value)
        agrees(layer.o_proj(merge_heads(cache.read(query))), theirs, MISTRAL)
    # They keep the three that the next token will read, the last of nine at slot 0.
    kept = their_cache.layers[0].keys
    agrees(cache.key[..., [2, 3, 0], :], kept, "transformers.DynamicCache")


def test_weights_of_mistral_are_zero_outside_the_mask():
    model, ids = mistral(layers=2), torch.randint(9, (1, 12))
    for weights in model(ids, output_attentions=True).attentions:
        allowed = window_mask(12, 12, window=4).expand_as(weights)
        assert not weights[~allowed].any()
        assert (weights[allowed] > 0).all()


@pytest.mark.parametrize(("layers", "window"), [(1, 4), (2, 4), (3, 4), (4, 6)])
def test_receptive_field_is_that_of_mistral(layers, window):
    x = torch.randn(1, 30, 24, dtype=torch.float64, requires_grad=True)
    out = mistral(layers, window)(inputs_embeds=x).last_hidden_state
    (slope,) = torch.autograd.grad(out[0, -1].square().sum(), x)
    reached = slope[0].abs().sum(-1) > 0
    reach = receptive_field(layers, window)
    assert reached[-reach:].all()
    assert not reached[:-reach].any()


@pytest.mark.parametrize("window", [1, 4, 9, 20])
def test_decoding_with_a_rolling_cache_equals_the_mask(window):
    query, key, value = random_inputs()
    cache, rows = RollingCache(window=window), []
    for q, k, v in zip(*(x.split(1, dim=-2) for x in (query, key, value)), strict=True):
        cache.write(k, v)
        rows.append(cache.read(q))
    masked = sliding_window_attention(query, key, value, window=window)
    assert_close(torch.cat(rows, dim=-2), masked)


@pytest.mark.parametrize("pieces", [[11], [1, 10], [3, 8], [4, 4, 3], [0, 5, 6]])
def test_writing_in_pieces_leaves_the_same_cache(pieces):
    _, key, value = random_inputs()
    whole, cache = RollingCache(window=4), RollingCache(window=4)
    for k, v in zip(key.split(1, dim=-2), value.split(1, dim=-2), strict=True):
        whole.write(k, v)
    for k, v in zip(key.split(pieces, -2), value.split(pieces, -2), strict=True):
        cache.write(k, v)
    assert_close(cache.key, whole.key, rtol=0, atol=0)
    assert_close(cache.value, whole.value, rtol=0, atol=0)


def test_position_lies_in_its_slot():
    cache = RollingCache(window=4)
    key = torch.arange(11.0)[:, None]
    cache.write(key, key)
    slots = cache.key.flatten().int().tolist()
    assert slots == [8, 9, 10, 7]
    assert all(position % 4 == slot for slot, position in enumerate(slots))


def test_cache_does_not_grow():
    cache = RollingCache(window=4)
    for _ in range(9):
        cache.write(torch.ones(2, 3, 1, 5), torch.ones(2, 3, 1, 6))
        assert cache.key.shape == (2, 3, 4, 5)
        assert cache.value.shape == (2, 3, 4, 6)


def test_what_left_the_window_does_not_matter():
    query, key, value = random_inputs()
    before = sliding_window_attention(query, key, value, window=4)
    key[..., 2, :] += 1
    value[..., 2, :] += 1
    after = sliding_window_attention(query, key, value, window=4)
    same = (before == after).all(dim=-1).all(dim=(0, 1))
    assert same.tolist() == [True] * 2 + [False] * 4 + [True] * 5


def test_a_window_as_long_as_the_text_is_causal_attention():
    query, key, value = random_inputs()
    causal_attention = attention(query, key, value, causal(11, 11))
    for window in (11, 12, 100):
        ours = sliding_window_attention(query, key, value, window=window)
        assert_close(ours, causal_attention)


def test_every_query_reads_something():
    for q_len, kv_len, window in [(7, 7, 1), (7, 7, 3), (2, 9, 4), (1, 1, 5)]:
        reads = window_mask(q_len, kv_len, window).sum(1)
        assert reads.min() >= 1
        assert reads.max() == min(window, kv_len)


def test_empty_sequences_give_empty_outputs():
    query, key, value = random_inputs(0, 0)
    for form in (sliding_window_attention, blockwise):
        assert form(query, key, value, window=4).shape == (2, 3, 0, 6)


def test_a_window_of_nothing_is_refused():
    query, key, value = random_inputs()
    for form in (sliding_window_attention, blockwise):
        with pytest.raises(ValueError, match="a window of 0 positions holds nothing"):
            form(query, key, value, window=0)
    with pytest.raises(ValueError, match="a window of -1 positions holds nothing"):
        RollingCache(window=-1)


def test_more_queries_than_positions_and_an_empty_cache_are_refused():
    with pytest.raises(ValueError, match="3 queries cannot be the last of 2 positions"):
        window_mask(3, 2, window=4)
    with pytest.raises(ValueError, match="nothing is written yet"):
        RollingCache(window=4).read(torch.ones(1, 5))


@pytest.mark.parametrize("queries", [0, 3])
def test_a_cache_refuses_to_be_read_by_several_queries(queries):
    """They would see later keys, since the cache has no mask."""
    query, key, value = random_inputs()
    cache = RollingCache(window=4)
    cache.write(key[..., :3, :], value[..., :3, :])
    with pytest.raises(ValueError, match=f"one position .* at a time, not {queries}"):
        unwrap(RollingCache.read)(cache, query[..., :queries, :])


@pytest.mark.parametrize("attend", [sliding_window_attention, blockwise])
def test_half_precision_does_not_overflow(attend):
    query = torch.full((2, 5, 128), 30.0, dtype=torch.float16)
    value = torch.arange(5.0).half()[:, None].expand(2, 5, 128)
    mixed = attend(query, query, value, window=2)
    assert_close(mixed[0, :, 0], torch.tensor([0.0, 0.5, 1.5, 2.5, 3.5]).half())


@pytest.mark.parametrize("attend", [sliding_window_attention, blockwise])
def test_an_empty_batch_gives_an_empty_output(attend):
    empty = torch.randn(0, 5, 4)
    assert attend(empty, empty, empty, window=2).shape == (0, 5, 4)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_model_of_the_task_reads_two_positions_back_for_each_layer(layers):
    torch.manual_seed(0)
    model, symbols = Recaller(layers), torch.randint(4, (1, SEQ))
    for back in range(8):
        changed = symbols.clone()
        changed[0, -1 - back] = (changed[0, -1 - back] + 1) % 4
        same = torch.equal(model(changed)[0, -1], model(symbols)[0, -1])
        assert same == (back > 2 * layers)


def test_answers_of_the_task_are_the_earlier_symbols():
    symbols = torch.randint(4, (3, SEQ), generator=torch.Generator().manual_seed(0))
    answers = right_answers(symbols)
    assert answers.shape == (3, SEQ - 7, 7)
    for position in range(7, SEQ):
        expected = symbols[:, position - 7 : position].flip(1)
        assert torch.equal(answers[:, position - 7], expected)
