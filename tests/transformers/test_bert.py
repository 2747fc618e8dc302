"""BERT against transformers: encoder, pooled vector, scores, losses, gradients, heads.

Then masking against its frequencies and the collator of transformers, and the best
loss on a masked Markov chain against sums over all texts.
"""

import inspect
import math
from itertools import pairwise, product

import pytest
import torch
import transformers
from torch import nn
from torch.testing import assert_close

from snippets.attention.self_attention import causal
from snippets.transformers import masked_chain, masked_chain_training
from snippets.transformers.bert import Bert, Block, MaskedLanguageModel
from snippets.transformers.masked_language_modeling import (
    IGNORED,
    mask_tokens,
    masked_loss,
)

SIZES = dict(vocab=31, positions=11, d_model=24, heads=3, d_ff=40, layers=2)
NAMES = {  # ours: theirs
    "token": "embeddings.word_embeddings",
    "position": "embeddings.position_embeddings",
    "segment": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "pooler": "pooler.dense",
}
PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}
HEAD = {
    "dense": "predictions.transform.dense",
    "norm": "predictions.transform.LayerNorm",
}


def their_model(kind: str):
    """A model of transformers with random weights, norms and biases included."""
    config = transformers.BertConfig(
        vocab_size=31,
        max_position_embeddings=11,
        hidden_size=24,
        num_attention_heads=3,
        intermediate_size=40,
        num_hidden_layers=2,
        num_labels=2 if kind == "BertForQuestionAnswering" else 4,
    )
    torch.manual_seed(0)
    theirs = getattr(transformers, kind)(config).double().eval()
    for weight in theirs.parameters():
        nn.init.normal_(weight, std=0.3)
    return theirs


def copied(encoder) -> Bert:
    """Ours with the weights of their encoder."""
    ours, weights = Bert(**SIZES).double(), encoder.state_dict()
    names = dict(NAMES)
    for layer in range(2):
        for part, name in PARTS.items():
            names[f"blocks.{layer}.{part}"] = f"encoder.layer.{layer}.{name}"
    for name, parameter in ours.named_parameters():
        module, kind = name.rsplit(".", 1)
        if f"{names[module]}.{kind}" in weights:  # some of theirs have no pooler
            parameter.data = weights[f"{names[module]}.{kind}"].clone()
    return ours


def copied_masked(theirs) -> MaskedLanguageModel:
    ours, head = MaskedLanguageModel(copied(theirs.bert)).double(), theirs.cls
    for part, name in HEAD.items():
        getattr(ours, part).load_state_dict(head.get_submodule(name).state_dict())
    ours.bias.data = head.predictions.bias.data.clone()
    return ours


def batch():
    """Two pairs of texts of 7 and 5 tokens; the second is padded."""
    torch.manual_seed(1)
    tokens = torch.randint(1, 31, (2, 7))
    segments = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0]])
    real = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]]).bool()
    return tokens, segments, real


def test_states_and_pooled_vector_are_those_of_transformers(agrees):
    theirs, (tokens, segments, real) = their_model("BertModel"), batch()
    ours = copied(theirs)
    out = theirs(tokens, attention_mask=real, token_type_ids=segments)
    states = ours(tokens, segments, real[:, None])
    agrees(states, out.last_hidden_state, "transformers.BertModel")
    agrees(ours.pool(states), out.pooler_output, "transformers.BertModel")
    alone = theirs(tokens).last_hidden_state
    agrees(ours(tokens), alone, "transformers.BertModel")


def test_scores_loss_and_gradients_are_those_of_transformers(agrees):
    theirs, (tokens, segments, real) = their_model("BertForMaskedLM"), batch()
    ours = copied_masked(theirs)
    labels = tokens.masked_fill(torch.rand(2, 7) < 0.6, IGNORED)
    out = theirs(tokens, real, segments, labels=labels)
    logits = ours(tokens, segments, real[:, None])
    loss = masked_loss(logits, labels)
    agrees(logits, out.logits, "transformers.BertForMaskedLM")
    agrees(loss, out.loss, "transformers.BertForMaskedLM")
    loss.backward()
    out.loss.backward()
    for mine, name in (("token", NAMES["token"]), ("position", NAMES["position"])):
        grad = theirs.bert.get_submodule(name).weight.grad
        agrees(
            getattr(ours.bert, mine).weight.grad, grad, "transformers.BertForMaskedLM"
        )


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("BertForSequenceClassification", "classifier"),
        ("BertForTokenClassification", "classifier"),
        ("BertForQuestionAnswering", "qa_outputs"),
        ("BertForNextSentencePrediction", "cls.seq_relationship"),
    ],
)
def test_heads_are_one_layer_as_in_transformers(agrees, kind, head):
    theirs, (tokens, segments, real) = their_model(kind), batch()
    ours, layer = copied(theirs.bert), theirs.get_submodule(head)
    states = ours(tokens, segments, real[:, None])
    out = theirs(tokens, real, segments)
    if kind == "BertForQuestionAnswering":
        logits = torch.stack([out.start_logits, out.end_logits], dim=-1)
        agrees(layer(states), logits, f"transformers.{kind}")
    elif kind == "BertForTokenClassification":
        agrees(layer(states), out.logits, f"transformers.{kind}")
    else:
        agrees(layer(ours.pool(states)), out.logits, f"transformers.{kind}")


