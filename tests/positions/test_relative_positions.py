"""Relative positions against T5, VITS and Wav2Vec2-BERT in transformers."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import T5Config, VitsConfig, Wav2Vec2BertConfig
from transformers.models.t5.modeling_t5 import T5Attention
from transformers.models.vits.modeling_vits import VitsAttention
from transformers.models.wav2vec2_bert.modeling_wav2vec2_bert import (
    Wav2Vec2BertSelfAttention,
)

from snippets.positions.relative_heads import ShawHead, T5Head
from snippets.positions.relative_positions import (
    offsets,
    shaw_attention,
    t5_bias,
    t5_bucket,
)
from snippets.positions.weather_reports import Forecaster, fit, reports


def inputs(q_len: int, kv_len: int, reach: int):
    """Queries, keys and values of 2 sequences and 3 heads, and both tables."""
    torch.manual_seed(0)
    sizes = (
        (2, 3, q_len, 4),
        (2, 3, kv_len, 4),
        (2, 3, kv_len, 4),
        (reach, 4),
        (reach, 4),
    )
    return [torch.randn(size, dtype=torch.float64) for size in sizes]


def split(x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(-1, (3, 4)).transpose(1, 2)


def t5_attention(causal: bool, buckets: int = 8) -> T5Attention:
    torch.manual_seed(0)
    config = T5Config(
        d_model=12,
        d_kv=4,
        num_heads=3,
        dropout_rate=0.0,
        is_decoder=causal,
        relative_attention_num_buckets=buckets,
        relative_attention_max_distance=11,
        attn_implementation="eager",
    )
    attention = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    return attention.double().eval()


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("buckets", "max_distance"), [(32, 128), (8, 20), (12, 50)])
def test_buckets_agree_with_t5(agrees, causal, buckets, max_distance):
    offset = torch.arange(-200, 201)
    theirs = T5Attention._relative_position_bucket(
        offset, not causal, buckets, max_distance
    )
    ours = t5_bucket(offset, causal=causal, buckets=buckets, max_distance=max_distance)
    agrees(ours, theirs, "transformers.T5Attention")


@pytest.mark.parametrize("causal", [True, False])
def test_bias_agrees_with_t5(agrees, causal):
    attention = t5_attention(causal)
    table = attention.relative_attention_bias.weight
    ours = t5_bias(table, 17, 17, causal=causal, max_distance=11)
    agrees(ours, attention.compute_bias(17, 17)[0], "transformers.T5Attention")


def test_bias_of_a_decoding_step_agrees_with_t5(agrees):
    attention = t5_attention(causal=True)
    table = attention.relative_attention_bias.weight
    ours = t5_bias(table, 2, 17, causal=True, max_distance=11)
    theirs = attention.compute_bias(2, 17, past_seen_tokens=15)[0]
    agrees(ours, theirs, "transformers.T5Attention")


def test_added_to_unscaled_scores_it_is_the_attention_of_t5(agrees):
    attention = t5_attention(causal=False)
    x = torch.randn(2, 9, 12, dtype=torch.float64)
    query, key, value = (
        split(part(x)) for part in (attention.q, attention.k, attention.v)
    )
    table = attention.relative_attention_bias.weight
    bias = t5_bias(table, 9, 9, causal=False, max_distance=11)
    mixed = (query @ key.mT + bias).softmax(-1) @ value
    ours = attention.o(mixed.transpose(1, 2).flatten(2))
    agrees(ours, attention(x)[0], "transformers.T5Attention")


def test_buckets_are_their_definition(agrees):
    """In whole numbers: far row m begins where n^h >= e^h (max / e)^m, h far rows."""
    rows = []
    for distance in range(300):
        far = sum(distance**16 >= 16**16 * 8**m for m in range(16)) - 1
        rows.append(distance if distance < 16 else 16 + far)
    ours = t5_bucket(-torch.arange(300), causal=True)
    agrees(ours, torch.tensor(rows), "its definition as loops")


def test_without_causality_the_side_has_its_own_half():
    offset = torch.arange(1, 300)
    before, after = t5_bucket(-offset, causal=False), t5_bucket(offset, causal=False)
    assert_close(after, before + 16)
    assert before.max() == 15
    assert t5_bucket(torch.tensor(0), causal=False) == 0


@pytest.mark.parametrize("causal", [True, False])
def test_diagonals_of_the_bias_are_constant(causal):
    table = torch.randn(32, 3, dtype=torch.float64)
    bias = t5_bias(table, 40, 40, causal=causal)
    assert_close(bias[:, 1:, 1:], bias[:, :-1, :-1], rtol=0, atol=0)


def test_all_far_offsets_share_a_number():
    table = torch.randn(32, 3, dtype=torch.float64)
    bias = t5_bias(table, 1, 900, causal=True)
    assert_close(bias[:, 0, :770], table[31][:, None].expand(3, 770), rtol=0, atol=0)


def test_shaw_agrees_with_vits_within_the_window(agrees):
    """Beyond its window VITS has zeros, where Shaw clips: none is beyond here."""
    torch.manual_seed(0)
    config = VitsConfig(
        hidden_size=12, num_attention_heads=3, window_size=8, attention_dropout=0.0
    )
    vits = VitsAttention(config).double().eval()
    x = torch.randn(2, 9, 12, dtype=torch.float64)
    query, key, value = (
        split(part(x)) for part in (vits.q_proj, vits.k_proj, vits.v_proj)
    )
    tables = vits.emb_rel_k[0], vits.emb_rel_v[0]
    mixed = shaw_attention(query, key, value, *tables, causal=False)
    ours = vits.out_proj(mixed.transpose(1, 2).flatten(2))
    agrees(ours, vits(x)[0], "transformers.VitsAttention")


def test_shaw_agrees_with_wav2vec2_bert_which_clips_keys(agrees):
    torch.manual_seed(0)
    config = Wav2Vec2BertConfig(
        hidden_size=12,
        num_attention_heads=3,
        position_embeddings_type="relative_key",
        left_max_position_embeddings=2,
        right_max_position_embeddings=2,
        attention_dropout=0.0,
    )
    bert = Wav2Vec2BertSelfAttention(config).double().eval()
    x = torch.randn(2, 9, 12, dtype=torch.float64)
    parts = bert.linear_q, bert.linear_k, bert.linear_v
    query, key, value = (split(part(x)) for part in parts)
    table = bert.distance_embedding.weight
    mixed = shaw_attention(query, key, value, table, 0 * table, causal=False)
    ours = bert.linear_out(mixed.transpose(1, 2).flatten(2))
    agrees(ours, bert(x)[0], "transformers.Wav2Vec2BertSelfAttention")


def shaw_as_loops(query, key, value, key_table, value_table, causal):
    (q_len, size), kv_len = query.shape[-2:], key.shape[-2]
    reach = len(key_table) // 2
    mixed = torch.zeros_like(query)
    for i in range(q_len):
        place = kv_len - q_len + i
        seen = range(place + 1 if causal else kv_len)
        rows = [min(max(j - place, -reach), reach) + reach for j in seen]
        scores = [
            (query[..., i, :] * (key[..., j, :] + key_table[row])).sum(-1)
            for j, row in zip(seen, rows, strict=True)
        ]
        weights = (torch.stack(scores, -1) / math.sqrt(size)).softmax(-1)
        for j, row in zip(seen, rows, strict=True):
            mixed[..., i, :] += weights[..., j, None] * (
                value[..., j, :] + value_table[row]
            )
    return mixed


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(
    ("q_len", "kv_len", "reach"), [(7, 7, 5), (2, 7, 3), (6, 6, 15)]
)
def test_shaw_is_its_definition(agrees, causal, q_len, kv_len, reach):
    given = inputs(q_len, kv_len, reach)
    ours = shaw_attention(*given, causal=causal)
    agrees(ours, shaw_as_loops(*given, causal), "its definition as loops")


def test_shaw_with_tables_of_zeros_is_plain_attention():
    query, key, value, *tables = inputs(6, 6, 5)
    ours = shaw_attention(query, key, value, *[0 * t for t in tables], causal=True)
    plain = scaled_dot_product_attention(query, key, value, is_causal=True)
    assert_close(ours, plain)


def test_shaw_knows_the_order_of_the_far_keys_no_more():
    query, key, value, *tables = inputs(1, 9, 5)
    order = torch.tensor([4, 0, 6, 2, 1, 3, 5, 7, 8])  # all but the last two are far
    ours = shaw_attention(query, key, value, *tables, causal=True)
    swapped = shaw_attention(
        query, key[:, :, order], value[:, :, order], *tables, causal=True
    )
    assert_close(ours, swapped)
    order = torch.tensor([0, 1, 2, 3, 4, 5, 7, 6, 8])
    near = shaw_attention(
        query, key[:, :, order], value[:, :, order], *tables, causal=True
    )
    assert not torch.allclose(ours, near)


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="4 rows have no middle"):
        shaw_attention(*inputs(3, 3, 4), causal=True)
    with pytest.raises(ValueError, match="3 queries cannot be the last of 2 keys"):
        shaw_attention(*inputs(3, 2, 5), causal=True)
    with pytest.raises(ValueError, match="0 queries cannot be the last of 0 keys"):
        offsets(0, 0)
    with pytest.raises(ValueError, match="buckets=6 into halves, causal=False"):
        t5_bucket(torch.tensor(1), causal=False, buckets=6)
    with pytest.raises(ValueError, match="buckets=7 into halves, causal=True"):
        t5_bucket(torch.tensor(1), causal=True, buckets=7)
    with pytest.raises(ValueError, match="max_distance=16 leaves nothing beyond 16"):
        t5_bucket(torch.tensor(1), causal=True, max_distance=16)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16])
@pytest.mark.parametrize("causal", [False, True])
def test_buckets_of_small_integers_are_those_of_large_ones(dtype, causal):
    """Minus of -128 is -128 in 8 bits."""
    offset = torch.tensor([-128, -5, 0, 5, 100])
    rows = t5_bucket(offset.to(dtype), causal=causal)
    assert_close(rows, t5_bucket(offset, causal=causal))


def test_the_smallest_tables_of_buckets():
    offset = torch.tensor([-5, -1, 0, 1, 5])
    causal = t5_bucket(offset, causal=True, buckets=2, max_distance=2)
    assert causal.tolist() == [1, 1, 0, 0, 0]
    both = t5_bucket(offset, causal=False, buckets=4, max_distance=2)
    assert both.tolist() == [1, 1, 0, 3, 3]


def test_half_precision_does_not_overflow():
    query = torch.full((1, 2, 5, 128), 30.0, dtype=torch.float16)
    value = torch.arange(5.0).half()[:, None].expand_as(query)
    table = torch.full((3, 128), 30.0, dtype=torch.float16)  # scores are equal
    mixed = shaw_attention(query, query, value, table, 0 * table, causal=True)
    assert_close(mixed[0, 0, :, 0], torch.arange(5.0).half() / 2)


def test_half_precision_adds_up_the_weights_of_many_far_keys():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 1, 3000, 4).bfloat16()
    tables = torch.randn(2, 3, 4).bfloat16()
    ours = shaw_attention(query, key, value, *tables, causal=True)
    wide = [x.double() for x in (query, key, value, *tables)]
    expected = shaw_attention(*wide, causal=True)
    assert_close(ours.double(), expected, rtol=0.03, atol=0.03)


def test_heads_without_what_they_learn_are_plain_attention():
    """T5's table starts at zero, and so may Shaw's."""
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 7, 5)
    plain = scaled_dot_product_attention(query, key, value, is_causal=True)
    shaw = ShawHead(reach=3, d_model=5)
    shaw.keys.data.zero_(), shaw.values.data.zero_()
    for head in (T5Head(), shaw):
        assert_close(head(query, key, value), plain)


def test_heads_use_their_tables():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 27, 5)
    t5, shaw = T5Head(max_distance=20), ShawHead(reach=3, d_model=5)
    t5.table.data.normal_()
    bias = t5_bias(t5.table, 27, 27, causal=True, max_distance=20)[0]
    mask = torch.ones(27, 27).tril().bool()
    bias = bias.masked_fill(~mask, -math.inf)
    theirs = scaled_dot_product_attention(query, key, value, attn_mask=bias)
    assert_close(t5(query, key, value), theirs)
    heads = [x[:, None] for x in (query, key, value)]
    theirs = shaw_attention(*heads, shaw.keys, shaw.values, causal=True)[:, 0]
    assert_close(shaw(query, key, value), theirs)


def test_variants_trained_side_by_side_are_those_trained_alone_on_the_same_batches():
    torch.manual_seed(0)
    texts, options = reports(9, 27, seed=1), {"steps": 3, "batch": 2, "rate": 0.01}
    heads = [T5Head(end) for end in (128, 128, 20, 20)]
    models = [Forecaster(6, lambda places: 0, head).double() for head in heads]
    together, history = fit(models, texts, **options, variants=2)
    for group in (slice(0, 2), slice(2, 4)):
        alone, own = fit(models[group], texts, **options)
        assert_close(own, history[:, group])
        for ours, theirs in zip(together[group], alone, strict=True):
            assert_close(ours.state_dict(), theirs.state_dict())
    assert (together[2].attend.buckets != together[0].attend.buckets).any()
