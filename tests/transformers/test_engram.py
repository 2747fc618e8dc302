"""Engram against transformers (the n-gram layer of Qwen4-Exp), nltk with integers of
Python, tokenizers, torch.nn.Conv1d and torch.nn.RMSNorm; then loops, invariants, and
bad input.
"""

import itertools
import math
import random

import pytest
import torch
from nltk.util import ngrams
from tokenizers import Regex, normalizers
from torch import nn
from transformers.models.qwen4_exp.configuration_qwen4_exp import Qwen4ExpTextConfig
from transformers.models.qwen4_exp.modeling_qwen4_exp import Qwen4ExpTextPLELayer

from snippets.attention.stabilized_attention import rms_norm
from snippets.transformers.engram import Engram, SignedRootEngram, causal_convolution
from snippets.transformers.engram_training import MemoryModel, prepare, train
from snippets.transformers.fact_language import (
    SYMBOLS,
    draw_facts,
    fact_accuracy,
    texts,
)
from snippets.transformers.fact_training import (
    Memory,
    fact_model,
    learn_facts,
)
from snippets.transformers.ngram_hashing import (
    canonical_ids,
    canonical_text,
    draw_multipliers,
    ngram_rows,
    primes_from,
)
from snippets.transformers.phrase_training import Ungated, gates
from snippets.transformers.stock_phrases import (
    PHRASES,
    WORDS,
    ends_in,
    named_next,
    phrase_ids,
    phrase_texts,
    word_ids,
)

VOCAB, BATCH, SEQ, WIDTH, HEADS, HEAD_DIM = 50, 3, 11, 10, 2, 4


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def small(kind=Engram, **changed):
    sizes = {"vocab": VOCAB, "rows": 23, "heads": HEADS, "head_dim": HEAD_DIM}
    return kind(**{**sizes, "d_model": WIDTH, **changed})


def disturbed(engram):
    """All its parameters drawn anew, so that none is zero or one."""
    for parameter in engram.parameters():
        nn.init.normal_(parameter)
    return engram


@pytest.mark.parametrize("max_ngram", [2, 3, 4])
def test_two_branches_are_the_layer_of_qwen4_exp(agrees, max_ngram):
    """The branches share the table and the values; each has a key and convolution."""
    config = Qwen4ExpTextConfig(
        vocab_size=VOCAB,
        hidden_size=WIDTH,
        hc_count=2,
        ple_layer_ids=[1],
        ple_embed_dim=(max_ngram - 1) * HEADS * HEAD_DIM,
        ngram_size=max_ngram,
        heads_per_ngram=HEADS,
        ngram_vocab_size_base=23,
        make_ngram_vocab_size_divisible_by=1,
        eos_token_id=7,
    )
    theirs = disturbed(Qwen4ExpTextPLELayer(config, layer_idx=0, ple_layer_index=0))
    tokens = torch.randint(8, VOCAB, (BATCH, SEQ))
    hidden = torch.randn(BATCH, SEQ, 2 * WIDTH)
    out = []
    for branch in range(2):
        part = slice(branch * WIDTH, (branch + 1) * WIDTH)
        ours = small(SignedRootEngram, max_ngram=max_ngram, padding=7)
        ours.multipliers = theirs.ple_embedding.layer_multipliers
        assert ours.moduli.flatten().tolist() == theirs.ple_embedding.head_vocab_sizes
        state = {
            "table.weight": theirs.ple_embedding.ngram_embedding.weight,
            "key_proj.weight": theirs.key_proj.weight[part],
            "value_proj.weight": theirs.value_proj.weight,
            "norm_query": 1 + theirs.norm_query.weight[part],
            "norm_key": 1 + theirs.norm_key.weight[part],
            "norm_conv": 1 + theirs.norm_conv.weight[part],
            "conv": theirs.conv1d.weight[part, 0],
        }
        assert not ours.load_state_dict(state, strict=False).unexpected_keys
        out.append(ours(hidden[..., part], tokens))
    name = "transformers.Qwen4ExpTextPLELayer"
    agrees(torch.cat(out, -1), theirs(hidden, tokens, None), name)