def test_a_block_is_the_encoder_layer_of_pytorch(agrees):
    torch.manual_seed(0)
    ours = Block(d_model=24, heads=3, d_ff=40).double()
    theirs = nn.TransformerEncoderLayer(
        24, 3, 40, 0, "gelu", 1e-12, batch_first=True, dtype=torch.float64
    )
    parts = (ours.query, ours.key, ours.value)
    mixed, names = theirs.self_attn, ("out_proj",)
    mixed.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    mixed.in_proj_bias.data = torch.cat([part.bias.data for part in parts])
    pairs = [(mixed.get_submodule(names[0]), ours.out), (theirs.norm2, ours.norm)]
    pairs += [(theirs.linear1, ours.up), (theirs.linear2, ours.down)]
    for theirs_part, part in [*pairs, (theirs.norm1, ours.attention_norm)]:
        theirs_part.load_state_dict(part.state_dict())
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    agrees(ours(x), theirs(x), "torch.nn.TransformerEncoderLayer")


def test_padding_does_not_matter():
    ours = copied(their_model("BertModel"))
    tokens, segments, real = batch()
    states = ours(tokens, segments, real[:, None])
    other = tokens.masked_fill(~real, 9)
    assert_close(ours(other, segments, real[:, None])[real], states[real])
    short = ours(tokens[1:, :5], segments[1:, :5])
    assert_close(short[0], states[1, :5])


def test_each_position_sees_both_sides():
    ours, (tokens, _, _) = copied(their_model("BertModel")), batch()
    for place in (0, 6):
        changed = tokens.clone()
        changed[:, place] = (tokens[:, place] + 1) % 31
        moved = (ours(changed) - ours(tokens)).abs().amax(dim=(0, 2))
        assert (moved > 1e-6).all()
    ahead = causal(7, 7)[None]
    assert_close(ours(changed, None, ahead)[:, :6], ours(tokens, None, ahead)[:, :6])


def test_order_matters_only_through_positions():
    """Without position embeddings, permuted tokens have permuted states."""
    ours, (tokens, _, _) = copied(their_model("BertModel")), batch()
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    permuted = ours(tokens[:, order])
    assert not torch.allclose(permuted, ours(tokens)[:, order])
    nn.init.zeros_(ours.position.weight)
    assert_close(ours(tokens[:, order]), ours(tokens)[:, order])


def test_states_are_normalized():
    states = Bert(**SIZES)(batch()[0])
    assert_close(states.mean(-1), torch.zeros(2, 7), atol=1e-6, rtol=0)
    assert_close(states.var(-1, correction=0), torch.ones(2, 7), atol=1e-4, rtol=0)


def test_the_weights_start_small():
    torch.manual_seed(0)
    for name, weight in MaskedLanguageModel(Bert(**SIZES)).named_parameters():
        if "norm.weight" in name:
            assert (weight == 1).all()
        elif name.endswith("bias"):
            assert (weight == 0).all()
        elif weight.numel() > 300:
            assert 0.017 < weight.std() < 0.023, name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    torch.manual_seed(0)
    ours, (tokens, segments, real) = Bert(**SIZES), batch()
    exact = ours(tokens, segments, real[:, None])
    ours.to(dtype)
    rough = ours(tokens, segments, real[:, None])
    assert rough.dtype == dtype
    assert_close(rough.float(), exact, atol=0.1, rtol=0)


def test_one_token_and_no_text():
    ours = Bert(**SIZES)
    assert ours(torch.tensor([[4]])).shape == (1, 1, 24)
    assert ours(torch.zeros(0, 5, dtype=torch.long)).shape == (0, 5, 24)


def test_a_mask_that_hides_everything_is_refused():
    ours, (tokens, segments, real) = Bert(**SIZES), batch()
    real[1] = False
    with pytest.raises(ValueError, match="text 1, query 0: the mask hides every key"):
        ours(tokens, segments, real[:, None])
    ahead = causal(7, 7).clone()
    ahead[2] = False
    with pytest.raises(ValueError, match="text 0, query 2: the mask hides every key"):
        MaskedLanguageModel(ours)(tokens, segments, ahead[None])


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="12 tokens, but embeddings for 11 positions"):
        Bert(**SIZES)(torch.ones(1, 12, dtype=torch.long))
    for heads in (0, 5):
        with pytest.raises(ValueError, match=f"24 features .* {heads} heads"):
            Bert(**SIZES | {"heads": heads})


