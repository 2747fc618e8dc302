"""Sparse attention against transformers' DeepSeek-V3.2, SciPy and PyTorch."""

import pytest
import torch
from scipy.stats import entropy
from torch.nn.functional import kl_div, scaled_dot_product_attention
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode
from transformers import DeepseekV32Config
from transformers.models.deepseek_v32 import modeling_deepseek_v32 as deepseek_v32

from snippets.attention.sparse_attention import (
    dense_multiplications,
    index_loss,
    index_multiplications,
    index_scores,
    read,
    select,
    sparse_weights,
)
from snippets.attention.sparse_latent_attention import (
    LightningIndexer,
    SparseLatentAttention,
)

SEQ = 9


def layer(top_k: int) -> SparseLatentAttention:
    torch.manual_seed(0)
    return SparseLatentAttention(
        top_k=top_k,
        index_heads=5,
        index_dim=7,
        d_model=24,
        heads=3,
        query_dim=10,
        latent_dim=8,
        nope_dim=6,
        rope_dim=4,
        value_dim=11,
    )


def like_ours(ours: SparseLatentAttention):
    config = DeepseekV32Config(
        hidden_size=24,
        num_attention_heads=3,
        num_key_value_heads=3,
        q_lora_rank=10,
        kv_lora_rank=8,
        qk_nope_head_dim=6,
        qk_rope_head_dim=4,
        v_head_dim=11,
        index_topk=ours.top_k,
        index_n_heads=5,
        index_head_dim=7,
        num_hidden_layers=1,
        max_position_embeddings=64,
        attn_implementation="eager",
    )
    theirs = deepseek_v32.DeepseekV32Attention(config, layer_idx=0)
    pairs = {
        "q_a_proj": ours.mla.q_a_proj,
        "q_a_layernorm": ours.mla.q_a_layernorm,
        "q_b_proj": ours.mla.q_b_proj,
        "kv_a_proj_with_mqa": ours.mla.kv_a_proj_with_mqa,
        "kv_a_layernorm": ours.mla.kv_a_layernorm,
        "kv_b_proj": ours.mla.kv_b_proj,
        "o_proj": ours.mla.o_proj,
        "indexer.wq_b": ours.indexer.wq_b,
        "indexer.wk": ours.indexer.wk,
        "indexer.k_norm": ours.indexer.k_norm,
        "indexer.weights_proj": ours.indexer.weights_proj,
    }
    for name, part in pairs.items():
        theirs.get_submodule(name).load_state_dict(part.state_dict())
    return theirs, deepseek_v32.DeepseekV32RotaryEmbedding(config)


def future(length: int) -> torch.Tensor:
    return torch.full((1, 1, length, length), -torch.inf).triu(1)


def selected(index: torch.Tensor, kv_len: int) -> torch.Tensor:
    """Whether a key is selected and not later than its query."""
    seen = torch.zeros(*index.shape[:2], kv_len).scatter(-1, index.long(), 1)
    return seen.tril(kv_len - index.shape[1])


@pytest.mark.parametrize("top_k", [1, 3, 8, 20])
def test_selection_agrees_with_deepseek_v32(agrees, top_k):
    ours = layer(top_k)
    theirs, embedding = like_ours(ours)
    x = torch.randn(2, SEQ, 24)
    latent = ours.mla.q_a_layernorm(ours.mla.q_a_proj(x))
    turns = embedding(x, torch.arange(SEQ)[None])
    index = theirs.indexer(x, latent, turns, future(SEQ)[0], None)
    name = "transformers.DeepseekV32Indexer"
    mine = select(ours.index(x), top_k)
    agrees(selected(mine, SEQ), selected(index, SEQ), name)


@pytest.mark.parametrize("top_k", [1, 3, 20])
def test_layer_agrees_with_deepseek_v32(agrees, top_k):
    """In float32, as their normalization and softmax are."""
    ours = layer(top_k)
    theirs, embedding = like_ours(ours)
    x = torch.randn(2, SEQ, 24)
    turns = embedding(x, torch.arange(SEQ)[None])
    output, _ = theirs(x, turns, future(SEQ))
    agrees(ours(x)[0], output, "transformers.DeepseekV32Attention")


def random_parts(q_len: int, kv_len: int):
    random = torch.Generator().manual_seed(0)
    shapes = (2, 3, q_len, 8), (2, kv_len, 8), (2, kv_len, 5), (2, q_len, kv_len)
    return [torch.randn(s, generator=random, dtype=torch.float64) for s in shapes]


