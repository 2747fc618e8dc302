"""Multi-head attention against PyTorch's layer, encoder layer and fused kernel."""

from itertools import permutations

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention
from torch.testing import assert_close

from snippets.attention.multi_head_attention import (
    MultiHeadAttention,
    contributions,
    merge_heads,
    split_heads,
)
from snippets.attention.self_attention import SelfAttention, attention_weights, causal

MHA = "torch.nn.MultiheadAttention"


def layers(heads: int = 3):
    """Ours and PyTorch's with the same weights: it packs the rows of three parts."""
    torch.manual_seed(0)
    ours = MultiHeadAttention(d_model=24, heads=heads).double()
    theirs = nn.MultiheadAttention(24, heads, bias=False, batch_first=True).double()
    parts = [part.weight.data for part in (ours.query, ours.key, ours.value)]
    theirs.in_proj_weight.data = torch.cat(parts)
    theirs.out_proj.weight.data = ours.out.weight.data
    return ours, theirs


def inputs(*shape: int):
    return torch.randn(*shape, 24, dtype=torch.float64)


@pytest.mark.parametrize("heads", [1, 2, 3, 24])
def test_agrees_with_pytorch(agrees, heads):
    ours, theirs = layers(heads)
    x = inputs(2, 5)
    agrees(ours(x), theirs(x, x, x, need_weights=False)[0], MHA)


def test_cross_attention_agrees_with_pytorch(agrees):
    ours, theirs = layers()
    x, source = inputs(2, 5), inputs(2, 7)
    agrees(ours(x, source), theirs(x, source, source)[0], MHA)


def test_masks_agree_with_pytorch(agrees):
    """Its masks are true where a query may *not* attend."""
    ours, theirs = layers()
    x, ahead = inputs(2, 5), causal(5, 5)
    agrees(ours(x, allowed=ahead), theirs(x, x, x, attn_mask=~ahead)[0], MHA)
    real = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], dtype=torch.bool)
    padded = theirs(x, x, x, key_padding_mask=~real)[0]
    agrees(ours(x, allowed=real[:, None, :].expand(2, 5, 5)), padded, MHA)


def test_weights_of_each_head_agree_with_pytorch(agrees):
    ours, theirs = layers()
    x = inputs(2, 5)
    query, key = split_heads(ours.query(x), 3), split_heads(ours.key(x), 3)
    each = theirs(x, x, x, average_attn_weights=False)[1]
    agrees(attention_weights(query, key), each, MHA)
    agrees(attention_weights(query, key).mean(1), theirs(x, x, x)[1], MHA)


def test_gradients_agree_with_pytorch(agrees):
    ours, theirs = layers()
    x = inputs(2, 5)
    ours(x).square().sum().backward()
    theirs(x, x, x)[0].square().sum().backward()
    packed = torch.cat(
        [part.weight.grad for part in (ours.query, ours.key, ours.value)]
    )
    agrees(packed, theirs.in_proj_weight.grad, MHA)
    agrees(ours.out.weight.grad, theirs.out_proj.weight.grad, MHA)


def test_agrees_inside_an_encoder_layer(agrees):
    """With the feed-forward part set to zero, two normalizations are left around it."""
    ours, theirs = layers()
    block = nn.TransformerEncoderLayer(
        24, 3, dim_feedforward=8, dropout=0, batch_first=True, bias=False
    ).double()
    block.self_attn.load_state_dict(theirs.state_dict())
    block.linear2.weight.data.zero_()
    x = inputs(2, 5)
    normed = layer_norm(layer_norm(x + ours(x), (24,)), (24,))
    agrees(normed, block(x), "torch.nn.TransformerEncoderLayer")


def test_heads_agree_with_the_fused_kernel(agrees):
    ours, _ = layers()
    x = inputs(2, 5)
    parts = (ours.query, ours.key, ours.value)
    query, key, value = (split_heads(part(x), 3) for part in parts)
    theirs = scaled_dot_product_attention(query, key, value)
    agrees(
        ours.head_outputs(x), theirs, "torch.nn.functional.scaled_dot_product_attention"
    )


def test_heads_are_single_heads_with_their_rows(agrees):
    """The definition as a loop: separate heads, side by side, and a projection."""
    ours, _ = layers()
    x, outputs = inputs(2, 5), []
    for head in range(3):
        alone = SelfAttention(d_model=24, head_dim=8).double()
        for name in ("query", "key", "value"):
            rows = getattr(ours, name).weight.data[8 * head : 8 * head + 8]
            getattr(alone, name).weight.data = rows
        outputs.append(alone(x))
    looped = torch.cat(outputs, dim=-1) @ ours.out.weight.T
    agrees(ours(x), looped, "its definition as loops")


