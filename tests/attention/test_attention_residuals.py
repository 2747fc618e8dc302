"""Attention residuals against PyTorch, Inkling 2 and a plain PreNorm network."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers.models.inkling2.modeling_inkling2 import (
    Inkling2BlockAttentionResidual,
)

from snippets.attention.attention_residuals import (
    attention_residuals,
    block_attention_residuals,
    depth_mix,
    depth_scores,
    mixing_share,
    two_phase_residuals,
)


def network(count: int = 7):
    """Tokens (2, 3), features (5), layers that normalize their input, and queries."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, dtype=torch.float64)
    layers = [
        nn.Sequential(nn.RMSNorm(5, eps=0.0), nn.Linear(5, 5), nn.Tanh()).double()
        for _ in range(count)
    ]
    return x, layers, torch.randn(count + 1, 5, dtype=torch.float64)


def test_mix_agrees_with_fused_attention(agrees):
    """One query, unit scale, normalized keys, and values as they are."""
    torch.manual_seed(0)
    sources = torch.randn(4, 2, 3, 5, dtype=torch.float64)
    query = torch.randn(5, dtype=torch.float64)
    value = sources.permute(1, 2, 0, 3)  # (2, 3, sources, d_model)
    key = nn.RMSNorm(5).double()(value)
    asked = query.expand(2, 3, 1, 5)
    theirs = scaled_dot_product_attention(asked, key, value, scale=1.0)
    name = "torch.nn.functional.scaled_dot_product_attention"
    agrees(depth_mix(sources, query), theirs[:, :, 0], name)


def test_mix_of_normalized_sources_agrees_with_inkling2(agrees):
    """Its values are normalized, too, and scores divided by the root of the width."""
    torch.manual_seed(0)
    theirs = Inkling2BlockAttentionResidual(SimpleNamespace(hidden_size=16))
    nn.init.normal_(theirs.query)
    blocks, partial = torch.randn(2, 5, 3, 16), torch.randn(2, 5, 16)
    sources = torch.cat([blocks, partial[:, :, None]], dim=2).movedim(2, 0)
    ours = depth_mix(nn.RMSNorm(16)(sources), theirs.query / 4)
    name = "transformers.Inkling2BlockAttentionResidual"
    agrees(ours, theirs(blocks, partial)[0], name)


def test_layers_follow_the_definition(agrees):
    x, layers, queries = network()
    for i, j in ((0, 2), (1, 0)):
        values = [x[i, j]]
        for depth, query in enumerate(queries):
            raw = [query @ (v / v.square().mean().sqrt()) for v in values]
            weights = [score.exp() / sum(s.exp() for s in raw) for score in raw]
            h = sum(weight * v for weight, v in zip(weights, values, strict=True))
            if depth < len(layers):
                values.append(layers[depth](h))
        ours = attention_residuals(x, layers, queries)[i, j]
        agrees(ours, h, "its definition as loops")


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_without_queries_the_function_is_a_prenorm_network(agrees, block):
    """The mean differs from the sum in its length only, which the next norm removes."""
    x, layers, queries = network()
    norm = nn.RMSNorm(5, eps=0.0).double()
    stream = x
    for layer in layers:
        stream = stream + layer(stream)
    zero = torch.zeros_like(queries)
    name = "torch.nn.RMSNorm after a residual stream"
    agrees(norm(attention_residuals(x, layers, zero)), norm(stream), name)
    blocks = block_attention_residuals(x, layers, zero, block)
    agrees(norm(blocks), norm(stream), name)


def test_without_queries_the_gradients_are_those_of_a_prenorm_network():
    x, layers, queries = network()
    norm, weights = nn.RMSNorm(5, eps=0.0).double(), [each[1].weight for each in layers]
    stream = x
    for layer in layers:
        stream = stream + layer(stream)
    mixed = attention_residuals(x, layers, torch.zeros_like(queries))
    pull = torch.randn_like(x)
    theirs = torch.autograd.grad(norm(stream), weights, pull)
    assert_close(torch.autograd.grad(norm(mixed), weights, pull), theirs)


def test_blocks_of_one_layer_are_the_full_form():
    arguments = network()
    full = attention_residuals(*arguments)
    assert_close(block_attention_residuals(*arguments, block=1), full)


def test_one_block_mixes_embedding_and_stream():
    x, layers, queries = network()
    stream = layers[0](x)
    for layer, query in zip(layers[1:], queries[1:-1], strict=True):
        stream = stream + layer(depth_mix(torch.stack([x, stream]), query))
    expected = depth_mix(torch.stack([x, stream]), queries[-1])
    assert_close(block_attention_residuals(x, layers, queries, block=7), expected)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
