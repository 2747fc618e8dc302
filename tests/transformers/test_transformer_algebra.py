"""Circuits, memories and logit parts against GPT2LMHeadModel of transformers."""

import pytest
import torch
from torch.testing import assert_close

from snippets.transformers.gpt import GPT
from snippets.transformers.induction_circuits import (
    accuracy_without,
    attention_maps,
    attention_shares,
    largest_on,
    lead,
    weight_circuits,
)
from snippets.transformers.induction_task import (
    Texts,
    accuracy,
    attention_only,
    follows,
    targets,
    texts,
    train,
)
from snippets.transformers.transformer_algebra import (
    centered,
    circuits,
    head_output,
    head_weights,
    logit_lens,
    logit_parts,
    memories,
    residual_parts,
)

SIZES = {"vocab": 11, "n_positions": 16, "d_model": 24, "layers": 2, "heads": 3}
HEAD_DIM = 8


@pytest.fixture
def pair(gpt2, from_gpt2):
    torch.manual_seed(0)
    theirs = gpt2(attn_implementation="eager")
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    ours = GPT(**SIZES).double()
    ours.load_state_dict(from_gpt2(theirs.state_dict()))
    return ours, theirs


def ids(batch=2, seq=7):
    torch.manual_seed(1)
    return torch.randint(11, (batch, seq))


def normalized(model, layer):
    x = model.wte(ids()) + model.wpe.weight[:7]
    for block in model.h[:layer]:
        x = block(x)
    return model.h[layer].ln_1(x)


@pytest.mark.parametrize("layer", [0, 1])
def test_weights_from_qk_are_those_of_gpt2(agrees, pair, layer):
    ours, theirs = pair
    expected = theirs(ids(), output_attentions=True).attentions[layer]
    for h in range(3):
        head = circuits(ours.h[layer].attn, h)
        found = head_weights(normalized(ours, layer), head, HEAD_DIM)
        agrees(found, expected[:, h], "transformers.GPT2LMHeadModel")


@pytest.mark.parametrize("layer", [0, 1])
def test_heads_add_up_to_the_attention_of_gpt2(agrees, pair, layer):
    ours, theirs = pair
    written = []
    attention = theirs.transformer.h[layer].attn
    attention.register_forward_hook(lambda *call: written.append(call[2][0]))
    theirs(ids())
    x, attn = normalized(ours, layer), ours.h[layer].attn
    heads = [head_output(x, circuits(attn, h), HEAD_DIM) for h in range(3)]
    found = sum(heads) + attn.c_proj.bias
    agrees(found, written[0], "transformers.GPT2LMHeadModel")


def test_memories_add_up_to_the_mlp_of_gpt2(agrees, pair):
    ours, theirs = pair
    x = torch.randn(2, 5, 24).double()
    coefficients, values = memories(ours.h[1].mlp, x)
    one_by_one = sum(coefficients[..., i, None] * values[i] for i in range(len(values)))
    found = one_by_one + ours.h[1].mlp.c_proj.bias
    expected = theirs.transformer.h[1].mlp(x)
    agrees(found, expected, "transformers.GPT2LMHeadModel")
    library = theirs.transformer.h[1].mlp.c_fc.weight  # inputs, outputs
    assert_close(ours.h[1].mlp.c_fc.weight[3], library[:, 3])


def test_parts_add_up_to_the_logits_of_gpt2(agrees, pair):
    ours, theirs = pair
    parts = logit_parts(ours, residual_parts(ours, ids()))
    agrees(sum(parts.values()), theirs(ids()).logits, "transformers.GPT2LMHeadModel")
    heads = [f"head {layer}.{h}" for layer in range(2) for h in range(3)]
    names = {*heads, "tokens", "positions", "biases", "MLP 0", "MLP 1", "last bias"}
    assert parts.keys() == names


def test_the_lens_is_the_head_on_hidden_states_of_gpt2(agrees, pair):
    ours, theirs = pair
    out = theirs(ids(), output_hidden_states=True)
    states = out.hidden_states[:-1]  # the last one is normalized already
    head, norm = theirs.lm_head, theirs.transformer.ln_f
    expected = torch.stack([*(head(norm(state)) for state in states), out.logits])
    agrees(logit_lens(ours, ids()), expected, "transformers.GPT2LMHeadModel")


def test_a_part_is_what_leaves_the_logits_when_it_is_removed(pair):
    """By definition, with the scale of the whole stream."""
    ours, _ = pair
    parts = residual_parts(ours, ids())
    stream = sum(parts.values())
    scale = (stream.var(-1, correction=0, keepdim=True) + ours.ln_f.eps).sqrt()

    def logits(x):
        centred = x - x.mean(-1, keepdim=True)
        normal = centred / scale * ours.ln_f.weight + ours.ln_f.bias
        return normal @ ours.wte.weight.T

    assert_close(logits(stream), ours(ids()))
    for name, part in logit_parts(ours, parts).items():
        if name != "last bias":
            assert_close(part, logits(stream) - logits(stream - parts[name]))


def test_ranks_rows_and_the_order_of_the_products(pair):
    ours, _ = pair
    x, head = normalized(ours, 1), circuits(ours.h[1].attn, 2)
    assert torch.linalg.matrix_rank(head.qk) == HEAD_DIM
    assert torch.linalg.matrix_rank(head.ov) == HEAD_DIM
    weights = head_weights(x, head, HEAD_DIM)
    assert_close(weights.sum(-1), torch.ones(2, 7).double())
    assert (weights.triu(1) == 0).all()
    assert_close((weights @ x) @ head.ov, weights @ (x @ head.ov))
    eigenvalues = torch.linalg.eigvals(weights[0]).real.sort().values
    assert_close(eigenvalues, weights[0].diagonal().sort().values)