def shares(inputs, labels, tokens, mask_id):
    """Of all tokens: masked, replaced by another, picked and kept."""
    picked = labels != IGNORED
    masked = picked & (inputs == mask_id)
    kept = picked & (inputs == tokens)
    return torch.tensor(
        [s.double().mean() for s in (masked, picked & ~masked & ~kept, kept)]
    )


def test_shares_of_masked_random_and_kept_tokens():
    """Within 3 standard errors on 100,000 tokens; so are those of transformers."""
    tokens, random = torch.randint(5, 1000, (1000, 100)), torch.Generator()
    random.manual_seed(0)
    ours = mask_tokens(tokens, mask_id=4, vocab=1000, generator=random)
    expected = 0.15 * torch.tensor([0.8, 0.1, 0.1], dtype=torch.float64)
    error = (expected * (1 - expected) / 1e5).sqrt() + 0.15 * 0.1 / 1000
    assert ((shares(*ours, tokens, 4) - expected).abs() < 3 * error).all()
    drawn = ours.inputs[(ours.labels != IGNORED) & (ours.inputs != tokens)]
    drawn = drawn[drawn != 4]
    assert drawn.min() < 20  # from the whole vocabulary
    assert drawn.max() > 980
    vocab = {f"t{i}": i for i in range(5, 1000)}
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    vocab = {name: i for i, name in enumerate(names)} | vocab
    collate = transformers.DataCollatorForLanguageModeling(
        transformers.BertTokenizer(vocab=vocab)
    )
    torch.manual_seed(1)  # its own seed is refused in a worker process
    theirs = collate(list(tokens))
    found = shares(theirs["input_ids"], theirs["labels"], tokens, 4)
    assert ((found - expected).abs() < 3 * error).all()


def test_only_picked_tokens_have_labels_or_change():
    tokens = torch.randint(5, 31, (50, 20))
    special = torch.rand(50, 20) < 0.2
    before = tokens.clone()
    inputs, labels = mask_tokens(tokens, mask_id=4, vocab=31, special=special, rate=0.5)
    assert torch.equal(tokens, before)
    picked = labels != IGNORED
    assert not (picked & special).any()
    assert torch.equal(inputs[~picked], tokens[~picked])
    assert torch.equal(labels[picked], tokens[picked])
    everything = mask_tokens(tokens, mask_id=4, vocab=31, special=special, rate=1.0)
    assert torch.equal(everything.labels == IGNORED, special)


def test_the_same_seed_picks_the_same_tokens():
    tokens = torch.randint(5, 31, (3, 20))
    drawn = [
        mask_tokens(
            tokens, mask_id=4, vocab=31, generator=torch.Generator().manual_seed(seed)
        )
        for seed in (0, 0, 1)
    ]
    assert torch.equal(drawn[0].inputs, drawn[1].inputs)
    assert not torch.equal(drawn[0].labels, drawn[2].labels)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32])
def test_small_integers(dtype):
    """Neither the mask nor most random ids fit into int8."""
    tokens = torch.randint(5, 31, (20, 20), dtype=dtype)
    inputs, labels = mask_tokens(tokens, mask_id=300, vocab=1000, rate=0.5)
    picked = labels != IGNORED
    assert torch.equal(labels[picked], tokens[picked].long())
    assert (inputs == 300).any()
    bert = Bert(**SIZES | {"positions": 20})
    assert_close(bert(tokens, tokens % 2), bert(tokens.long(), tokens.long() % 2))
    for narrow in (labels, labels.to(dtype)):
        loss = masked_loss(torch.zeros(20, 20, 31), narrow)
        assert_close(loss, torch.tensor(math.log(31)))


def test_labels_of_bytes():
    """In 8 bits without a sign, -100 would become 156."""
    tokens = torch.randint(5, 31, (20, 20), dtype=torch.uint8)
    inputs, labels = inspect.unwrap(mask_tokens)(tokens, mask_id=4, vocab=31)
    ignored = labels.long() == IGNORED  # among bytes, 156 == -100 can hold
    assert ignored.any()
    assert torch.equal(labels[~ignored], tokens[~ignored].long())
    assert torch.equal(inputs[ignored], tokens[ignored].long())


def test_labels_of_another_shape_are_refused():
    """Where annotations are not checked; flat, both have 6 tokens."""
    logits, labels = torch.randn(2, 3, 31), torch.ones(3, 2, dtype=torch.long)
    with pytest.raises(IndexError, match="shape of the mask"):
        inspect.unwrap(masked_loss)(logits, labels)