@pytest.mark.parametrize(
    ("q_len", "kv_len", "top_k"), [(7, 7, 3), (2, 9, 4), (1, 6, 6)]
)
def test_reading_the_selected_agrees_with_a_mask(agrees, q_len, kv_len, top_k):
    query, key, value, scores = random_parts(q_len, kv_len)
    late = torch.ones(q_len, kv_len).triu(kv_len - q_len + 1).bool()
    index = select(scores.masked_fill(late, -torch.inf), top_k)
    ours = read(sparse_weights(query, key, index, scale=0.7), value, index)
    theirs = scaled_dot_product_attention(
        query,
        key[:, None].expand(-1, 3, -1, -1),
        value[:, None].expand(-1, 3, -1, -1),
        attn_mask=selected(index, kv_len)[:, None].bool(),
        scale=0.7,
    )
    agrees(ours, theirs, "torch.nn.functional.scaled_dot_product_attention")


def test_selecting_everything_is_dense_attention():
    ours = layer(top_k=SEQ).double()
    x = torch.randn(2, SEQ, 24, dtype=torch.float64)
    assert_close(ours(x)[0], ours.mla(x))


def test_scores_are_their_definition_as_loops():
    torch.manual_seed(0)
    query = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    key = torch.randn(1, 5, 4, dtype=torch.float64)
    weight = torch.randn(1, 3, 2, dtype=torch.float64)
    scores = index_scores(query, key, weight)
    for t in range(3):
        for s in range(5):
            products = [max(0.0, query[0, j, t] @ key[0, s]) for j in range(2)]
            want = sum(weight[0, t, j] * products[j] for j in range(2))
            expected = want if s <= t + 2 else torch.tensor(-torch.inf).double()
            assert_close(scores[0, t, s], torch.as_tensor(expected))


def random_scores_and_weights(top_k: int = 4):
    random = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 5, top_k, generator=random, dtype=torch.float64)
    weights = torch.randn(2, 3, 5, top_k, generator=random, dtype=torch.float64)
    return scores, (2 * weights).softmax(dim=-1)


def test_loss_agrees_with_scipy(agrees):
    scores, weights = random_scores_and_weights()
    summed = weights.sum(dim=1).numpy()  # entropy scales both to a sum of one
    theirs = entropy(summed, scores.exp().numpy(), axis=-1).mean()
    ours = index_loss(scores, weights)
    agrees(ours, torch.tensor(theirs), "scipy.stats.entropy")


def test_loss_agrees_with_pytorch(agrees):
    scores, weights = random_scores_and_weights()
    target, guess = weights.mean(dim=1).flatten(0, 1), scores.flatten(0, 1)
    theirs = kl_div(guess.log_softmax(-1), target, reduction="batchmean")
    agrees(index_loss(scores, weights), theirs, "torch.nn.functional.kl_div")


def test_gradient_is_guess_minus_target():
    scores, weights = random_scores_and_weights()
    scores.requires_grad_()
    index_loss(scores, weights).backward()
    difference = scores.detach().softmax(-1) - weights.mean(dim=1)
    assert_close(scores.grad, difference / 10)  # the mean is over ten queries


def test_loss_ignores_future_keys():
    scores, weights = random_scores_and_weights()
    more_scores = torch.cat([scores, torch.full_like(scores, -torch.inf)], dim=-1)
    more_weights = torch.cat([weights, torch.zeros_like(weights)], dim=-1)
    more_scores.requires_grad_()
    loss = index_loss(more_scores, more_weights)
    assert_close(loss, index_loss(scores, weights))
    loss.backward()
    assert more_scores.grad.isfinite().all()


def test_loss_refuses_a_target_where_scores_are_masked():
    """There, the divergence is infinite; leaving the key out would make it negative."""
    scores, weights = random_scores_and_weights()
    scores[1, 2, 3] = -torch.inf
    with pytest.raises(ValueError, match="masked in the scores"):
        index_loss(scores, weights)


def test_loss_is_zero_at_the_target_alone():
    scores, weights = random_scores_and_weights()
    assert_close(index_loss(weights.mean(dim=1).log(), weights), scores.new_tensor(0.0))
    assert index_loss(scores, weights) > 0.01


@pytest.mark.parametrize("top_k", [2, SEQ])
def test_each_loss_trains_its_own_part(top_k):
    ours = layer(top_k)
    mixed, loss = ours(torch.randn(2, SEQ, 24, requires_grad=True))
    index_parts = list(ours.indexer.parameters())
    others = [
        part for name, part in ours.named_parameters() if not name.startswith("indexer")
    ]
    task = torch.autograd.grad(
        mixed.sum(), index_parts + others, retain_graph=True, allow_unused=True
    )
    assert all(gradient is None for gradient in task[: len(index_parts)])
    assert all(gradient is not None for gradient in task[len(index_parts) :])
    kl = torch.autograd.grad(loss, index_parts + others, allow_unused=True)
    assert all(gradient is not None for gradient in kl[: len(index_parts)])
    assert all(gradient is None for gradient in kl[len(index_parts) :])


