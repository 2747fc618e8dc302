"""The model against PyTorch's transformer, its schemes against code of transformers."""

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close
from transformers import T5Config
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.gptj import modeling_gptj as gptj
from transformers.models.t5.modeling_t5 import T5Attention

from snippets.positions.positional_encodings import (
    T5,
    Alibi,
    Learned,
    NoPositions,
    Reader,
    Rotary,
    Shaw,
    Sinusoidal,
    order_by_mask,
    set_attention,
)
from snippets.positions.symbol_language import (
    batches,
    evaluate,
    losses,
    next_symbol,
    texts,
    train,
    train_in_stages,
)

HEADS, SEQ, HEAD_DIM, D_MODEL = 3, 7, 4, 12
SDPA = "torch.nn.functional.scaled_dot_product_attention"
SCHEMES = {
    "none": NoPositions,
    "sinusoidal": Sinusoidal,
    "learned": lambda: Learned(max_len=9, d_model=D_MODEL),
    "Shaw": lambda: Shaw(reach=2, head_dim=HEAD_DIM),
    "T5": lambda: T5(buckets=4, max_distance=5, heads=HEADS),
    "RoPE": lambda: Rotary(head_dim=HEAD_DIM),
    "ALiBi": Alibi,
}


def scheme(name: str) -> NoPositions:
    torch.manual_seed(0)
    made = SCHEMES[name]().double()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def reader(positions: NoPositions) -> Reader:
    torch.manual_seed(0)
    sizes = {"tokens": 11, "outputs": 5, "d_model": D_MODEL, "heads": HEADS}
    return Reader(positions, **sizes).double()


def random_heads() -> list[torch.Tensor]:
    torch.manual_seed(1)
    return list(torch.randn(3, 2, HEADS, SEQ, HEAD_DIM, dtype=torch.float64))


def past_only() -> torch.Tensor:
    return torch.full((SEQ, SEQ), -torch.inf, dtype=torch.float64).triu(1)


def test_head_agrees_with_pytorch(agrees):
    torch.manual_seed(0)
    x = torch.randn(SEQ, 4, dtype=torch.float64)
    theirs = nn.MultiheadAttention(4, 1, bias=False).double()
    query, key, value = theirs.in_proj_weight.unflatten(0, (3, 4)).mT
    ours = set_attention(x, query, key, value) @ theirs.out_proj.weight.T
    agrees(ours, theirs(x, x, x)[0], "torch.nn.MultiheadAttention")


def test_permuted_tokens_give_permuted_results():
    torch.manual_seed(0)
    x, order = torch.randn(SEQ, 5, dtype=torch.float64), torch.randperm(SEQ)
    weights = torch.randn(3, 5, 4, dtype=torch.float64)
    permuted = set_attention(x[order], *weights)
    assert_close(permuted, set_attention(x, *weights)[order])
    assert not torch.allclose(permuted, set_attention(x, *weights))


def test_reader_agrees_with_a_transformer_of_pytorch(agrees):
    ours = reader(NoPositions())
    settings = {"batch_first": True, "norm_first": True, "bias": False}
    block = nn.TransformerEncoderLayer(
        D_MODEL, HEADS, 2 * D_MODEL, 0.0, "gelu", **settings
    )
    theirs = nn.TransformerEncoder(block, 2, enable_nested_tensor=False).double()
    for mine, layer in zip(ours.layers, theirs.layers, strict=True):
        first_norm, up, _, down = mine["feed_forward"]
        attention = layer.self_attn
        attention.in_proj_weight = mine["in_proj"].weight
        attention.out_proj, layer.linear1, layer.linear2 = mine["out_proj"], up, down
        layer.norm1, layer.norm2 = mine["norm"], first_norm
    text = torch.randint(11, (2, SEQ))
    read = theirs(ours.token(text), mask=past_only(), is_causal=True)
    agrees(ours(text), ours.output(read), "torch.nn.TransformerEncoder")


def test_sines_agree_with_gptj(agrees):
    x = torch.randn(2, SEQ, D_MODEL, dtype=torch.float64)
    halves = gptj.create_sinusoidal_positions(SEQ, D_MODEL).unflatten(1, (2, -1))
    theirs = x + halves.mT.flatten(1)  # a sine and a cosine side by side
    name = "transformers.create_sinusoidal_positions (GPT-J)"
    agrees(scheme("sinusoidal").embed(x).float(), theirs.float(), name)


def test_rotary_agrees_with_gptj(agrees):
    query, key, value = random_heads()
    angle = torch.outer(torch.arange(SEQ), torch.tensor([1, 0.01])).double()[None]
    turned = [
        gptj.apply_rotary_pos_emb(x.transpose(1, 2), angle.sin(), angle.cos())
        for x in (query, key)
    ]
    turned = [x.transpose(1, 2) for x in turned]
    theirs = scaled_dot_product_attention(*turned, value, is_causal=True)
    ours = scheme("RoPE").attend(query, key, value)
    name = "transformers.apply_rotary_pos_emb (GPT-J)"
    agrees(ours.float(), theirs.float(), name)


