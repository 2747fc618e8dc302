"""Byte-pair encoding against Hugging Face tokenizers: every merge, in order, and every
id; then against the definition, which counts all pairs anew.
"""

import json
import random
from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as TheirTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers

from snippets.language.byte_pair_encoding import (
    ALPHABET,
    Tokenizer,
    encode_word,
    merge,
    pre_tokenize,
    vocabulary,
    word_counts,
)
from snippets.language.byte_pair_training import (
    train,
    train_by_recounting,
    training_steps,
)
from snippets.language.help_text import help_text, split_help_text
from snippets.language.translated_messages import translated_messages

bounded = settings(max_examples=60, deadline=None, derandomize=True)
END = "<|endoftext|>"


def theirs_trained(texts, merges: int, special: tuple[str, ...] = ()):
    """Their tokenizer, and its merges as pairs of ids."""
    theirs = TheirTokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges + len(special),
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(texts, trainer)
    model = json.loads(theirs.to_str())["model"]
    ids = model["vocab"]
    return theirs, [(ids[left], ids[right]) for left, right in model["merges"]]


def multilingual() -> str:
    return "\n".join("\n".join(texts) for texts in translated_messages().values())


@pytest.mark.parametrize(
    ("text", "merges"),
    [(help_text()[:60_000], 1500), (multilingual(), 800), ("aaaa aaaaa aaa", 3)],
    ids=["help", "languages", "overlaps"],
)
def test_every_merge_and_every_id_is_that_of_tokenizers(agrees, text, merges):
    theirs, their_merges = theirs_trained([text], merges)
    ours = train(word_counts(text), merges)
    exact = {"rtol": 0, "atol": 0}
    agrees(np.array(ours), np.array(their_merges), "tokenizers.BpeTrainer", **exact)
    other = help_text()[-20_000:] + multilingual()[::7]
    ids = Tokenizer(ours).encode(other)
    agrees(np.array(ids), np.array(theirs.encode(other).ids), "tokenizers.BPE", **exact)


def test_ties_among_few_letters_are_those_of_tokenizers():
    """Small words over few letters: almost every merge is a tie."""
    drawn = random.Random(0)
    for _ in range(200):
        words = ["".join(drawn.choices("abc", k=drawn.randint(1, 9))) for _ in range(9)]
        _, their_merges = theirs_trained([" ".join(words)], 500)
        counts = word_counts(" ".join(words))
        assert [step.pair for step in training_steps(counts)] == their_merges


def test_special_tokens_are_those_of_tokenizers():
    text, special = help_text()[:20_000], (END, "<|end|>", "<|end|>2")
    theirs, _ = theirs_trained([text], 100)
    theirs.add_special_tokens(list(special))
    ours = Tokenizer(train(word_counts(text), 100), special)
    for sample in (f"a{END} b", END * 2, "x<|end|>2<|end|>3", f" {END}\n", ""):
        assert ours.encode(sample, allowed=special) == theirs.encode(sample).ids


words = st.dictionaries(
    st.text("abcé", min_size=1, max_size=8).map(str.encode),
    st.integers(1, 5),
    min_size=1,
    max_size=8,
)


@given(words)
@bounded
def test_the_index_gives_the_merges_of_counting_anew(words):
    steps = list(training_steps(words))
    assert [step.pair for step in steps] == train_by_recounting(words, len(steps))
    with pytest.raises(ValueError, match=f"only {len(steps)} of {len(steps) + 1}"):
        train_by_recounting(words, len(steps) + 1)


@given(words)
@bounded
def test_counts_fall_and_no_token_is_made_twice(words):
    steps = list(training_steps(words))
    counts = [step.count for step in steps]
    assert counts == sorted(counts, reverse=True)
    tokens = vocabulary([step.pair for step in steps])
    assert len(set(tokens)) == len(tokens)


@given(words)
@bounded
def test_encoding_repeats_the_training(words):
    """Where training ends, each of its words is what encoding makes of it."""
    merges = [step.pair for step in islice(training_steps(words), 6)]
    symbols = {word: [ALPHABET.index(byte) for byte in word] for word in words}
    for rank, pair in enumerate(merges):
        symbols = {w: merge(s, pair, 256 + rank) for w, s in symbols.items()}
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    assert {word: encode_word(word, ranks) for word in words} == symbols


