"""GPT against GPT2LMHeadModel of transformers; n-grams against nltk."""

from itertools import product

import numpy as np
import pytest
import torch
from nltk.lm import WittenBellInterpolated
from nltk.util import everygrams
from torch.testing import assert_close
from transformers import GPT2Config, GPT2LMHeadModel

from snippets.language.help_text import help_text
from snippets.transformers.gpt import (
    GPT,
    generate,
    generate_without_cache,
    most_likely,
    next_token_loss,
    parameters,
)
from snippets.transformers.gpt_training import (
    continuation,
    help_bytes,
    n_gram_loss,
    training,
    windows,
    witten_bell,
)

DOUBLE = torch.float64
SIZES = {"vocab": 11, "n_positions": 16, "d_model": 24, "layers": 2, "heads": 3}


@pytest.fixture
def pair(gpt2, from_gpt2):
    torch.manual_seed(0)
    theirs = gpt2()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.nn.init.normal_(theirs.transformer.wpe.weight, std=0.8)  # else it repeats
    ours = GPT(**SIZES).double()
    ours.load_state_dict(from_gpt2(theirs.state_dict()))
    return ours, theirs


def texts(batch, seq, seed=1):
    torch.manual_seed(seed)
    return torch.randint(11, (batch, seq))


def model(**changes):
    torch.manual_seed(0)
    drawn = GPT(**(SIZES | changes)).double()
    for parameter in drawn.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.nn.init.normal_(drawn.wpe.weight, std=0.8)
    return drawn


def test_logits_are_those_of_gpt2(agrees, pair):
    ours, theirs = pair
    ids = texts(3, 13)
    agrees(ours(ids), theirs(ids).logits, "transformers.GPT2LMHeadModel")


def test_loss_is_that_of_gpt2(agrees, pair):
    ours, theirs = pair
    ids = texts(3, 13)
    expected = theirs(ids, labels=ids).loss
    agrees(next_token_loss(ours(ids), ids), expected, "transformers.GPT2LMHeadModel")


def test_gradients_are_those_of_gpt2(agrees, pair, from_gpt2):
    ours, theirs = pair
    ids = texts(3, 13)
    next_token_loss(ours(ids), ids).backward()
    theirs(ids, labels=ids).loss.backward()
    grads = {
        f"transformer.{n}": p.grad for n, p in theirs.transformer.named_parameters()
    }
    expected = from_gpt2(grads)
    found = {name: p.grad for name, p in ours.named_parameters()}
    assert found.keys() == expected.keys()
    for name in expected:
        agrees(found[name], expected[name], "transformers.GPT2LMHeadModel")


def test_greedy_text_is_that_of_gpt2(agrees, pair):
    ours, theirs = pair
    ids = texts(3, 4)
    expected = theirs.generate(
        ids,
        max_new_tokens=12,
        do_sample=False,
        pad_token_id=0,
        attention_mask=torch.ones_like(ids),
    )
    found = generate(ours, ids, 12)
    agrees(found, expected, "transformers.GPT2LMHeadModel.generate")
    assert len(found[:, 4:].unique()) > 2
    assert len(found[:, 4:].unique(dim=0)) > 1


@pytest.mark.parametrize("cuts", [(1,) * 9, (4, 1, 3, 1), (9,)])
def test_with_a_cache_the_logits_are_those_of_the_whole_text(cuts):
    gpt, ids = model(), texts(2, 9)
    cache = gpt.new_cache()
    found = [gpt(part, cache) for part in ids.split(cuts, dim=1)]
    assert_close(torch.cat(found, dim=1), gpt(ids))


def test_a_changed_token_leaves_earlier_logits_exactly_as_they_are():
    gpt, ids = model(), texts(2, 12)
    changed = ids.clone()
    changed[:, 8] = (changed[:, 8] + 1) % 11
    before, after = gpt(ids), gpt(changed)
    assert torch.equal(before[:, :8], after[:, :8])
    assert (before[:, 8:] != after[:, 8:]).any(dim=-1).all()