def test_two_phases_equal_one(block):
    arguments = network()
    expected = block_attention_residuals(*arguments, block)
    assert_close(two_phase_residuals(*arguments, block), expected)


def test_two_phases_read_finished_blocks_once(monkeypatch):
    """Scores of all sources, then of the running sum alone."""
    read = []

    def counted(sources, query):
        read.append(len(sources))
        return depth_scores(sources, query)

    name = "snippets.attention.attention_residuals.depth_scores"
    monkeypatch.setattr(name, counted)
    two_phase_residuals(*network(6), block=3)
    assert read == [1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 3]


def test_mix_lies_among_the_sources_and_ignores_their_length():
    torch.manual_seed(0)
    sources = torch.randn(4, 6, 5, dtype=torch.float64)
    query = torch.randn(5, dtype=torch.float64)
    mixed = depth_mix(sources, query)
    assert (mixed <= sources.amax(0)).all()
    assert (mixed >= sources.amin(0)).all()
    lengths = torch.tensor([2.0, 0.5, 9.0, 1.0], dtype=torch.float64)
    longer = lengths.view(4, 1, 1) * sources
    assert_close(depth_scores(longer, query), depth_scores(sources, query))
    assert_close(depth_mix(sources, 0 * query), sources.mean(dim=0))


def test_tokens_choose_for_themselves():
    x, layers, queries = network()
    before = attention_residuals(x, layers, queries)
    x[1, 2] += 1
    after = attention_residuals(x, layers, queries)
    changed = (after - before).abs().amax(dim=-1) > 1e-9
    assert changed.nonzero().tolist() == [[1, 2]]


def test_without_layers_the_embedding_is_returned():
    x, _, queries = network(0)
    assert_close(attention_residuals(x, [], queries), x)
    assert_close(two_phase_residuals(x, [], queries, block=3), x)


def test_a_source_of_zeros_has_a_defined_weight():
    sources = torch.tensor([[0.0, 0.0], [4.0, 2.0]])
    mixed = depth_mix(sources, torch.zeros(2))
    assert_close(mixed, torch.tensor([2.0, 1.0]))


def test_operations_of_a_mix_by_counting():
    squares = products = means = 2 * 3 * 7  # of 3 sources of 7 features
    assert mixing_share(3, 7, 10) == (squares + products + means) / 10


@pytest.mark.parametrize(
    "rule", [block_attention_residuals, two_phase_residuals, attention_residuals]
)
def test_bad_sizes_are_refused(rule):
    x, layers, queries = network()
    rest = () if rule is attention_residuals else (3,)
    with pytest.raises(ValueError, match="7 layers and a head, but 7 queries"):
        rule(x, layers, queries[1:], *rest)
    if rest:
        with pytest.raises(ValueError, match="a block of 0 layers"):
            rule(x, layers, queries, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_source_of_zeros_scores_zero_with_finite_gradients(dtype):
    sources = torch.zeros(3, 2, 8, dtype=dtype, requires_grad=True)
    mixed = depth_mix(sources, torch.ones(8, dtype=dtype))
    mixed.sum().backward()
    assert_close(mixed, torch.zeros_like(mixed))
    assert sources.grad.isfinite().all()


def test_large_sources_do_not_overflow_in_half_precision():
    sources = torch.tensor([[3e4] * 8, [-3e4] * 8]).half()
    weights = depth_scores(sources, torch.ones(8).half()).softmax(dim=0)
    assert_close(weights[:, 0], torch.tensor([1.0, 0.0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype):
    torch.manual_seed(0)
    sources, query = torch.randn(40, 6, 16).to(dtype), torch.randn(16).to(dtype)
    mixed = depth_mix(sources, query)
    assert mixed.dtype == dtype
    assert_close(mixed, depth_mix(sources.float(), query.float()).to(dtype))
    x, layers, queries = network()
    layers = [layer.to(dtype) for layer in layers]
    arguments = x.to(dtype), layers, queries.to(dtype)
    one = block_attention_residuals(*arguments, block=3)
    two = two_phase_residuals(*arguments, block=3)
    assert one.dtype == two.dtype == dtype
    assert_close(one, two, rtol=0, atol=0.03)


def test_scores_ignore_the_length_of_sources_above_the_stated_bound():
    torch.manual_seed(0)
    sources, query = torch.randn(4, 6, 16), torch.randn(16)
    units = torch.nn.functional.rms_norm(sources, (16,))
    scores = depth_scores(units, query)
    assert_close(depth_scores(0.003 * units, query), scores, rtol=0.01, atol=0)
    assert depth_scores(0 * units, query).abs().max() == 0