def test_target_is_the_attention_that_the_layer_uses():
    ours = layer(top_k=SEQ).double()
    x = torch.randn(2, SEQ, 24, dtype=torch.float64)
    everything = torch.arange(SEQ).expand(2, SEQ, SEQ)
    _, weights = ours.attend(x, everything)
    assert_close(weights, ours.dense_weights(x))


def test_later_tokens_do_not_matter():
    """Not even to the first queries, which have fewer keys than they may read."""
    ours = layer(top_k=4).double()
    x = torch.randn(1, SEQ, 24, dtype=torch.float64)
    before = ours(x)[0]
    x[:, 5:] += 1
    assert_close(ours(x)[0][:, :5], before[:, :5])


def test_ties_at_zero_never_select_the_future():
    """Where ReLU leaves nothing, all past keys tie."""
    zeros = torch.zeros(1, 2, 6, 3)
    scores = index_scores(zeros, torch.randn(1, 6, 3), torch.randn(1, 6, 2))
    index = select(scores, 3)
    position = torch.arange(6)[:, None]
    assert (index <= position)[:, 2:].all()


def test_multiplications_by_counting():
    query, key, value, scores = random_parts(q_len=1, kv_len=9)
    index = select(scores, 4)
    with FlopCounterMode(display=False) as counter:
        read(sparse_weights(query, key, index, scale=1.0), value, index)
    # width 8 is a latent of 5 and 3 rotated features; two sequences
    ours = 2 * dense_multiplications(4, heads=3, latent_dim=5, rope_dim=3)
    assert counter.get_total_flops() == 2 * ours
    with FlopCounterMode(display=False) as counter:
        index_scores(
            torch.randn(2, 5, 1, 7), torch.randn(2, 9, 7), torch.randn(2, 1, 5)
        )
    assert counter.get_total_flops() == 2 * 2 * index_multiplications(9, 5, 7)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="3 queries cannot be the last of 2 keys"):
        index_scores(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 4), torch.ones(1, 3, 2))
    with pytest.raises(ValueError, match="0 queries cannot be the last of 0 keys"):
        index_scores(torch.ones(1, 2, 0, 4), torch.ones(1, 0, 4), torch.ones(1, 0, 2))
    with pytest.raises(ValueError, match="top_k=0 selects nothing"):
        select(torch.ones(1, 2, 3), top_k=0)
    with pytest.raises(ValueError, match="rotate rope_dim=8 of index_dim=6"):
        LightningIndexer(d_model=5, query_dim=4, rope_dim=8, index_heads=2, index_dim=6)


def test_scores_are_divided_by_both_roots():
    """That of the features and that of the heads, as in the released model."""
    indexer = LightningIndexer(
        d_model=24, query_dim=10, rope_dim=4, index_heads=3, index_dim=6
    )
    assert indexer.scale == pytest.approx(6**-0.5 * 3**-0.5)


def test_half_precision_does_not_overflow():
    query = torch.full((1, 2, 3, 128), 30.0, dtype=torch.float16)
    index = torch.arange(3).expand(1, 3, 3)
    weights = sparse_weights(query, query[:, 0], index, scale=128**-0.5)
    assert_close(weights[0, 0, -1], torch.full((3,), 1 / 3).half())


def test_indexer_does_not_overflow_in_half_precision():
    """Scores come to 30 * 30 * 128 / sqrt(128), but not by way of 115 200."""
    indexer = LightningIndexer(
        d_model=128, query_dim=128, rope_dim=2, index_heads=1, index_dim=128
    )
    indexer.wq_b.weight.data = torch.eye(128)
    indexer.wk.weight.data, indexer.k_norm = torch.eye(128), torch.nn.Identity()
    indexer.weights_proj.weight.data = torch.full((1, 128), 1 / 128 / 30)
    x = torch.full((1, 1, 128), 30.0, dtype=torch.float16)
    scores = indexer.half()(x, x)
    assert_close(scores.item(), 900 * 128**0.5, rtol=0.01, atol=0)


def test_an_input_of_zeros_gives_zeros_and_finite_gradients():
    x = torch.zeros(1, SEQ, 24, requires_grad=True)
    mixed, loss = layer(3)(x)
    (mixed.square().sum() + loss).backward()
    assert_close(mixed, torch.zeros_like(mixed))
    assert x.grad.isfinite().all()


def test_indexer_may_rotate_all_of_its_features():
    indexer = LightningIndexer(
        d_model=6, query_dim=5, rope_dim=4, index_heads=1, index_dim=4
    )
    scores = indexer(torch.randn(2, 3, 6), torch.randn(2, 3, 5))
    assert scores.tril().isfinite().all()
