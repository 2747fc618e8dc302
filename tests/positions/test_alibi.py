"""ALiBi against the biases of transformers' BLOOM and MPT, and PyTorch's kernel."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor

from snippets.positions.alibi import (
    alibi_attention,
    alibi_bias,
    mean_distance,
    slopes,
)
from snippets.positions.windowed_alibi import WindowedAlibi


def bloom_bias(heads: int, kv_len: int) -> torch.Tensor:
    """BLOOM adds slope times key position, whatever the query."""
    mask = torch.ones(1, kv_len)
    return build_alibi_tensor(mask, heads, torch.float32)[:, 0]


def random_heads(heads: int, q_len: int, kv_len: int):
    torch.manual_seed(0)
    lengths = q_len, kv_len, kv_len
    return [torch.randn(2, heads, n, 5, dtype=torch.float64) for n in lengths]


@pytest.mark.parametrize("heads", [1, 2, 6, 8, 12, 20])
def test_slopes_agree_with_bloom(agrees, heads):
    theirs = bloom_bias(heads, kv_len=2)[:, 1]  # slope times position one
    agrees(slopes(heads), theirs, "transformers.build_alibi_tensor (BLOOM)")


@pytest.mark.parametrize("heads", [2, 6, 8, 12])
def test_last_row_agrees_with_mpt(agrees, heads):
    """MPT keeps the bias of the last query only."""
    theirs = build_mpt_alibi_tensor(heads, 7)
    ours = alibi_bias(slopes(heads), 1, 7)
    agrees(ours, theirs, "transformers.build_mpt_alibi_tensor")


@pytest.mark.parametrize(
    ("heads", "q_len", "kv_len"), [(6, 7, 7), (4, 3, 9), (3, 1, 5)]
)
def test_agrees_with_the_kernel_and_the_bias_of_bloom(agrees, heads, q_len, kv_len):
    """The two biases differ by a constant in each row, which softmax ignores."""
    query, key, value = random_heads(heads, q_len, kv_len)
    seen = torch.ones(q_len, kv_len, dtype=torch.bool).tril(kv_len - q_len)
    bias = bloom_bias(heads, kv_len).double()[:, None]
    bias = bias.masked_fill(~seen, -math.inf).expand(2, -1, -1, -1)
    theirs = scaled_dot_product_attention(query, key, value, attn_mask=bias)
    name = "torch.nn.functional.scaled_dot_product_attention with the bias of BLOOM"
    agrees(alibi_attention(query, key, value), theirs, name)


def test_attention_is_its_definition(agrees):
    query, key, value = random_heads(4, 3, 5)
    theirs = torch.zeros_like(query)
    for batch in range(2):
        for head in range(4):
            slope = 2 ** (-8 * (head + 1) / 4)
            for i in range(3):
                at = i + 2
                scores = [
                    float(query[batch, head, i] @ key[batch, head, j]) / math.sqrt(5)
                    - slope * (at - j)
                    for j in range(at + 1)
                ]
                total = sum(math.exp(score) for score in scores)
                for j, score in enumerate(scores):
                    theirs[batch, head, i] += (
                        math.exp(score) / total * value[batch, head, j]
                    )
    agrees(alibi_attention(query, key, value), theirs, "its definition as loops")


def test_bias_depends_on_distance_alone():
    bias = alibi_bias(slopes(3), 6, 6)
    assert_close(bias[:, 1:, 1:], bias[:, :-1, :-1], rtol=0, atol=0)
    assert_close(bias.diagonal(dim1=1, dim2=2), torch.zeros(3, 6))


def test_a_longer_text_does_not_change_the_bias_of_a_shorter_one():
    short, long = alibi_bias(slopes(3), 4, 4), alibi_bias(slopes(3), 9, 9)
    assert_close(long[:, :4, :4], short, rtol=0, atol=0)


def test_decoding_step_by_step_equals_the_whole_prompt():
    query, key, value = random_heads(4, 5, 5)
    steps = [
        alibi_attention(
            query[:, :, t : t + 1], key[:, :, : t + 1], value[:, :, : t + 1]
        )
        for t in range(5)
    ]
    assert_close(torch.cat(steps, dim=2), alibi_attention(query, key, value))


@pytest.mark.parametrize("heads", [1, 4, 8])
def test_mean_distance_is_that_of_the_weights(heads):
    length = 20_000
    weights = alibi_bias(slopes(heads).double(), 1, length)[:, 0].softmax(-1)
    distance = torch.arange(length - 1, -1, -1, dtype=torch.float64)
    assert_close(mean_distance(slopes(heads).double()), weights @ distance)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="no slopes for heads=0"):
        slopes(0)
    with pytest.raises(ValueError, match="3 queries cannot be the last of 2 keys"):
        alibi_bias(slopes(2), 3, 2)
    with pytest.raises(ValueError, match="0 queries cannot be the last of 0 keys"):
        alibi_bias(slopes(2), 0, 0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_hides_the_future_of_long_texts(dtype):
    """Positions above 256 (bfloat16) and 2048 (float16) are not all numbers of it."""
    bias = alibi_bias(slopes(1).to(dtype), 3, 2100)[0]
    expected = alibi_bias(slopes(1).double(), 3, 2100)[0].to(dtype)
    assert_close(bias, expected, rtol=0, atol=0)


def test_half_precision_does_not_overflow():
    query = torch.full((1, 2, 5, 128), 30.0, dtype=torch.float16)
    assert_close(alibi_attention(query, query, query), query)


@pytest.mark.parametrize("keep_first", [False, True])
def test_a_window_hides_keys_that_are_farther_away(agrees, keep_first):
    query, key, value = random_heads(4, 9, 9)
    ones = torch.ones(9, 9, dtype=torch.bool)
    near = ones.tril() & ~ones.tril(-3)
    near[:, 0] |= keep_first
    bias = alibi_bias(slopes(4).double(), 9, 9).masked_fill(~near, -math.inf)
    theirs = scaled_dot_product_attention(query, key, value, attn_mask=bias)
    scheme = WindowedAlibi(window=3, keep_first=keep_first)
    ours = scheme.attend(query, key, value)
    agrees(ours, theirs, "torch.nn.functional.scaled_dot_product_attention")
