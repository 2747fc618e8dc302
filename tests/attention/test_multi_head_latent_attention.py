"""Multi-head latent attention against transformers' DeepSeek layers and PyTorch."""

import pytest
import torch
from sklearn.decomposition import TruncatedSVD
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import DeepseekV2Config, DeepseekV3Config, DynamicCache
from transformers.models.deepseek_v2 import modeling_deepseek_v2 as deepseek_v2
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as deepseek_v3

from snippets.attention.grouped_query_attention import grouped_query_attention
from snippets.attention.multi_head_latent_attention import (
    MultiHeadLatentAttention,
    absorbed_attention,
    compress,
    latent_cache_bytes,
    rebuilt_attention,
)
from snippets.positions.rope import angles, frequencies, rotate, split_order

SIZES = {"nope_dim": 6, "rope_dim": 4, "value_dim": 5}
V3 = "transformers.DeepseekV3Attention"


def random_parts(q_len: int, kv_len: int, heads: int = 3, latent_dim: int = 8):
    """Both parts of a query, latent, rotated key, and both up-projections."""
    random = torch.Generator().manual_seed(0)
    shapes = [
        (2, heads, q_len, 6),
        (2, heads, q_len, 4),
        (2, kv_len, latent_dim),
        (2, kv_len, 4),
        (heads, 6, latent_dim),
        (heads, 5, latent_dim),
    ]
    return [torch.randn(s, generator=random, dtype=torch.float64) for s in shapes]


def layer() -> MultiHeadLatentAttention:
    torch.manual_seed(0)
    ours = MultiHeadLatentAttention(
        d_model=24, heads=3, query_dim=10, latent_dim=8, **SIZES
    )
    for norm in (ours.kv_a_layernorm, ours.q_a_layernorm):  # as if trained
        norm.weight.data = 0.5 + torch.rand_like(norm.weight)
    return ours


def like_ours(ours: MultiHeadLatentAttention, config, attention):
    config = config(
        hidden_size=24,
        num_attention_heads=3,
        num_key_value_heads=3,
        q_lora_rank=10,
        kv_lora_rank=8,
        qk_nope_head_dim=SIZES["nope_dim"],
        qk_rope_head_dim=SIZES["rope_dim"],
        v_head_dim=SIZES["value_dim"],
        max_position_embeddings=64,
        attn_implementation="eager",
    )
    theirs = attention(config, layer_idx=0)
    theirs.q_a_proj.weight = ours.q_a_proj.weight
    theirs.q_a_layernorm.weight = ours.q_a_layernorm.weight
    theirs.q_b_proj.weight = ours.q_b_proj.weight
    theirs.kv_a_proj_with_mqa.weight = ours.kv_a_proj_with_mqa.weight
    theirs.kv_a_layernorm.weight = ours.kv_a_layernorm.weight
    theirs.kv_b_proj.weight = ours.kv_b_proj.weight
    theirs.o_proj.weight = ours.o_proj.weight
    return theirs, config


def future(length: int) -> torch.Tensor:
    return torch.full((1, 1, length, length), -torch.inf).triu(1)


def test_layer_agrees_with_deepseek_v3(agrees):
    """In float32, as their normalization and softmax are."""
    ours = layer()
    theirs, config = like_ours(ours, DeepseekV3Config, deepseek_v3.DeepseekV3Attention)
    x = torch.randn(2, 7, 24)
    turns = deepseek_v3.DeepseekV3RotaryEmbedding(config)(x, torch.arange(7)[None])
    agrees(ours(x), theirs(x, turns, future(7))[0], V3)


def test_layer_agrees_with_deepseek_v2(agrees):
    """Which rotates pairs by multiplying complex numbers."""
    ours = layer()
    theirs, config = like_ours(ours, DeepseekV2Config, deepseek_v2.DeepseekV2Attention)
    x = torch.randn(2, 7, 24)
    turns = deepseek_v2.DeepseekV2RotaryEmbedding(config)(x, torch.arange(7)[None])
    name = "transformers.DeepseekV2Attention"
    agrees(ours(x), theirs(x, future(7), position_embeddings=turns)[0], name)