def test_probabilities_of_all_texts_sum_to_one():
    gpt = model(vocab=3)
    ids = torch.tensor([(0, *rest) for rest in product(range(3), repeat=4)])
    total = sum(
        (-4 * next_token_loss(gpt(text[None]), text[None])).exp() for text in ids
    )
    assert_close(total, torch.ones((), dtype=DOUBLE))


def test_loss_by_definition():
    logits, ids = model()(texts(2, 5)), texts(2, 5)
    terms = [
        -logits[b, t - 1].log_softmax(-1)[ids[b, t]]
        for b in range(2)
        for t in range(1, 5)
    ]
    assert_close(next_token_loss(logits, ids), sum(terms) / len(terms))


def test_the_head_is_the_table_of_tokens():
    gpt = GPT(**SIZES)
    assert gpt.lm_head.weight is gpt.wte.weight
    rows = gpt.wte.weight
    assert_close(gpt.lm_head(rows[:2]), rows[:2] @ rows.T)


def test_an_untrained_model_knows_nothing():
    torch.manual_seed(0)
    gpt, ids = GPT(**SIZES | {"vocab": 500}), torch.randint(500, (64, 16))
    assert abs(next_token_loss(gpt(ids), ids).item() - torch.tensor(500.0).log()) < 0.05


def test_weights_begin_as_in_gpt2():
    torch.manual_seed(0)
    std = 0.02
    gpt = GPT(vocab=300, n_positions=300, d_model=96, layers=8, heads=3)
    expected = {
        "wte.weight": std,
        "wpe.weight": std / 2,
        "h.0.mlp.c_fc.weight": std,
        "h.7.mlp.c_proj.weight": std / 4,
        "h.0.attn.c_proj.weight": std / 4,
    }
    for name, deviation in expected.items():
        assert gpt.get_parameter(name).std().item() == pytest.approx(
            deviation, rel=0.05
        )


@pytest.mark.parametrize(
    ("layers", "d_model", "heads", "count"),
    [
        (12, 768, 12, 124_439_808),
        (24, 1024, 16, 354_823_168),
        (36, 1280, 20, 774_030_080),
        (48, 1600, 25, 1_557_611_200),
    ],
)
def test_parameters_of_the_four_sizes(layers, d_model, heads, count):
    sizes = {"vocab": 50257, "n_positions": 1024, "d_model": d_model, "layers": layers}
    with torch.device("meta"):
        ours = GPT(**sizes, heads=heads)
        config = GPT2Config(n_embd=d_model, n_layer=layers, n_head=heads)
        theirs = GPT2LMHeadModel(config)
    assert parameters(**sizes) == count
    assert sum(p.numel() for p in ours.parameters()) == count
    assert theirs.num_parameters() == count


def test_half_precision_stays_finite_and_close():
    gpt, ids = model(), texts(2, 9)
    expected = gpt(ids)
    found = gpt.bfloat16()(ids)
    assert found.dtype == torch.bfloat16
    assert_close(found.double(), expected, atol=0.3, rtol=0.1)


@pytest.mark.parametrize("choose", [most_likely, None])
def test_generation_with_and_without_a_cache_agree(choose):
    gpt, ids = model(), texts(3, 4)

    def sample():
        generator = torch.Generator().manual_seed(0)
        return lambda logits: logits.softmax(-1).multinomial(1, generator=generator)[
            :, 0
        ]

    found = generate(gpt, ids, 12, choose or sample())
    expected = generate_without_cache(gpt, ids, 12, choose or sample())
    assert found.shape == (3, 16)
    assert torch.equal(found, expected)


def test_without_a_cache_the_window_slides():
    gpt, ids = model(), texts(1, 16)
    found = generate_without_cache(gpt, ids, 3)
    assert_close(found[:, -1], gpt(found[:, 2:-1])[:, -1].argmax(-1))
    assert generate(gpt, ids, 1).shape == (1, 17)
    with pytest.raises(ValueError, match="positions 16 to 16"):
        generate(gpt, ids, 2)