@given(words, st.data())
@bounded
def test_the_order_of_words_does_not_matter(words, data):
    order = data.draw(st.permutations(list(words)))
    shuffled = {word: words[word] for word in order}
    assert list(training_steps(shuffled)) == list(training_steps(words))


@given(st.text(max_size=40))
@bounded
def test_decoding_gives_every_text_back(text):
    tokenizer = Tokenizer(
        train(word_counts("the cat sat on the mat, é " * 3), 9), [END]
    )
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert b"".join(pre_tokenize(text)) == text.encode()


def test_the_alphabet_has_each_byte_in_the_order_of_gpt2():
    printable = pre_tokenizers.ByteLevel.alphabet()
    assert sorted(ALPHABET) == list(range(256))
    assert len(printable) == 256
    theirs, _ = theirs_trained(["a"], 0)
    for number in (0, 32, 127, 200, 255):
        if ALPHABET[number] < 128:
            text = chr(ALPHABET[number])
            assert theirs.encode(text).ids == [number]


def test_the_first_byte_can_be_on_either_side():
    assert vocabulary([(0, 0), (0, 256), (257, 0)])[256:] == [b"!!", b"!!!", b"!!!!"]


def test_the_example_of_the_paper():
    """Sennrich, Haddow and Birch, without their mark at the end of a word."""
    merges = train({b"low": 5, b"lower": 2, b"newest": 6, b"widest": 3}, 4)
    assert vocabulary(merges)[256:] == [b"es", b"est", b"lo", b"low"]
    assert encode_word(b"lowest", dict(zip(merges, range(4), strict=True))) == [
        259,
        257,
    ]


def test_special_text_is_ordinary_unless_allowed():
    tokenizer = Tokenizer([], [END])
    assert tokenizer.encode(END, allowed=[END]) == [256]
    assert 256 not in tokenizer.encode(END)
    assert tokenizer.decode([256]) == tokenizer.decode(tokenizer.encode(END)) == END


def test_an_incomplete_character_becomes_a_replacement_character():
    first, second = Tokenizer([]).encode("é")
    assert Tokenizer([]).decode([first]) == "\ufffd"
    assert Tokenizer([]).decode([first, second]) == "é"


def test_nothing_to_do():
    assert train({b"a": 1}, 0) == []
    assert Tokenizer([]).encode("") == []
    assert Tokenizer([]).decode([]) == ""
    assert encode_word(b"", {}) == []


def test_texts_are_parts_of_the_help():
    topics, held_out = split_help_text(0)
    assert abs(len(topics) + len(held_out) - len(help_text())) <= 1
    texts = translated_messages()
    assert len({len(messages) for messages in texts.values()}) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train({}, 1), "corpus is empty"),
        (lambda: train(word_counts(""), 1), "corpus is empty"),
        (lambda: train({b"ab": 1}, -1), "merges=-1"),
        (lambda: train({b"ab": 1}, 2), "only 1 of 2"),
        (lambda: train({b"ab": 0}, 1), "b'ab' with count 0"),
        (lambda: train({b"": 1}, 1), "b'' with count 1"),
        (lambda: vocabulary([(0, 256)]), "merge 0 joins 0 and 256"),
        (lambda: vocabulary([(-1, 0)]), "merge 0 joins -1 and 0"),
        (lambda: vocabulary([(0, 1), (0, 1)]), "made 2 times"),
        (lambda: Tokenizer([], [END, END]), "given twice"),
        (lambda: Tokenizer([], [""]), "is empty"),
        (lambda: Tokenizer([]).encode("a", allowed=[END]), "not special tokens"),
        (lambda: Tokenizer([]).decode([256]), "id 256 is not among the 256"),
        (lambda: Tokenizer([]).decode([-1]), "id -1"),
        (lambda: Tokenizer([]).encode("\ud800"), "surrogates not allowed"),
        (lambda: split_help_text(0, held_out=0.0), "held_out=0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_counts_of_pairs_are_those_of_the_words():
    """The index, after some merges, against a fresh count."""
    words = word_counts(help_text()[:5000])
    merges = train(words, 200)
    step = next(islice(training_steps(words), 200, None))
    ranks, counts = {pair: i for i, pair in enumerate(merges)}, Counter()
    for word, weight in words.items():
        for pair in pairwise(encode_word(word, ranks)):
            counts[pair] += weight
    assert step.count == counts[step.pair] == max(counts.values())
    assert step.symbols == sum(len(encode_word(word, ranks)) for word in words)
    assert step.read < step.symbols