def test_decoding_and_its_cache_agree_with_deepseek_v3(agrees):
    ours, cache = layer(), []
    theirs, config = like_ours(ours, DeepseekV3Config, deepseek_v3.DeepseekV3Attention)
    embedding, their_cache = (
        deepseek_v3.DeepseekV3RotaryEmbedding(config),
        DynamicCache(),
    )
    for step, token in enumerate(torch.randn(4, 2, 1, 24)):
        turns = embedding(token, torch.tensor([[step]]))
        output, _ = theirs(token, turns, None, their_cache)
        agrees(ours(token, cache), output, V3)
    kept = their_cache.layers[0]
    agrees(cache[0], kept.keys[:, 0], "transformers.DynamicCache")
    halves = cache[1][..., split_order(4)]  # they move the pairs apart
    agrees(halves, kept.values[:, 0], "transformers.DynamicCache")
    ours_bytes = latent_cache_bytes(1, 8, 4, tokens=4, itemsize=4)
    assert kept.keys.nbytes + kept.values.nbytes == 2 * ours_bytes


@pytest.mark.parametrize(("q_len", "kv_len"), [(7, 7), (1, 9), (3, 9)])
@pytest.mark.parametrize("attention", [rebuilt_attention, absorbed_attention])
def test_agrees_with_fused_kernel_on_rebuilt_keys(agrees, attention, q_len, kv_len):
    parts = random_parts(q_len, kv_len)
    q_nope, q_rope, latent, k_rope, w_uk, w_uv = parts
    keys = [torch.cat([latent @ up.T, k_rope], dim=-1) for up in w_uk.unbind()]
    theirs = scaled_dot_product_attention(
        torch.cat([q_nope, q_rope], dim=-1),
        torch.stack(keys, dim=1),
        torch.stack([latent @ up.T for up in w_uv.unbind()], dim=1),
        attn_mask=torch.ones(q_len, kv_len, dtype=torch.bool).tril(kv_len - q_len),
    )
    name = "torch.nn.functional.scaled_dot_product_attention"
    agrees(attention(*parts), theirs, name)


@pytest.mark.parametrize(("q_len", "kv_len"), [(5, 5), (2, 6)])
def test_absorbing_changes_neither_result_nor_gradients(q_len, kv_len):
    parts = [part.requires_grad_() for part in random_parts(q_len, kv_len)]
    rebuilt, absorbed = rebuilt_attention(*parts), absorbed_attention(*parts)
    assert_close(absorbed, rebuilt)
    into = torch.randn_like(rebuilt)
    for ours, theirs in zip(
        torch.autograd.grad(absorbed, parts, into),
        torch.autograd.grad(rebuilt, parts, into),
        strict=True,
    ):
        assert_close(ours, theirs)


def test_grouped_heads_are_a_latent_that_is_only_cut():
    """Two key and two value heads of four features are a latent of sixteen."""
    random = torch.Generator().manual_seed(0)
    query = torch.randn(2, 6, 5, 4, generator=random, dtype=torch.float64)
    latent = torch.randn(2, 5, 16, generator=random, dtype=torch.float64)
    key, value = latent.unflatten(-1, (2, 2, 4)).permute(2, 0, 3, 1, 4)
    cut = torch.eye(16, dtype=torch.float64).unflatten(0, (2, 2, 4))
    w_uk, w_uv = cut.repeat_interleave(3, dim=1)
    nothing = torch.zeros(2, 6, 5, 0), torch.zeros(2, 5, 0)
    query_0, key_0 = (part.double() for part in nothing)
    ours = absorbed_attention(query, query_0, latent, key_0, w_uk, w_uv)
    assert_close(ours, grouped_query_attention(query, key, value))


def test_best_rank_agrees_with_scikit_learn(agrees):
    torch.manual_seed(0)
    weight = torch.randn(20, 9, dtype=torch.float64)
    down, up = compress(weight, latent_dim=4)
    svd = TruncatedSVD(n_components=4, algorithm="arpack", random_state=0)
    theirs = svd.inverse_transform(svd.fit_transform(weight.numpy()))
    agrees(up @ down, torch.from_numpy(theirs), "sklearn.TruncatedSVD")


def test_full_rank_loses_nothing():
    weight = torch.randn(20, 9, dtype=torch.float64)
    down, up = compress(weight, latent_dim=9)
    assert_close(up @ down, weight)


def test_decoding_in_pieces_equals_the_whole_prompt():
    ours, cache = layer().double(), []
    x = torch.randn(2, 7, 24, dtype=torch.float64)
    pieces = [ours(piece, cache) for piece in x.split([2, 4, 1], dim=1)]
    assert_close(torch.cat(pieces, dim=1), ours(x))
    assert [part.shape for part in cache] == [(2, 7, 8), (2, 7, 4)]


