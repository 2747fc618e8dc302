"""T5 against transformers' T5Model and T5ForConditionalGeneration."""

import random
import re

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5Config, T5ForConditionalGeneration, T5Model

from snippets.transformers.prefixed_tasks import (
    END,
    HELD_OUT,
    PREFIXES,
    TASKS,
    answers,
    cross_weights,
    exact,
    inputs,
    strings,
    train,
)
from snippets.transformers.span_corruption import (
    Corrupted,
    corrupt,
    random_spans,
    restore,
)
from snippets.transformers.t5 import (
    T5,
    FeedForward,
    T5Attention,
    greedy,
    initialize,
    multiplications,
    shift_right,
)

SIZES = {
    "vocab": 29,
    "d_model": 12,
    "heads": 3,
    "head_dim": 5,
    "d_ff": 14,
    "layers": 2,
    "buckets": 8,
}
SINGLE = {"rtol": 1e-5, "atol": 1e-5}  # their norms take the mean square in float32
RENAMED = (
    (".layer.0.SelfAttention.", ".attention."),
    (".layer.0.layer_norm.", ".norm."),
    (".layer.1.EncDecAttention.", ".cross_attention."),
    (".layer.1.layer_norm.", ".cross_norm."),
    (".DenseReluDense.", ".feed_forward."),
    (".block.", ".blocks."),
    (".final_layer_norm.", ".norm."),
)


def theirs_and_ours(*, tied: bool = True, gated: bool = False, model=None):
    """Their model with random weights, and ours with the same."""
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=SIZES["vocab"],
        d_model=SIZES["d_model"],
        d_kv=SIZES["head_dim"],
        d_ff=SIZES["d_ff"],
        num_layers=SIZES["layers"],
        num_heads=SIZES["heads"],
        relative_attention_num_buckets=SIZES["buckets"],
        feed_forward_proj="gated-gelu" if gated else "relu",
        tie_word_embeddings=tied,
        decoder_start_token_id=0,
        dropout_rate=0.0,
    )
    theirs = (model or T5ForConditionalGeneration)(config).double().eval()
    if not tied:  # T5Config ties whatever it is told
        theirs.lm_head.weight = nn.Parameter(theirs.shared.weight.detach().flip(0))
    with torch.no_grad():
        for weight in theirs.parameters():
            weight += 0.3 * torch.randn_like(weight)
    ours = T5(**SIZES, tied=tied, gated=gated).double()
    state = {}
    for name, weight in theirs.state_dict().items():
        stack = name.split(".")[0]
        if "relative_attention_bias" in name:
            state[f"{stack}.bias_table"] = weight
        elif "embed_tokens" not in name and not (tied and name.startswith("lm_head")):
            last = ".layer.2." if stack == "decoder" else ".layer.1."
            name = name.replace(last + "layer_norm.", ".feed_forward_norm.")
            name = name.replace(last + "DenseReluDense.", ".feed_forward.")
            for old, new in RENAMED:
                name = name.replace(old, new)
            state[name] = weight
    ours.load_state_dict(state)
    return theirs, ours