def test_rotary_for_longer_texts_stretches_and_sharpens():
    heads = random_heads()
    plain, longer = scheme("RoPE"), scheme("RoPE")
    longer.stretch, longer.frequencies = 4.0, 4 * plain.frequencies
    assert_close(longer.attend(*heads), plain.attend(*heads))
    longer.scale = 2**0.5
    sharper = plain.attend(2 * heads[0], *heads[1:])
    assert_close(longer.attend(*heads), sharper)


def test_alibi_agrees_with_bloom(agrees):
    bias = build_alibi_tensor(torch.ones(1, SEQ), HEADS, torch.float32).double()
    mask = (bias + past_only()).expand(2, -1, -1, -1)
    theirs = scaled_dot_product_attention(*random_heads(), attn_mask=mask)
    name = "transformers.build_alibi_tensor (BLOOM)"
    agrees(scheme("ALiBi").attend(*random_heads()), theirs, name)


def test_t5_agrees_with_transformers(agrees):
    config = T5Config(
        num_heads=HEADS,
        relative_attention_num_buckets=4,
        relative_attention_max_distance=5,
        is_decoder=True,
    )
    attention = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    ours = scheme("T5")
    attention.relative_attention_bias.weight.data = ours.table.data
    mask = (attention.compute_bias(SEQ, SEQ) + past_only()).expand(2, -1, -1, -1)
    theirs = scaled_dot_product_attention(*random_heads(), attn_mask=mask)
    agrees(ours.attend(*random_heads()), theirs, "transformers.T5Attention")


def test_shaw_is_its_definition(agrees):
    query, key, value = random_heads()
    ours, theirs = scheme("Shaw"), torch.zeros_like(value)
    for i in range(SEQ):
        rows = [max(j - i, -2) + 2 for j in range(i + 1)]
        keys, values = (
            given[:, :, : i + 1] + table[rows]
            for given, table in zip((key, value), ours.tables, strict=True)
        )
        step = scaled_dot_product_attention(query[:, :, i : i + 1], keys, values)
        theirs[:, :, i] = step[:, :, 0]
    agrees(ours.attend(query, key, value), theirs, SDPA + " with a key per offset")


def test_without_a_first_token_that_differs_the_mask_does_not_count():
    """On a text of one repeated token, a model without positions outputs one vector."""
    read = reader(NoPositions())(torch.full((1, SEQ), 3))
    assert_close(read, read[:, :1].expand_as(read))
    marked = torch.full((1, SEQ), 3)
    marked[0, 0] = 4
    read = reader(NoPositions())(marked)[0, 1:]
    assert torch.pdist(read).min() > 1e-4


@pytest.mark.parametrize("name", SCHEMES)
def test_later_tokens_do_not_matter(name):
    model, text = reader(scheme(name)), torch.randint(10, (2, SEQ))
    changed = text.clone()
    changed[:, 4:] += 1
    assert_close(model(changed)[:, :4], model(text)[:, :4])
    assert not torch.allclose(model(changed)[:, 4:], model(text)[:, 4:])


@pytest.mark.parametrize("name", SCHEMES)
def test_order_of_earlier_tokens_reaches_the_last_only_by_a_scheme(name):
    """In one layer: later layers can tell order by the mask alone."""
    chosen, text = scheme(name), torch.randn(2, SEQ, D_MODEL, dtype=torch.float64)
    order = torch.tensor([3, 0, 4, 1, 5, 2, 6])

    def last(x):
        heads = chosen.embed(x).unflatten(-1, (HEADS, HEAD_DIM)).transpose(1, 2)
        return chosen.attend(heads, heads, heads)[:, :, -1]

    same = torch.allclose(last(text[:, order]), last(text))
    assert same == (name == "none")


@pytest.mark.parametrize("name", ["Shaw", "T5", "RoPE", "ALiBi"])
def test_relative_schemes_weigh_by_offset_alone(name):
    """Equal queries, equal keys: the ratio of two weights does not know the place."""
    one = torch.randn(1, HEADS, 1, SEQ, dtype=torch.float64).expand(-1, -1, SEQ, -1)
    if name in ("Shaw", "RoPE"):
        made = {"Shaw": Shaw(reach=2, head_dim=SEQ + 1), "RoPE": Rotary(head_dim=8)}
        chosen = made[name].double()
        one = torch.cat([one, one[..., :1]], dim=-1)
        if name == "Shaw":
            chosen.tables.data[1] = 0
    else:
        chosen = scheme(name)
    value = torch.eye(SEQ, one.shape[-1], dtype=torch.float64).expand_as(one)
    weights = chosen.attend(one, one, value)[..., :SEQ]
    ratio = weights / weights.diagonal(dim1=2, dim2=3)[..., None]
    assert_close(ratio[:, :, 1:, 1:].tril(), ratio[:, :, :-1, :-1].tril())
    assert not torch.allclose(ratio[:, :, -1], ratio[:, :, -1, :1])


