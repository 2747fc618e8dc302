"""Self-attention against PyTorch's fused kernel and scikit-learn's weighted average.

Reference: https://docs.pytorch.org/docs/stable/generated/
torch.nn.functional.scaled_dot_product_attention.html
"""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsRegressor
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from snippets.attention.self_attention import (
    SelfAttention,
    attention,
    attention_weights,
    causal,
)
from snippets.attention.softmax_derivative import (
    derivative_norm,
    query_derivative_norm,
)

SDPA = "torch.nn.functional.scaled_dot_product_attention"


def random_inputs(q_len: int = 5, kv_len: int = 7):
    """Two sequences of three heads; queries have 4 features and values 6."""
    torch.manual_seed(0)
    shapes = (2, 3, q_len, 4), (2, 3, kv_len, 4), (2, 3, kv_len, 6)
    return [torch.randn(shape, dtype=torch.float64) for shape in shapes]


def some_mask(*leading: int):
    """A mask of 5 queries and 7 keys with a row and a column that is all false."""
    allowed = (
        torch.rand(*leading, 5, 7, generator=torch.Generator().manual_seed(1)) < 0.6
    )
    allowed[..., 2, :] = False
    allowed[..., :, 4] = False
    return allowed


def test_agrees_with_the_fused_kernel(agrees):
    query, key, value = random_inputs()
    theirs = scaled_dot_product_attention(query, key, value)
    agrees(attention(query, key, value), theirs, SDPA)


@pytest.mark.parametrize("leading", [(), (3,), (2, 1), (2, 3)])
def test_any_mask_agrees_with_the_fused_kernel(agrees, leading):
    query, key, value = random_inputs()
    allowed = some_mask(*leading)
    theirs = scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    agrees(attention(query, key, value, allowed), theirs, SDPA)


def test_causal_attention_agrees_with_the_fused_kernel(agrees):
    query, key, value = random_inputs(6, 6)
    theirs = scaled_dot_product_attention(query, key, value, is_causal=True)
    agrees(attention(query, key, value, causal(6, 6)), theirs, SDPA)


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_agree_with_those_of_the_fused_kernel(agrees, masked):
    """With a mask the third query has no allowed key: its gradients are 0, not NaN."""
    allowed = some_mask() if masked else None
    ours, theirs = random_inputs(), random_inputs()
    for x in (*ours, *theirs):
        x.requires_grad_()
    attention(*ours, allowed).square().sum().backward()
    scaled_dot_product_attention(*theirs, attn_mask=allowed).square().sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        agrees(our.grad, their.grad, SDPA)


def test_layer_agrees_with_a_head_of_pytorch(agrees):
    ours = SelfAttention(d_model=6, head_dim=6).double()
    theirs = nn.MultiheadAttention(6, 1, bias=False, batch_first=True).double()
    parts = [part.weight.data for part in (ours.query, ours.key, ours.value)]
    theirs.in_proj_weight.data = torch.cat(parts)
    theirs.out_proj.weight.data = torch.eye(6).double()
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    out, weights = theirs(x, x, x)
    agrees(ours(x), out, "torch.nn.MultiheadAttention")
    our_weights = attention_weights(ours.query(x), ours.key(x))
    agrees(our_weights, weights, "torch.nn.MultiheadAttention")


def test_kernel_regression_is_attention(agrees):
    """The Gaussian kernel of Nadaraya and Watson as a product of query and key."""
    points = torch.linspace(0, 3, 9, dtype=torch.float64)
    at = torch.tensor([0.1, 1.0, 2.7, 3.5], dtype=torch.float64)
    query = torch.stack([at, torch.ones_like(at)], dim=1) * 2**0.5 / 0.5**2
    key = torch.stack([points, -(points**2) / 2], dim=1)
    ours = attention(query, key, points.sin()[:, None])
    bell = KNeighborsRegressor(9, weights=lambda d: np.exp(-((d / 0.5) ** 2) / 2))
    bell.fit(points[:, None].numpy(), points.sin()[:, None].numpy())
    theirs = torch.from_numpy(bell.predict(at[:, None].numpy()))
    agrees(ours, theirs, "sklearn.neighbors.KNeighborsRegressor")


def test_agrees_with_the_definition_as_loops(agrees):
    query, key, value = (x[0, 0] for x in random_inputs())
    allowed = causal(5, 7)
    rows = []
    for i in range(5):
        fits = [
            torch.exp(sum(query[i] * key[j]) / 4**0.5) if allowed[i, j] else 0
            for j in range(7)
        ]
        rows.append(sum(fit * value[j] for j, fit in enumerate(fits)) / sum(fits))
    ours = attention(query, key, value, allowed)
    agrees(ours, torch.stack(rows), "its definition as loops")