def texts() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs of 23 tokens, of which one has padding, and targets of 17."""
    torch.manual_seed(1)
    tokens, targets = torch.randint(2, 29, (3, 23)), torch.randint(2, 29, (3, 17))
    allowed = torch.ones(3, 23, dtype=torch.bool)
    allowed[1, 15:] = False
    return tokens, targets, allowed


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_those_of_transformers(agrees, tied, gated):
    theirs, ours = theirs_and_ours(tied=tied, gated=gated)
    tokens, targets, allowed = texts()
    their_logits = theirs(tokens, attention_mask=allowed.long(), labels=targets).logits
    agrees(
        ours(tokens, targets, allowed),
        their_logits,
        "transformers.T5ForConditionalGeneration",
        **SINGLE,
    )


def test_both_stacks_are_those_of_transformers(agrees):
    theirs, ours = theirs_and_ours(model=T5Model)
    tokens, targets, allowed = texts()
    out = theirs(
        tokens, attention_mask=allowed.long(), decoder_input_ids=shift_right(targets)
    )
    memory = ours.encode(tokens, allowed)
    agrees(memory, out.encoder_last_hidden_state, "transformers.T5Model", **SINGLE)
    decoded = ours.decoder(ours.shared(shift_right(targets)), None, memory, allowed)
    agrees(decoded, out.last_hidden_state, "transformers.T5Model", **SINGLE)


def test_greedy_writes_what_generate_writes(agrees):
    theirs, ours = theirs_and_ours()
    tokens, _, allowed = texts()
    written = greedy(ours, tokens, 9, allowed=allowed)
    generated = theirs.generate(
        tokens, attention_mask=allowed.long(), max_new_tokens=9, do_sample=False
    )[:, 1:]
    exactly = {"rtol": 0, "atol": 0}
    width = generated.shape[1]
    agrees(
        written[:, :width],
        generated,
        "transformers.T5ForConditionalGeneration",
        **exactly,
    )
    assert not written[:, width:].any()


def test_after_the_end_token_nothing_is_written():
    _, ours = theirs_and_ours()
    tokens, _, _ = texts()
    first = greedy(ours, tokens[:1], 6)[0]
    end = int(first[2])
    stop = first.tolist().index(end)
    cut = greedy(ours, tokens[:1], 6, end=end)[0]
    assert cut[: stop + 1].tolist() == first[: stop + 1].tolist()
    assert not cut[stop + 1 :].any()


def test_attention_as_loops():
    torch.manual_seed(0)
    layer = T5Attention(6, heads=2, head_dim=5).double()
    x, source = torch.randn(1, 3, 6).double(), torch.randn(1, 4, 6).double()
    bias = torch.randn(1, 2, 3, 4).double()
    expected = torch.zeros(3, 10).double()
    query, key, value = layer.q(x)[0], layer.k(source)[0], layer.v(source)[0]
    for head in range(2):
        part = slice(5 * head, 5 * head + 5)
        for i in range(3):
            scores = [
                query[i, part] @ key[j, part] + bias[0, head, i, j] for j in range(4)
            ]
            weights = torch.stack(scores).exp()
            expected[i, part] = weights / weights.sum() @ value[:, part]
    assert_close(layer(x, source, bias)[0], layer.o(expected))


def test_later_targets_do_not_matter_but_all_of_the_input_does():
    _, ours = theirs_and_ours()
    tokens, targets, _ = texts()
    before = ours(tokens, targets)
    changed = targets.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 29
    after = ours(tokens, changed)
    assert torch.equal(before[:, :10], after[:, :10])
    assert (before[:, 10:] != after[:, 10:]).any(-1).all()
    changed = tokens.clone()
    changed[:, -1] = (changed[:, -1] + 1) % 29
    assert (before != ours(changed, targets)).any(-1).all()


def test_padding_does_not_matter():
    _, ours = theirs_and_ours()
    tokens, targets, allowed = texts()
    padded = ours(tokens, targets, allowed)
    assert_close(padded[1:2], ours(tokens[1:2, :15], targets[1:2]))
    left = torch.cat([tokens[1:2, 15:], tokens[1:2, :15]], dim=1)  # padding on the left
    shown = torch.arange(23)[None] >= 8
    assert_close(padded[1:2], ours(left, targets[1:2], shown))


def test_cross_attention_has_no_positions():
    """The decoder tells inputs apart only by what the encoder wrote."""
    _, ours = theirs_and_ours()
    tokens, targets, _ = texts()
    memory, order = ours.encode(tokens), torch.randperm(23)
    assert_close(ours.decode(targets, memory), ours.decode(targets, memory[:, order]))
    assert not torch.allclose(
        ours.encode(tokens)[:, order], ours.encode(tokens[:, order])
    )


def test_initial_weights_have_the_scale_of_transformers(agrees):
    torch.manual_seed(0)
    sizes = {"vocab": 900, "d_model": 64, "heads": 8, "head_dim": 16, "d_ff": 96}
    ours = initialize(T5(**sizes, layers=1))
    config = T5Config(
        vocab_size=900, d_model=64, num_heads=8, d_kv=16, d_ff=96, num_layers=1
    )
    theirs = T5ForConditionalGeneration(config)
    block, their_block = ours.decoder.blocks[0], theirs.decoder.block[0].layer
    pairs = [
        (ours.shared, theirs.shared),
        (block.attention.q, their_block[0].SelfAttention.q),
        (block.attention.k, their_block[0].SelfAttention.k),
        (block.cross_attention.v, their_block[1].EncDecAttention.v),
        (block.cross_attention.o, their_block[1].EncDecAttention.o),
        (block.feed_forward.wi, their_block[2].DenseReluDense.wi),
        (block.feed_forward.wo, their_block[2].DenseReluDense.wo),
    ]
    for mine, other in pairs:
        assert abs(mine.weight.std() / other.weight.std() - 1) < 0.06
    their_table = their_block[0].SelfAttention.relative_attention_bias.weight
    assert abs(ours.decoder.bias_table.std() / their_table.std() - 1) < 0.25


def test_cross_attention_is_that_of_transformers(agrees):
    theirs, ours = theirs_and_ours()
    theirs.set_attn_implementation("eager")
    tokens, targets, _ = texts()
    out = theirs(tokens, labels=targets, output_attentions=True)
    agrees(
        cross_weights(ours, tokens, targets),
        out.cross_attentions[-1].mean(1),
        "transformers.T5ForConditionalGeneration",
        **SINGLE,
    )


def test_a_stack_owns_one_table_and_no_bias_vectors():
    model = T5(**SIZES)
    names = [name for name, _ in model.named_parameters()]
    assert sum("bias" in name for name in names) == 2
    assert model.encoder.bias_table.shape == (8, 3)
    gated = sum(w.numel() for w in FeedForward(6, 4, gated=True).parameters())
    assert gated == 3 * 6 * 4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close(dtype):
    _, ours = theirs_and_ours()
    tokens, targets, allowed = texts()
    expected = ours(tokens, targets, allowed)
    half = ours.to(dtype)(tokens, targets, allowed)
    assert half.dtype == dtype
    scale = expected.std()
    assert (half.double() - expected).abs().mean() < 0.1 * scale


def test_multiplications_are_those_that_torch_counts():
    """The counter of torch takes a multiplication and an addition as two."""
    sizes = {name: size for name, size in SIZES.items() if name != "buckets"}
    tokens, targets, _ = texts()
    with FlopCounterMode(display=False) as counter:
        T5(**sizes)(tokens[:1], targets[:1])
    assert 2 * multiplications(23.0, 17.0, **sizes) == counter.get_total_flops()


def test_base_models_have_the_published_number_of_parameters():
    """About 220 million (paper) and 250 million (list of checkpoints, version 1.1)."""
    shapes = {"vocab": 32128, "d_model": 768, "heads": 12, "head_dim": 64, "layers": 12}
    with torch.device("meta"):
        base = T5(**shapes, d_ff=3072)
        new = T5(**shapes, d_ff=2048, tied=False, gated=True)
    numbers = [sum(w.numel() for w in model.parameters()) for model in (base, new)]
    assert [round(number, -7) for number in numbers] == [220_000_000, 250_000_000]


def test_greedy_stays_on_the_device_of_its_input():
    tokens = torch.ones(2, 3, device="meta").long()
    assert greedy(T5(**SIZES).to("meta"), tokens, 4).device == tokens.device


def test_what_the_page_says_of_transformers(tmp_path):
    sizes = {"vocab_size": 20, "d_model": 16, "d_kv": 4, "num_heads": 4, "d_ff": 32}
    new = T5ForConditionalGeneration(T5Config(**sizes, tie_word_embeddings=False))
    assert new.lm_head.weight is new.shared.weight
    assert not new.config.scale_decoder_outputs
    tokens = torch.tensor([[3, 9, 1]])
    with pytest.raises(AttributeError, match="decoder_start_token_id"):
        new(input_ids=tokens, labels=tokens)
    with pytest.raises(ValueError, match="decoder_start_token_id"):
        new.generate(tokens)
    new.save_pretrained(tmp_path)
    for dtype, kept in ((torch.float16, torch.float32), (torch.bfloat16,) * 2):
        loaded = T5ForConditionalGeneration.from_pretrained(tmp_path, dtype=dtype)
        assert loaded.shared.weight.dtype == dtype
        assert loaded.encoder.block[0].layer[1].DenseReluDense.wo.weight.dtype == kept


def test_one_token_is_enough():
    _, ours = theirs_and_ours()
    one = torch.tensor([[3]])
    assert ours(one, one).shape == (1, 1, 29)


def test_the_example_of_the_paper():
    """Figure 2 of the paper."""
    text = "Thank you for inviting me to your party last week ."
    names = ["<X>", "<Y>", "<Z>"]
    made = corrupt(text.split(), [(2, 4), (8, 9)], names)
    assert " ".join(made.input) == "Thank you <X> me to your party <Y> week ."
    assert " ".join(made.target) == "<X> for inviting <Y> last <Z>"


def test_corruption_is_undone_and_has_the_length_of_the_formula():
    drawn = random.Random(0)
    names = list(range(-1, -60, -1))
    for seed in range(500):
        length, mean = drawn.randint(2, 60), drawn.uniform(1, 5)
        density = drawn.uniform(0.01, 0.99)
        tokens = [drawn.randrange(9) for _ in range(length)]
        spans = random_spans(length, density=density, mean_length=mean, seed=seed)
        made = corrupt(tokens, spans, names)
        assert restore(made, names) == tokens
        assert len(made.input) + len(made.target) == length + 2 * len(spans) + 1
        lost = sum(stop - start for start, stop in spans)
        assert lost == min(max(round(density * length), 1), length - 1)
        assert spans[0][0] > 0
        assert spans[-1][1] == length


def test_spans_at_both_ends_all_and_none():
    assert corrupt("abc", [(0, 1), (2, 3)], "XYZ") == (list("XbY"), list("XaYcZ"))
    assert corrupt("abc", [(0, 3)], "XY") == (["X"], list("XabcY"))
    assert corrupt("abc", [], "X") == (list("abc"), ["X"])
    assert corrupt("", [], "X") == ([], ["X"])


def test_all_ways_to_place_spans_are_equally_likely():
    """Two spans of together 3 of 6 tokens: 2 ways for lost, 2 for kept tokens."""
    counts = {}
    for seed in range(2000):
        spans = tuple(random_spans(6, density=0.5, mean_length=1.5, seed=seed))
        counts[spans] = counts.get(spans, 0) + 1
    assert len(counts) == 4
    assert all(430 < count < 570 for count in counts.values())


def test_answers_are_those_of_python():
    for row in strings()[::997].tolist():
        text = "".join("abcdefghij"[letter] for letter in row)
        expected = {
            "reverse": text[::-1],
            "sort": "".join(sorted(text)),
            "count": str(sum(letter in "aei" for letter in text)),
        }
        for place, name in enumerate(TASKS):
            answer = answers(torch.tensor([row]), torch.tensor([place]))[0]
            shown = "".join(
                (["", "$", *PREFIXES, *"abcdefghij01234"])[i] for i in answer
            )
            assert shown == expected[name] + "$"
            assert END in answer


def test_training_has_the_letters_of_each_new_string_but_in_other_orders():
    new, trained = strings()[:HELD_OUT].tolist(), strings()[HELD_OUT:].tolist()
    assert not set(map(tuple, new)) & set(map(tuple, trained))
    assert set(map(frozenset, new)) <= set(map(frozenset, trained))


def test_training_writes_into_models_that_read_the_prefix():
    models, curve = train(models=2, steps=3, record_every=3)
    assert len(models) == 2
    assert curve.shape == (1, 2, 3)


def test_exact_answers_are_those_that_greedy_decoding_writes():
    models, _ = train(models=1, steps=60, record_every=60)
    letters = strings()[:50]
    for place, share in enumerate(exact(models[0], letters)):
        task = torch.full((50,), place)
        written = greedy(models[0], inputs(letters, task), 5, end=END)
        right = (written == answers(letters, task)).all(dim=1)
        assert_close(right.float().mean(), share)
    assert 0 < share < 1
    task = torch.zeros(50).long()
    weights = cross_weights(models[0], inputs(letters, task), answers(letters, task))
    assert weights.shape == (50, 5, 5)
    assert_close(weights.sum(-1), torch.ones(50, 5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: T5(**SIZES | {"heads": 0}), "heads=0 is not positive"),
        (lambda: T5(**SIZES | {"layers": 0}), "layers=0 is not positive"),
        (lambda: T5(**SIZES | {"buckets": 7}).encode(torch.ones(1, 2).long()), "=7"),
        (lambda: T5(**SIZES).encode(torch.ones(1, 0).long()), "0 queries"),
        (lambda: greedy(T5(**SIZES), torch.ones(1, 2).long(), 0), "steps=0"),
        (lambda: corrupt("abc", [(1, 2)], "X"), "1 spans need 2 sentinels"),
        (lambda: corrupt("abc", [(1, 2)], "XX"), "must differ"),
        (lambda: corrupt("abc", [(1, 2)], "Xa"), "must differ"),
        (lambda: corrupt("abc", [(1, 1)], "XY"), "(1, 1)"),
        (lambda: corrupt("abc", [(1, 4)], "XY"), "(1, 4)"),
        (lambda: corrupt("abc", [(0, 1), (1, 2)], "XYZ"), "(1, 2) is empty, touches"),
        (lambda: corrupt("abc", [(2, 3), (0, 1)], "XYZ"), "(0, 1)"),
        (lambda: corrupt("abc", [(-1, 1)], "XY"), "(-1, 1)"),
        (lambda: restore(Corrupted(["X"], ["Y", "a"]), "XY"), "no span for 'X'"),
        (lambda: restore(Corrupted(["X"], ["a", "X"]), "XY"), "begins with 'a'"),
        (lambda: random_spans(1, density=0.1, mean_length=3.0, seed=0), "length=1"),
        (lambda: random_spans(9, density=1.0, mean_length=3.0, seed=0), "density=1.0"),
        (lambda: random_spans(9, density=0.5, mean_length=0.5, seed=0), "h=0.5"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_mask_that_hides_a_whole_text_is_refused():
    _, ours = theirs_and_ours()
    tokens, targets, allowed = texts()
    allowed[2] = False
    with pytest.raises(ValueError, match=r"hidden in texts \[2\]"):
        ours(tokens, targets, allowed)