def hashed(tokens, multipliers, moduli, padding):
    """The definition in Python's integers, which have no largest value."""
    rows = []
    for n, sizes in enumerate(moduli, start=2):
        grams = ngrams(tokens, n, pad_left=True, left_pad_symbol=padding)
        for t, gram in enumerate(grams):
            mix = 0
            for multiplier, token in zip(multipliers, reversed(gram), strict=False):
                mix ^= multiplier * token
            rows.append((t, n, [mix % size for size in sizes]))
    return [row for *_, row in sorted(rows)]


@pytest.mark.parametrize("max_ngram", [2, 3, 5])
@pytest.mark.parametrize("vocab", [2, 50, 128_000])
def test_rows_are_those_of_unbounded_integers(agrees, vocab, max_ngram):
    multipliers = draw_multipliers(vocab, max_ngram, seed=vocab)
    primes = primes_from(1000, 3 * (max_ngram - 1))
    moduli = torch.tensor(primes).view(-1, 3)
    tokens = torch.randint(vocab, (BATCH, SEQ))
    tokens[0, 3:7] = vocab - 1  # the largest products
    theirs = [
        hashed(text, multipliers.tolist(), moduli.tolist(), padding=1)
        for text in tokens.tolist()
    ]
    ours = ngram_rows(tokens, multipliers, moduli, padding=1)
    wanted = torch.tensor(theirs).view(BATCH, SEQ, max_ngram - 1, 3)
    agrees(ours, wanted, "nltk.util.ngrams")


def test_canonical_text_is_that_of_tokenizers():
    blank = "\ue000"  # so that a token of one space stays one
    theirs = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.NFD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[ \t\r\n]+"), " "),
            normalizers.Replace(Regex(r"^ $"), blank),
            normalizers.Strip(),
            normalizers.Replace(blank, " "),
        ]
    )
    drawn = random.Random(0)
    letters = [chr(i) for i in range(0x20, 0x250)] + list("ΆΩяЖﬁ①Ａ한漢 \t\n")
    samples = ["".join(drawn.choices(letters, k=5)) for _ in range(2000)]
    for text in [*samples, " ", "\n\n", " the", "The ", "İ", "e\u0301", "ǅ", "²", ""]:
        assert canonical_text(text) == theirs.normalize_str(text), ascii(text)


def test_equal_canonical_texts_share_an_id():
    ids = canonical_ids(["The", "\u0301", " ", "the", "\u0302", "  ", "\n", " thé"])
    assert ids.tolist() == [0, 1, 2, 0, 3, 2, 2, 0]


@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("kernel", [1, 4])
def test_the_convolution_is_that_of_torch(agrees, dilation, kernel):
    theirs = nn.Conv1d(
        WIDTH, WIDTH, kernel, groups=WIDTH, dilation=dilation, bias=False
    ).double()
    x = torch.randn(BATCH, SEQ, WIDTH, dtype=torch.float64)
    padded = nn.functional.pad(x.mT, ((kernel - 1) * dilation, 0))
    ours = causal_convolution(x, theirs.weight[:, 0], dilation)
    agrees(ours, theirs(padded).mT, "torch.nn.Conv1d")
    short = causal_convolution(x[:, :2], theirs.weight[:, 0], dilation)
    torch.testing.assert_close(short, ours[:, :2])


def test_the_norm_is_that_of_torch(agrees):
    x = torch.randn(BATCH, SEQ, WIDTH, dtype=torch.float64)
    theirs = nn.RMSNorm(WIDTH, eps=1e-6, dtype=torch.float64)
    nn.init.normal_(theirs.weight)
    agrees(rms_norm(x, theirs.weight), theirs(x), "torch.nn.RMSNorm")


def test_the_module_is_the_formulas_of_the_paper_in_loops(agrees):
    engram = disturbed(small()).double()
    tokens = torch.randint(VOCAB, (1, SEQ))
    hidden = torch.randn(1, SEQ, WIDTH, dtype=torch.float64)
    rows = engram.rows(tokens)[0]

    def norm(x, weight):
        return weight * x / (x.square().mean() + 1e-6).sqrt()

    gated = []
    for t in range(SEQ):
        memory = torch.cat([engram.table.weight[row] for row in rows[t]])
        key = norm(engram.key_proj.weight @ memory, engram.norm_key)
        query = norm(hidden[0, t], engram.norm_query)
        gate = 1 / (1 + torch.exp(-(query @ key) / math.sqrt(WIDTH)))
        gated.append(gate * (engram.value_proj.weight @ memory))
    wanted = []
    for t in range(SEQ):
        mixed = torch.zeros(WIDTH, dtype=torch.float64)
        for j in range(4):
            if t - 3 * j >= 0:
                mixed += engram.conv[:, 3 - j] * norm(
                    gated[t - 3 * j], engram.norm_conv
                )
        wanted.append(gated[t] + mixed / (1 + torch.exp(-mixed)))
    agrees(engram(hidden, tokens)[0], torch.stack(wanted), "definition as loops")