def test_mask_alone_counts():
    assert_close(order_by_mask(SEQ), 1 / torch.arange(1.0, SEQ + 1))


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="heads=5 cannot share d_model=12 evenly"):
        Reader(NoPositions(), tokens=3, outputs=2, d_model=12, heads=5)
    with pytest.raises(IndexError, match="position 9, but the table has 9 rows"):
        reader(scheme("learned"))(torch.zeros(1, 10, dtype=torch.long))
    with pytest.raises(ValueError, match="head_dim=3 features cannot be paired"):
        Rotary(head_dim=3)


def test_learned_rows_are_added():
    """As GPT-2 adds its table: without tokens, what is left is the table."""
    scheme = Learned(max_len=9, d_model=D_MODEL)
    table = next(scheme.parameters())
    assert_close(
        scheme.embed(torch.zeros(2, SEQ, D_MODEL)), table[:SEQ].expand(2, -1, -1)
    )


def test_fresh_tables_are_small_and_random():
    torch.manual_seed(0)
    tables = Shaw(reach=40, head_dim=100).tables
    assert_close(tables.std().item(), 0.05, rtol=0.02, atol=0)
    assert T5(buckets=4, max_distance=9, heads=2).table.count_nonzero() == 0


def test_head_does_not_overflow_in_half_precision():
    x, eye = torch.full((5, 128), 30.0).half(), torch.eye(128).half()
    assert_close(set_attention(x, eye, eye, eye), x)


def test_no_heads_are_refused():
    with pytest.raises(ValueError, match="heads=0 cannot share d_model=8"):
        Reader(NoPositions(), tokens=3, outputs=3, d_model=8, heads=0)


def test_language_names_the_next_symbol_by_the_two_before():
    chances, text = next_symbol(), texts(40, 60, seed=0)
    assert_close(chances.sum(-1), torch.ones(5, 5))
    assert_close(chances.amax(-1), torch.full((5, 5), 0.92))
    named = chances[text[:, 1:-2], text[:, 2:-1]].argmax(-1)
    assert 0.9 < (named == text[:, 3:]).double().mean() < 0.94
    assert text[:, 0].min() >= 5 > text[:, 1:].max()


def test_losses_agree_with_pytorch(agrees):
    text, logits = texts(6, 9, seed=1).unflatten(0, (2, 3)), torch.randn(2, 3, 8, 10)
    ours = losses(logits, text)
    truth = next_symbol()[text[..., 1:-2], text[..., 2:-1]]
    theirs = nn.functional.kl_div(
        logits[..., 2:, :5].log_softmax(-1), truth, reduction="none"
    )
    agrees(ours.symbol, theirs.sum(-1), "torch.nn.functional.kl_div")
    topic = (text[..., :1] - 5).expand(2, 3, 6)
    theirs = nn.functional.cross_entropy(
        logits[..., 2:, 5:].movedim(-1, 1), topic, reduction="none"
    )
    agrees(ours.topic, theirs, "torch.nn.functional.cross_entropy")


def test_models_trained_side_by_side_are_those_trained_alone():
    torch.manual_seed(0)
    sizes = {"tokens": 10, "outputs": 10, "d_model": 8, "heads": 2}
    models = [Reader(Rotary(head_dim=4), **sizes).double() for _ in range(2)]
    drawn = batches(4, 2, 3, 7, seed=2)
    assert_close(drawn.flatten(0, 2), texts(4 * 2 * 3, 8, seed=2))
    together, history = train(models, drawn, 0.01)
    for place in range(2):
        alone, own = train(models[place : place + 1], drawn[:, place : place + 1], 0.01)
        assert_close(own[:, 0], history[:, place])
        assert_close(alone[0].state_dict(), together[place].state_dict())
    assert history[-1].mean() != history[0].mean()


def test_stages_are_trainings_one_after_the_other():
    sizes = {"tokens": 10, "outputs": 10, "d_model": 8, "heads": 2}
    models = [Reader(Rotary(head_dim=4), **sizes).double() for _ in range(2)]
    both = train_in_stages(models, [(2, 3, 7, 0.01), (3, 1, 9, 0.02)])
    models, _ = train(models, texts(12, 8, seed=0).unflatten(0, (2, 2, 3)), 0.01)
    models, _ = train(models, texts(6, 10, seed=1).unflatten(0, (3, 2, 1)), 0.02)
    for ours, theirs in zip(both, models, strict=True):
        assert_close(ours.state_dict(), theirs.state_dict())


def test_losses_do_not_depend_on_how_many_texts_are_read_at_once():
    sizes = {"tokens": 10, "outputs": 10, "d_model": 8, "heads": 2}
    models, text = [Reader(Rotary(head_dim=4), **sizes)] * 2, texts(5, 9, seed=0)
    for at_once in (1, 2, 5):
        assert_close(evaluate(models, text, at_once), evaluate(models, text))