def test_rows_are_averages():
    query, key, _ = random_inputs()
    weights = attention_weights(query, key)
    assert (weights > 0).all()
    assert_close(weights.sum(-1), torch.ones(2, 3, 5, dtype=torch.float64))


def test_masked_weights_are_exactly_zero_and_the_others_sum_to_one():
    query, key, _ = random_inputs()
    allowed = some_mask()
    weights = attention_weights(query, key, allowed)
    assert not weights[..., ~allowed].any()
    assert_close(weights.sum(-1), allowed.any(-1).double().expand(2, 3, 5))


def test_masked_values_do_not_matter():
    query, key, value = random_inputs(7, 7)
    before = attention(query, key, value, causal(7, 7))
    key[..., 4:, :] *= -3
    value[..., 4:, :] += 100
    after = attention(query, key, value, causal(7, 7))
    assert_close(after[..., :4, :], before[..., :4, :], rtol=0, atol=0)
    assert not torch.allclose(after[..., 4:, :], before[..., 4:, :])


def test_scores_of_any_size_give_numbers():
    query, key, value = random_inputs(7, 7)
    for allowed in (None, causal(7, 7)):
        out = attention(1e300 * query, key, value, allowed)
        assert out.isfinite().all()


def test_a_query_without_any_allowed_key_outputs_zeros():
    query, key, value = random_inputs()
    nothing = torch.zeros(5, 7, dtype=torch.bool)
    assert_close(
        attention(query, key, value, nothing), torch.zeros(2, 3, 5, 6).double()
    )


def test_without_keys_the_output_is_zero():
    query, key, value = random_inputs(kv_len=0)
    nothing = torch.zeros(5, 0, dtype=torch.bool)
    for allowed in (None, nothing):
        out = attention(query, key, value, allowed)
        assert_close(out, torch.zeros(2, 3, 5, 6).double())


def test_without_queries_the_output_is_empty():
    query, key, value = random_inputs(q_len=0)
    assert attention(query, key, value, causal(0, 7)).shape == (2, 3, 0, 6)
    assert SelfAttention(d_model=6, head_dim=4)(torch.randn(2, 0, 6)).shape == (2, 0, 4)


def test_shuffled_input_gives_shuffled_output_unless_masked():
    head, order = SelfAttention(d_model=6, head_dim=4).double(), torch.randperm(8)
    x = torch.randn(2, 8, 6, dtype=torch.float64)
    assert_close(head(x[:, order]), head(x)[:, order])
    ahead = causal(8, 8)
    assert not torch.allclose(head(x[:, order], ahead), head(x, ahead)[:, order])


def test_every_output_depends_on_every_input():
    head = SelfAttention(d_model=6, head_dim=4).double()
    x = torch.randn(5, 6, dtype=torch.float64)
    slopes = torch.autograd.functional.jacobian(head, x).abs().sum(dim=(1, 3))
    assert (slopes > 0).all()


def test_causal_mask_ends_at_the_last_key():
    assert_close(causal(7, 7)[-3:], causal(3, 7))
    assert causal(1, 7).all()
    assert causal(0, 0).shape == (0, 0)


def test_more_queries_than_positions_are_refused():
    with pytest.raises(ValueError, match="3 queries cannot be the last of 2 positions"):
        causal(3, 2)


@pytest.mark.parametrize("allowed", [None, causal(5, 5)])
def test_half_precision_does_not_overflow(allowed):
    """The product of these queries and keys is 115 200, above the largest float16."""
    query = torch.full((2, 5, 128), 30.0, dtype=torch.float16)
    value = torch.arange(5.0).half()[:, None]
    mixed = attention(query, query, value.expand(2, 5, 1), allowed)
    sums = torch.full((5,), 2.0) if allowed is None else torch.arange(5.0) / 2
    assert_close(mixed, sums.half()[:, None].expand(2, 5, 1))


def test_queries_without_features_have_equal_weights():
    weights = attention_weights(torch.ones(2, 0), torch.ones(4, 0))
    assert_close(weights, torch.full((2, 4), 0.25))


def test_sizes_of_the_derivatives_are_those_of_autograd():
    query, key, _ = (x[0, 0] for x in random_inputs())
    query, scale = query[0], 0.3

    def weights(query):
        return (scale * key @ query).softmax(-1)

    by_query = torch.autograd.functional.jacobian(weights, query)
    size = query_derivative_norm(weights(query), key, scale)
    assert_close(size, by_query.norm())
    by_scores = torch.autograd.functional.jacobian(
        lambda scores: scores.softmax(-1), scale * key @ query
    )
    assert_close(derivative_norm(weights(query)), by_scores.norm())