def test_an_ngram_finds_the_same_rows_wherever_it_stands():
    engram = small()
    phrase = [5, 9, 30]
    tokens = torch.tensor([[1, *phrase, 2, 8, *phrase, 40]])
    rows = engram.rows(tokens)[0]
    assert rows[3].equal(rows[8])  # two and three tokens are equal
    assert rows[2, :HEADS].equal(rows[7, :HEADS])  # two tokens are equal
    assert not rows[2, HEADS:].equal(rows[7, HEADS:])  # three are not
    assert rows[1, 0] != engram.rows(tokens.flip(1))[0, -2, 0]  # order matters


def test_each_lookup_has_a_table_of_its_own():
    engram = small(heads=3)
    rows = engram.rows(torch.randint(VOCAB, (40, 200))).flatten(0, 1)
    sizes = engram.moduli.flatten()
    assert rows.min(0).values.ge(engram.offsets).all()
    assert rows.max(0).values.lt(engram.offsets + sizes).all()
    assert engram.table.num_embeddings == sizes.sum()
    assert len(set(sizes.tolist())) == 6


def test_primes_are_those_that_a_sieve_leaves():
    sieve = [True] * 2000
    for n, d in itertools.product(range(2000), range(2, 45)):
        if n < 2 or (n > d and n % d == 0):
            sieve[n] = False
    left = [n for n in range(2000) if sieve[n]]
    for least in (2, 3, 61, 62, 1000):
        assert primes_from(least, 9) == [n for n in left if n >= least][:9]


def test_multipliers_are_odd_and_products_fit():
    for vocab, seed in itertools.product((1, 2, 1000, 2**40), range(5)):
        multipliers = draw_multipliers(vocab, 3, seed)
        assert multipliers.remainder(2).eq(1).all()
        assert max(multipliers.tolist()) * (vocab - 1) < 2**63
    assert not draw_multipliers(9, 3, seed=0).equal(draw_multipliers(9, 3, seed=1))


def test_the_future_does_not_matter():
    engram = disturbed(small())
    tokens, hidden = torch.randint(VOCAB, (1, SEQ)), torch.randn(1, SEQ, WIDTH)
    before = engram(hidden, tokens)
    tokens[0, 6:], hidden[0, 6:] = torch.randint(VOCAB, (5,)), torch.randn(5, WIDTH)
    after = engram(hidden, tokens)
    torch.testing.assert_close(before[0, :6], after[0, :6])
    assert not before[0, 6].allclose(after[0, 6])


def test_rows_known_beforehand_give_the_same_update():
    engram = disturbed(small())
    tokens, hidden = torch.randint(VOCAB, (1, SEQ)), torch.randn(1, SEQ, WIDTH)
    rows = engram.rows(tokens)
    memory = engram.table.weight[rows].flatten(2)
    assert engram.fuse(hidden, memory).equal(engram(hidden, tokens))
    disturbed(engram)
    assert engram.rows(tokens).equal(rows)


def test_the_convolution_begins_as_nothing_and_learns():
    engram = small()
    tokens, hidden = torch.randint(VOCAB, (1, SEQ)), torch.randn(1, SEQ, WIDTH)
    memory = engram.table(engram.rows(tokens)).flatten(2)
    gated = engram.score(hidden, memory).sigmoid() * engram.value_proj(memory)
    out = engram(hidden, tokens)
    torch.testing.assert_close(out, gated)
    out.square().sum().backward()
    assert all(p.grad is not None for p in engram.parameters())
    assert engram.conv.grad.abs().min() > 0
    read = engram.table.weight.grad.abs().sum(1).nonzero().flatten()
    assert read.tolist() == engram.rows(tokens).unique().tolist()