def test_tokens_are_masked_on_their_device():
    tokens = torch.ones(2, 3, dtype=torch.long, device="meta")
    masked = mask_tokens(tokens, mask_id=4, vocab=31)
    assert {part.device.type for part in masked} == {"meta"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_loss_of_many_tokens_in_half_precision(dtype):
    """Its sum, 400,000 nats, is beyond the largest number of float16."""
    logits = torch.tensor([0.0, 10.0]).expand(40_000, 2)
    labels = torch.zeros(40_000, dtype=torch.long)
    loss = masked_loss(logits.to(dtype), labels)
    assert_close(loss, torch.tensor(10.0), atol=1e-3, rtol=0)


def test_rates_and_texts_without_a_loss_are_refused():
    tokens = torch.ones(2, 3, dtype=torch.long)
    for rate in (0.0, -0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match=f"a rate of {rate} "):
            mask_tokens(tokens, mask_id=4, vocab=31, rate=rate)
    with pytest.raises(ValueError, match="none of 6 tokens is picked"):
        masked_loss(torch.randn(2, 3, 31), torch.full((2, 3), IGNORED))


def test_closed_forms_are_the_entropies_by_definition(agrees):
    chain = masked_chain.transitions(3)
    start = masked_chain.stationary(chain)
    assert_close(start @ chain, start)
    joint = start[:, None, None] * chain[:, :, None] * chain[None]  # left, token, right
    left = joint.sum(2)
    definition = torch.stack(
        [
            -(start * start.log()).sum(),
            -(left * (left / left.sum(1, keepdim=True)).log()).sum(),
            -(joint * (joint / joint.sum(1, keepdim=True)).log()).sum(),
        ]
    )
    closed = torch.stack(masked_chain.entropies(chain))
    agrees(closed, definition, "definition as sums")


def test_texts_follow_the_chain():
    chain = masked_chain.transitions(0)
    drawn = masked_chain.texts(chain, 20_000, seed=0)
    counts = torch.zeros(8, 8, dtype=torch.float64)
    pairs = drawn[:, :-1].flatten() * 8 + drawn[:, 1:].flatten()
    counts += pairs.bincount(minlength=64).view(8, 8)
    seen = counts.sum(1, keepdim=True)
    error = (chain * (1 - chain) / seen).sqrt() + 1e-5
    assert ((counts / seen - chain).abs() < 4 * error).all()
    first = drawn[:, 0].bincount(minlength=8) / 20_000
    assert_close(first.double(), masked_chain.stationary(chain), atol=0.015, rtol=0)


@pytest.mark.parametrize("two_sided", [True, False])
def test_best_predictions_are_sums_over_all_texts(agrees, two_sided):
    """Three symbols, five positions: each of the 243 texts, and how it is read."""
    random = torch.Generator().manual_seed(0)
    chain = torch.rand(3, 3, generator=random, dtype=torch.float64)
    chain /= chain.sum(1, keepdim=True)
    start, rate = masked_chain.stationary(chain), 0.4
    inputs = torch.tensor([[0, 3, 2, 1, 3], [3, 3, 1, 0, 2]])
    sums = torch.zeros(2, 5, 3, dtype=torch.float64)
    for text, t, row in product(product(range(3), repeat=5), range(5), range(2)):
        weight = start[text[0]]
        for a, b in pairwise(text):
            weight = weight * chain[a, b]
        for place, (symbol, read) in enumerate(
            zip(text, inputs[row].tolist(), strict=True)
        ):
            if place > t and not two_sided:
                continue
            lot = 0.8 if read == 3 else 0.1 * (symbol == read) + 0.1 / 3
            other = (1 - rate) * (symbol == read) + rate * lot
            weight = weight * (lot if place == t else other)
        sums[row, t, text[t]] += weight
    best = masked_chain.best_predictions(chain, inputs, two_sided=two_sided, rate=rate)
    agrees(best, sums / sums.sum(-1, keepdim=True), "definition as sums")


def test_training_lowers_the_loss_and_seeds_differ():
    chain = masked_chain.transitions(0)
    test = masked_chain.masked_texts(chain, 100, seed=1)
    trained = masked_chain_training.train(
        chain, test, None, number=2, steps=40, batch=32
    )
    assert trained.history.shape == (40, 2)
    assert trained.history[-10:].mean() < trained.history[:10].mean() - 0.02
    assert trained.test[0] != trained.test[1]


def test_models_side_by_side_have_the_loss_of_one():
    chain = masked_chain.transitions(0)
    test = masked_chain.masked_texts(chain, 50, seed=1)
    trained = masked_chain_training.train(chain, test, None, number=2, steps=1, batch=4)
    drawn = masked_chain.masked_texts(chain, 8, seed=0)
    for place, model in enumerate(masked_chain_training.models(2)):
        rows = slice(4 * place, 4 * place + 4)
        loss = masked_loss(model(drawn.inputs[rows]), drawn.labels[rows])
        assert_close(trained.history[0, place], loss.detach())