def test_no_new_tokens_and_a_single_one():
    gpt, ids = model(), texts(2, 1)
    assert torch.equal(generate(gpt, ids, 0), ids)
    assert generate(gpt, ids, 1).shape == (2, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 0}, "layers=0"),
        ({"vocab": 0}, "vocab=0"),
        ({"n_positions": 0}, "n_positions=0"),
        ({"std": -1.0}, "std=-1.0"),
        ({"heads": 5}, "24 features cannot be split into 5 heads"),
    ],
)
def test_impossible_sizes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        GPT(**SIZES | changes)


def test_positions_without_a_row_are_refused():
    gpt = model()
    with pytest.raises(ValueError, match="positions 0 to 16, but there are 16"):
        gpt(texts(1, 17))
    cache = gpt.new_cache()
    gpt(texts(1, 15), cache)
    with pytest.raises(ValueError, match="positions 15 to 16"):
        gpt(texts(1, 2), cache)
    with pytest.raises(ValueError, match="positions 0 to -1"):
        gpt(texts(1, 0))


@pytest.mark.parametrize("shape", [(2, 1), (0, 4)])
def test_where_nothing_is_predicted_there_is_no_loss(shape):
    with pytest.raises(ValueError, match=f"texts of shape \\({shape[0]}, {shape[1]}"):
        next_token_loss(torch.zeros(*shape, 3), torch.zeros(shape, dtype=torch.int64))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_loss_of_many_tokens_does_not_overflow_in_half_precision(dtype):
    ids = torch.arange(4 * 8000).reshape(4, 8000) % 16
    logits = 3 * torch.sin(torch.arange(4 * 8000 * 16.0)).reshape(4, 8000, 16)
    logits = logits.to(dtype)
    found = next_token_loss(logits, ids)
    assert found.dtype == torch.float32
    assert_close(found, next_token_loss(logits.double(), ids).float())


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_a_cache_for_another_number_of_blocks_is_refused(blocks):
    with pytest.raises(ValueError, match=f"a cache of {blocks} blocks, but 2"):
        model()(texts(1, 3), [[] for _ in range(blocks)])


# The training on the help text and its baselines


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_witten_bell_is_that_of_nltk(agrees, order):
    drawn = np.random.default_rng(2).geometric(0.4, 100).clip(max=6) - 1
    learned, new = drawn[:70], drawn[70:]
    theirs = WittenBellInterpolated(order)
    grams = (everygrams([*map(str, learned)], max_len=order),)
    theirs.fit(grams, vocabulary_text=[*map(str, range(6))])
    counts = np.bincount(learned, minlength=6) + 1  # add-one, which nltk leaves out
    theirs.estimator.unigram_score = lambda word: counts[int(word)] / counts.sum()
    expected = []
    for t, word in enumerate(new):
        context = tuple(map(str, new[max(0, t - order + 1) : t]))
        expected.append(theirs.unmasked_score(str(word), context))
    ours = witten_bell(learned, new, order, vocab=6)
    agrees(ours, np.array(expected), "nltk.lm.WittenBellInterpolated")


def test_witten_bell_sums_to_one_after_any_context():
    learned = np.random.default_rng(0).integers(5, size=40)
    for context in ([0, 1], [4, 4], [5, 0], [5, 5]):  # 5 was never seen
        ends = [[*context, token] for token in range(6)]
        assert_close(
            sum(witten_bell(learned, np.array(end), 3, vocab=6)[-1] for end in ends),
            1.0,
        )


def test_texts_shorter_than_the_n_gram_use_the_context_they_have():
    learned = np.array([0, 1, 1, 2, 0, 1])
    longer = witten_bell(learned, np.array([0, 1, 1]), 3, vocab=3)
    for length in (0, 1, 2):
        found = witten_bell(learned, np.array([0, 1, 1])[:length], 3, vocab=3)
        assert_close(found, longer[:length])


@pytest.mark.parametrize(
    ("learned", "new"), [([0, 1, 7], [0]), ([0, 1, 2], [3]), ([0, 1, 2], [0, -1])]
)
def test_tokens_outside_the_vocabulary_are_refused(learned, new):
    with pytest.raises(ValueError, match="but vocab=3"):
        witten_bell(np.array(learned), np.array(new), 2, vocab=3)