def test_the_signed_root_keeps_the_sign_and_moves_small_scores_away_from_zero():
    plain, root = small(), small(SignedRootEngram)
    root.load_state_dict(plain.state_dict())
    memory = torch.randn(1, SEQ, 4 * HEAD_DIM)
    hidden = torch.randn(1, SEQ, WIDTH)
    score, signed = plain.score(hidden, memory), root.score(hidden, memory)
    torch.testing.assert_close(signed.abs().square(), score.abs())
    assert signed.sign().equal(score.sign())
    assert root.score(0 * hidden, memory).eq(0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_large_hidden_states(dtype):
    engram = disturbed(small())
    tokens = torch.randint(VOCAB, (1, SEQ))
    hidden = 300 * torch.randn(1, SEQ, WIDTH)
    wanted = engram(hidden, tokens)
    got = engram.to(dtype)(hidden.to(dtype), tokens)
    assert got.dtype == dtype
    torch.testing.assert_close(got.float(), wanted, rtol=0.1, atol=0.2)


def test_single_and_no_token():
    engram = disturbed(small())
    one = engram(torch.randn(1, 1, WIDTH), torch.tensor([[4]]))
    assert one.shape == (1, 1, WIDTH)
    padded = engram.rows(torch.tensor([[0, 0, 4]]))
    assert engram.rows(torch.tensor([[4]]))[0, 0].equal(padded[0, 2])
    for shape in ((0, 3), (2, 0)):
        tokens = torch.zeros(shape, dtype=torch.int64)
        assert engram(torch.zeros(*shape, WIDTH), tokens).shape == (*shape, WIDTH)
        assert engram.rows(tokens).shape == (*shape, 2 * HEADS)
    assert engram.rows(tokens.int()).shape == (2, 0, 4)
    small_type = torch.tensor([[200, 200, 200]], dtype=torch.int16)
    wide = small(vocab=256)
    assert wide.rows(small_type).equal(wide.rows(small_type.long()))


def test_facts_come_with_their_probability():
    facts = draw_facts(seed=1)
    drawn = texts(facts, 3000, torch.Generator().manual_seed(0))
    right = facts[drawn[:, :-2], drawn[:, 1:-1]] == drawn[:, 2:]
    named = 0.8 + 0.2 / SYMBOLS
    assert abs(right.double().mean() - named) < 0.01


def test_a_fact_counts_as_often_as_it_occurs():
    facts = torch.full((SYMBOLS, SYMBOLS), 5)
    facts[1, 1] = 1
    text = torch.tensor([[1, 1, 1, 1, 2, 9]])  # (1, 1) three times, (1, 2) once
    logits = torch.zeros(1, 5, SYMBOLS)
    logits[..., 1] = 1
    assert fact_accuracy(logits, text, facts) == 0.75
    assert fact_accuracy(logits.flip(-1), text, facts) == 0


def test_phrases_are_whole_and_marked():
    drawn = phrase_texts(2000, 12, torch.Generator().manual_seed(0))
    stream = drawn.texts.flatten()
    words = " ".join(WORDS[i] for i in stream)
    assert all(f" {' '.join(phrase)} " in words for phrase in PHRASES)
    pairs = {tuple(phrase[:2]) for phrase in PHRASES}
    text = [WORDS[i] for i in drawn.texts[3]]
    wanted = [False] + [pair in pairs for pair in itertools.pairwise(text)]
    assert drawn.named[3].tolist() == wanted
    thirds = {tuple(phrase[:2]): phrase[2] for phrase in PHRASES}
    completed = [
        thirds[a, b] == c
        for a, b, c in zip(
            words.split(), words.split()[1:], words.split()[2:], strict=0
        )
        if (a, b) in thirds
    ]
    assert sum(completed) > 0.9 * len(completed)
    none = phrase_texts(50, 12, torch.Generator(), share=0.0)
    assert none.texts.shape == (50, 12)
    assert named_next(word_ids("the milky")).tolist() == [[False, True]]
    text = word_ids("the milky way and peace war and peace")
    assert ends_in(text, phrase_ids()).nonzero().tolist() == [[0, 2], [0, 7]]
    assert not ends_in(word_ids("way"), phrase_ids()).any()


@pytest.mark.parametrize("memory", [True, False])
def test_runs_side_by_side_are_those_alone(memory):
    def models():
        for seed in (0, 1):
            torch.manual_seed(seed)
            engram = small(seed=seed, vocab=SYMBOLS, d_model=8) if memory else None
            yield MemoryModel(SYMBOLS, 8, 8, engram)

    read = torch.stack(
        [texts(draw_facts(s), 12, torch.Generator().manual_seed(s)) for s in (0, 1)]
    )
    together = prepare(list(models()), read)
    assert list(train(together, 3, 4, 0.01)) == [1, 2, 3]
    for i, model in enumerate(models()):
        alone = prepare([model], read[[i]])
        list(train(alone, 3, 4, 0.01))
        torch.testing.assert_close(
            together.logits(slice(0, 5))[i], alone.logits(slice(0, 5))[0]
        )
        held = {name: w[0] for name, w in alone.parameters.items()}
        model.load_state_dict({**held}, strict=False)
        rows = model.engram.rows(read[i, :5, :-1]) if memory else None
        torch.testing.assert_close(
            model(read[i, :5, :-1], rows), alone.logits(slice(0, 5))[0]
        )


def test_facts_are_learned_and_counted():
    four, one = (
        learn_facts(8, Memory(11, heads), 0.02, [0, 1], [1, 30]) for heads in (4, 1)
    )
    assert four.accuracy.shape == (2, 2)
    assert (four.accuracy[1] > four.accuracy[0]).all()
    table = sum(primes_from(11, 8)) * 8 - sum(primes_from(11, 2)) * 32
    assert four.parameters - one.parameters == table
    alone = learn_facts(8, None, 0.02, [1], [2])
    assert alone.losses.isfinite().all()


def test_an_open_gate_passes_the_values():
    engram = disturbed(small(Ungated))
    nn.init.zeros_(engram.conv)
    memory, hidden = torch.randn(1, SEQ, 4 * HEAD_DIM), torch.randn(1, SEQ, WIDTH)
    torch.testing.assert_close(engram.fuse(hidden, memory), engram.value_proj(memory))
    model = MemoryModel(VOCAB, SEQ, WIDTH, small())
    gate = gates(model, torch.randint(VOCAB, (2, SEQ)))
    assert gate.shape == (2, SEQ)
    assert ((gate > 0) & (gate < 1)).all()


ONE = torch.tensor([[1, 2]])
ODD = torch.tensor([3, 5])
SIZE = torch.tensor([[7]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: canonical_ids([]), "empty"),
        (lambda: primes_from(1, 3), "least=1"),
        (lambda: primes_from(5, 0), "number=0"),
        (lambda: draw_multipliers(0, 3, 0), "vocab=0"),
        (lambda: draw_multipliers(9, 1, 0), "max_ngram=1"),
        (lambda: ngram_rows(ONE, ODD[:1], SIZE), "1 multipliers"),
        (lambda: ngram_rows(ONE, ODD, SIZE * 0), r"moduli \[\[0\]\]"),
        (lambda: ngram_rows(-ONE, ODD, SIZE), "from -2 to 0"),
        (lambda: ngram_rows(ONE, ODD, SIZE, padding=-1), "from -1 to 2"),
        (lambda: ngram_rows(ONE << 61, ODD, SIZE), "do not fit the hash"),
        (lambda: small().rows(torch.tensor([[VOCAB]])), "token 50 is not below 50"),
        (lambda: small(padding=VOCAB), "padding=50"),
        (lambda: small(padding=-1), "padding=-1"),
        (lambda: small(heads=0), "heads=0"),
        (lambda: small(head_dim=0), "head_dim=0"),
        (lambda: small(kernel_size=0), "kernel_size=0"),
        (lambda: small(max_ngram=1), "max_ngram=1"),
        (lambda: small(rows=1), "least=1"),
        (
            lambda: causal_convolution(torch.zeros(1, 2, 1), torch.ones(1, 1), 0),
            "dilation=0",
        ),
        (lambda: word_ids("out of lava"), "lava"),
        (lambda: fact_model(8, Memory(11, 5), 0), "heads=5"),
        (lambda: fact_model(8, Memory(11, 0), 0), "heads=0"),
        (lambda: phrase_texts(2, 3, torch.Generator(), share=1.5), "share=1.5"),
        (
            lambda: prepare([MemoryModel(9, 2, 4)], torch.zeros(2, 1, 3).long()),
            "1 models cannot read 2",
        ),
        (
            lambda: next(
                train(
                    prepare([MemoryModel(9, 2, 4)], torch.zeros(1, 5, 3).long()),
                    3,
                    2,
                    0.1,
                )
            ),
            "3 batches of 2 need more than 5",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