def test_half_precision_and_a_single_token(pair):
    ours, _ = pair
    one = ids()[:1, :1]
    assert_close(sum(logit_parts(ours, residual_parts(ours, one)).values()), ours(one))
    half = ours.bfloat16()
    parts = logit_parts(half, residual_parts(half, ids()))
    assert sum(parts.values()).dtype == torch.bfloat16
    assert_close(sum(parts.values()), half(ids()), atol=0.3, rtol=0.05)


@pytest.mark.parametrize("head", [-1, 3])
def test_heads_that_do_not_exist_are_refused(pair, head):
    with pytest.raises(ValueError, match=f"no head={head} among 3"):
        circuits(pair[0].h[0].attn, head)


def test_impossible_head_dim_is_refused(pair):
    head = circuits(pair[0].h[0].attn, 0)
    with pytest.raises(ValueError, match="head_dim=0"):
        head_weights(torch.randn(2, 24).double(), head, 0)


@pytest.mark.parametrize("reads", [residual_parts, logit_lens, attention_maps])
def test_one_position_is_not_repeated_for_a_longer_text(reads):
    model = GPT(**SIZES | {"n_positions": 1})
    with pytest.raises(ValueError, match="a text of 7 tokens, but 1 positions"):
        reads(model, ids())


# The task and its circuits


def test_texts_repeat_a_block_after_random_symbols():
    batch = texts(200, torch.Generator().manual_seed(0))
    assert batch.ids.shape == batch.known.shape == (200, 24)
    for row, known in zip(batch.ids.tolist(), batch.known.tolist(), strict=True):
        first = known.index(True)
        assert known == [first <= place < 23 for place in range(24)]
        periods = [
            p
            for p in range(3, 10)
            if p <= first and all(row[t] == row[t - p] for t in range(first, 24))
        ]
        assert periods
    with pytest.raises(ValueError, match="number=0"):
        texts(0, torch.Generator())


def test_follows_by_definition():
    batch = texts(5, torch.Generator().manual_seed(1)).ids
    found = follows(batch)
    for b, row in enumerate(batch.tolist()):
        for query in range(24):
            for key in range(24):
                after = 0 < key <= query and row[key - 1] == row[query]
                assert found[b, query, key] == after


def test_accuracy_counts_known_positions():
    batch = Texts(
        torch.tensor([[1, 2, 1, 2]]), torch.tensor([[False, True, True, False]])
    )
    assert targets(batch).tolist() == [1, 2]
    logits = torch.zeros(1, 4, 3)
    logits[0, :, 1] = 2.0
    assert accuracy(logits, batch) == 0.5
    assert_close(lead(logits, batch), torch.tensor([4 / 3, -2 / 3]))


def test_training_lowers_the_loss():
    model = attention_only(layers=2, seed=0)
    query, key, _ = model.h[0].attn.c_attn.weight.chunk(3)
    assert torch.equal(query, key)
    losses = train(model, 60, seed=0)
    assert len(losses) == 60
    assert sum(losses[-10:]) < sum(losses[:10])


def test_circuits_of_a_head_that_copies_by_construction():
    model = attention_only(layers=2, seed=0).double()
    with torch.no_grad():
        model.wte.weight.copy_(torch.eye(16, 32))
        attn = model.h[1].attn
        attn.c_attn.weight[64:].copy_(torch.eye(32))
        attn.c_proj.weight.copy_(torch.eye(32))
        model.h[0].attn.c_attn.weight[64:].copy_(torch.eye(32))
        model.h[0].attn.c_proj.weight.copy_(torch.eye(32))
        attn.c_attn.weight[:64].copy_(torch.eye(32).repeat(2, 1))
    _, match, copied = weight_circuits(model)
    assert largest_on(match, 0) == largest_on(copied, 0) == 1
    assert largest_on(-copied, 0) == 0
    batch = texts(20, torch.Generator().manual_seed(3))
    maps = attention_maps(model, batch.ids)
    x = model.wte(batch.ids) + model.wpe.weight
    parts = residual_parts(model, batch.ids)
    assert_close(sum(parts.values()), model.h[1](model.h[0](x)))
    assert_close(maps[0].sum(-1), torch.ones(20, 24).double())
    shares = attention_shares([torch.eye(24).expand(20, -1, -1)] * 2, batch)
    assert shares["previous"] == 0
    even = torch.ones(24, 24).tril() / torch.arange(1, 25)[:, None]
    shares = attention_shares([even.expand(20, -1, -1)] * 2, batch)
    assert_close(shares["even_previous"], shares["previous"])
    assert_close(shares["even"], shares["follows"])
    assert 0 < accuracy_without(model, 0, batch) < 1
    assert_close(accuracy_without(model, 1, batch), accuracy_without(model, 1, batch))
    assert_close(residual_parts(model, batch.ids), parts)  # the hook is gone


def test_largest_on_a_diagonal_ignores_later_keys():
    scores = torch.full((4, 4), 9.0).triu(1) + torch.eye(4).roll(-1, 1).tril() * 2
    assert largest_on(scores, -1) == 1
    assert largest_on(torch.eye(4), -1) == 0


def test_other_models_have_no_weight_circuits(pair):
    with pytest.raises(ValueError, match=r"blocks with \[3, 3\] heads"):
        weight_circuits(pair[0])
    x = torch.randn(3, 24).double()
    assert_close(centered(x, pair[0].ln_f).shape, x.shape)