def test_a_head_has_neighboring_features():
    x = torch.arange(24.0).reshape(1, 2, 12)
    heads = split_heads(x, 3)
    assert heads.shape == (1, 3, 2, 4)
    assert heads[0, 1].tolist() == [[4, 5, 6, 7], [16, 17, 18, 19]]
    assert_close(merge_heads(heads), x, rtol=0, atol=0)


def test_output_is_the_sum_of_contributions():
    ours, _ = layers()
    x = inputs(2, 5)
    parts = contributions(ours.head_outputs(x), ours.out.weight)
    assert parts.shape == (2, 3, 5, 24)
    assert_close(parts.sum(dim=1), ours(x))
    ours.out.weight.data[:, 8:16] = 0  # the columns of the middle head
    assert_close(parts[:, 0] + parts[:, 2], ours(x))


def test_one_feature_can_attend_one_back_under_a_causal_mask_but_not_without():
    """Alternating growing keys: each new key is the largest or smallest so far."""
    place = torch.arange(9, dtype=torch.float64)
    key = ((-1) ** place * (place + 1))[:, None]
    query = (-((-1) ** place))[:, None] * 100
    seen = attention_weights(query, key, causal(9, 9))
    assert seen.diagonal(-1).min() > 0.99
    assert attention_weights(query, key).argmax(-1).unique().numel() == 2


@pytest.mark.parametrize(("steps", "possible"), [(1, True), (2, False), (3, False)])
def test_one_feature_can_select_only_the_previous_position_everywhere(steps, possible):
    """All orders of seven keys: a selected key is the largest or smallest so far."""

    def selects(keys):
        return all(
            keys[i - steps] in (min(keys[: i + 1]), max(keys[: i + 1]))
            for i in range(steps, len(keys))
        )

    assert any(selects(keys) for keys in permutations(range(7))) == possible


def test_order_of_heads_does_not_matter():
    ours, _ = layers()
    x = inputs(2, 5)
    before = ours(x)
    order = torch.tensor([2, 0, 1])
    for part in (ours.query, ours.key, ours.value):
        part.weight.data = part.weight.data.unflatten(0, (3, 8))[order].flatten(0, 1)
    columns = ours.out.weight.data.unflatten(1, (3, 8))
    ours.out.weight.data = columns[:, order].flatten(1)
    assert_close(ours(x), before)


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_scores_have_at_most_the_rank_of_a_head(heads):
    ours, _ = layers(heads)
    x = inputs(30)
    query, key = split_heads(ours.query(x), heads), split_heads(ours.key(x), heads)
    rank = torch.linalg.matrix_rank(query @ key.mT)
    assert (rank == 24 // heads).all()


def test_parameters_do_not_depend_on_the_number_of_heads():
    counts = [sum(p.numel() for p in layers(heads)[0].parameters()) for heads in (1, 8)]
    assert counts == [4 * 24**2, 4 * 24**2]


def test_a_position_without_any_allowed_key_outputs_zeros(agrees):
    ours, theirs = layers()
    x, allowed = inputs(2, 5), causal(5, 5)
    allowed[2] = False
    out = ours(x, allowed=allowed)
    assert_close(out[:, 2], torch.zeros(2, 24).double())
    fused = theirs(x, x, x, attn_mask=~allowed, need_weights=False)[0]
    agrees(out, fused, MHA)
    out.sum().backward()
    assert all(p.grad.isfinite().all() for p in ours.parameters())


def test_empty_sequences():
    ours, _ = layers()
    assert ours(inputs(2, 0)).shape == (2, 0, 24)
    nothing_to_read = ours(inputs(2, 5), inputs(2, 0))
    assert_close(nothing_to_read, torch.zeros(2, 5, 24).double())


def test_uneven_heads_are_refused():
    with pytest.raises(ValueError, match="24 features cannot be split into 5 heads"):
        MultiHeadAttention(d_model=24, heads=5)
    with pytest.raises(ValueError, match="24 features cannot be split into 0 heads"):
        MultiHeadAttention(d_model=24, heads=0)
    with pytest.raises(ValueError, match="24 features cannot be split into 5 heads"):
        split_heads(inputs(2, 5), 5)


def test_half_precision_does_not_overflow():
    layer = MultiHeadAttention(d_model=128, heads=1)
    for projection in (layer.query, layer.key, layer.value, layer.out):
        projection.weight.data = torch.eye(128)
    x = torch.full((1, 3, 128), 30.0, dtype=torch.float16)
    assert_close(layer.half()(x), x)