@pytest.mark.parametrize(
    ("learned", "order", "vocab", "message"),
    [
        ([0, 1], 0, 2, "order=0"),
        ([0, 1], 3, 2, "2 tokens have no n-gram of order=3"),
        ([], 1, 2, "0 tokens"),
        ([0, 1], 2, 0, "vocab=0"),
        ([0] * 9, 8, 256, "order=8, vocab=256"),
    ],
)
def test_n_grams_that_cannot_be_are_refused(learned, order, vocab, message):
    with pytest.raises(ValueError, match=message):
        witten_bell(np.array(learned, dtype=int), np.array([0]), order, vocab)


def test_windows_predict_each_token_once():
    text = torch.arange(20)
    cut = windows(text, 5)
    assert cut[:, 1:].flatten().tolist() == list(range(1, 17))
    assert_close(cut[:, :-1] + 1, cut[:, 1:])


@pytest.mark.parametrize("length", [0, 1, 21])
def test_windows_that_do_not_fit_are_refused(length):
    with pytest.raises(ValueError, match=f"no windows of {length} in a text of 20"):
        windows(torch.arange(20), length)
    with pytest.raises(ValueError, match="no texts of 16 in one of 9 tokens"):
        next(training(GPT(**SIZES), torch.arange(9), 3, seed=0))


def test_training_is_adamw_on_the_next_token_loss():
    ids = texts(1, 40)[0]
    ours, theirs = model(), model()
    assert list(training(ours, ids, 10, seed=3, batch=4, rate=0.02)) == [*range(1, 11)]
    generator = torch.Generator().manual_seed(3)
    optimizer = torch.optim.AdamW(
        theirs.parameters(), 0.02, betas=(0.9, 0.99), weight_decay=0.1
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: (10 - s) / 10)
    for _ in range(10):
        starts = torch.randint(25, (4,), generator=generator).tolist()
        text = torch.stack([ids[start : start + 16] for start in starts])
        optimizer.zero_grad()
        next_token_loss(theirs(text), text).backward()
        optimizer.step()
        schedule.step()
    assert_close(ours.state_dict(), theirs.state_dict())


def test_a_repeated_text_is_learned():
    torch.manual_seed(0)
    gpt, ids = GPT(**SIZES, std=0.2), torch.arange(11).repeat(20)
    for _ in training(gpt, ids, 60, seed=0, batch=8):
        pass
    assert next_token_loss(gpt(ids[None, :16]), ids[None, :16]) < 0.2


def test_help_is_read_as_bytes():
    learned, held_out = help_bytes(0)
    assert bytes(learned[:40].tolist()).decode() in help_text()
    assert len(learned) + len(held_out) == len(help_text().encode()) - 1


def test_loss_of_n_grams_by_definition():
    learned, held_out = texts(1, 60)[0], texts(1, 23, seed=2)[0]
    p = witten_bell(learned.numpy(), held_out.numpy(), 2, vocab=256)
    places = [1, 2, 3, 4, 9, 10, 11, 12, 17, 18, 19, 20]  # windows 0, 2 and 4
    expected = -np.log(p[places]).mean()
    found = n_gram_loss(learned, held_out, 2, length=5, step=2)
    assert_close(found, expected)


def test_continuation_at_a_low_temperature_is_greedy():
    gpt = model(vocab=256)
    ids = generate_without_cache(gpt, torch.tensor([[65, 10]]), 20)[0].tolist()
    shown = continuation(gpt, b"A\n", 20, temperature=1e-6, seed=0)
    assert shown[:2] == "A¶"
    assert len(shown) == 22
    assert all(ord(c) == i for c, i in zip(shown, ids, strict=True) if c not in "¶·")


@pytest.mark.parametrize(
    ("prompt", "temperature"), [(b"", 1.0), (b"A", 0.0), (b"A", -1.0)]
)
def test_what_cannot_be_drawn_is_refused(prompt, temperature):
    with pytest.raises(ValueError, match=f"{temperature=}"):
        continuation(model(), prompt, 2, temperature=temperature, seed=0)