def test_cache_has_the_bytes_of_the_formula():
    ours, cache = layer().double(), []
    ours(torch.randn(1, 7, 24, dtype=torch.float64), cache)
    expected = latent_cache_bytes(1, 8, 4, tokens=7, itemsize=8)
    assert sum(part.nbytes for part in cache) == expected


def test_future_tokens_do_not_matter():
    ours = layer().double()
    x = torch.randn(1, 6, 24, dtype=torch.float64)
    before = ours(x)
    x[:, 4:] += 1
    assert_close(ours(x)[:, :4], before[:, :4])
    assert not torch.allclose(ours(x)[:, 4:], before[:, 4:])


def test_order_of_the_past_matters_through_the_rotated_features_alone():
    ours = layer().double()
    x = torch.randn(1, 6, 24, dtype=torch.float64)
    swapped = x[:, [1, 0, 2, 3, 4, 5]]
    assert not torch.allclose(ours(x)[:, -1], ours(swapped)[:, -1])
    ours.kv_a_proj_with_mqa.weight.data[8:] = 0
    assert_close(ours(x)[:, -1], ours(swapped)[:, -1])


def test_rotated_scores_depend_on_the_distance_alone():
    query, q_rope, latent, k_rope, *up = random_parts(5, 5)

    def attend(start: int):
        turns = angles(torch.arange(start, start + 5), frequencies(4))
        turned = rotate(q_rope, turns), rotate(k_rope, turns)
        return absorbed_attention(query, turned[0], latent, turned[1], *up)

    assert_close(attend(0), attend(100))
    assert not torch.allclose(
        attend(0), absorbed_attention(query, q_rope, latent, k_rope, *up)
    )


@pytest.mark.parametrize(("q_len", "kv_len"), [(3, 2), (0, 0), (0, 4)])
@pytest.mark.parametrize("attention", [rebuilt_attention, absorbed_attention])
def test_queries_without_keys_are_refused(attention, q_len, kv_len):
    cause = f"{q_len} queries cannot be the last of {kv_len} keys"
    with pytest.raises(ValueError, match=cause):
        attention(*random_parts(q_len, kv_len))


def test_bad_widths_are_refused():
    with pytest.raises(ValueError, match="head_dim=3 features cannot be paired"):
        MultiHeadLatentAttention(
            d_model=24,
            heads=3,
            query_dim=10,
            latent_dim=8,
            nope_dim=6,
            rope_dim=3,
            value_dim=5,
        )
    for latent_dim in (0, 10):
        with pytest.raises(ValueError, match=rf"latent_dim={latent_dim} .* \(20, 9\)"):
            compress(torch.ones(20, 9), latent_dim)


@pytest.mark.parametrize("attention", [rebuilt_attention, absorbed_attention])
def test_half_precision_does_not_overflow(attention):
    """Scores are 64 * 30 * 30 from both parts of a head: 115 200 before the root."""
    query = torch.full((1, 2, 5, 64), 30.0, dtype=torch.float16)
    latent, up = query[:, 0], torch.eye(64).half().expand(2, -1, -1)
    mixed = attention(query, query, latent, latent, up, up)
    assert_close(mixed, query)


@pytest.mark.parametrize("attention", [rebuilt_attention, absorbed_attention])
def test_an_empty_batch_gives_an_empty_output(attention):
    parts = random_parts(3, 5)
    empty = [part[:0] for part in parts[:4]]
    assert attention(*empty, *parts[4:]).shape == (0, 3, 3, 5)


def test_an_input_of_zeros_gives_zeros_and_finite_gradients():
    """Both norms divide by the length of a compressed vector, here zero."""
    x = torch.zeros(1, 5, 24, requires_grad=True)
    out = layer()(x)
    out.square().sum().backward()
    assert_close(out, torch.zeros_like(out))
    assert x.grad.isfinite().all()


def test_latents_of_any_size_are_normalized_by_the_definition(agrees):
    """RMSNorm adds 1e-6 to the mean of squares, which matters for tiny inputs."""
    ours = layer().double()
    for size in (1.0, 1e-3, 1e-6):
        x = size * torch.randn(2, 3, 24, dtype=torch.float64)
        low = ours.kv_a_proj_with_mqa(x)[..., :8]
        square = low.square().mean(dim=-1, keepdim=True)
        theirs = low / (square + 1e-6).sqrt() * ours.kv_a_layernorm.weight
        agrees(ours.parts(x).latent, theirs, "the definition of RMSNorm")
