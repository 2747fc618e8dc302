"""Rows in JavaScript against Python, and a tokenizer's file against tokenizers."""

import json
import unicodedata

import pytest

from snippets.training.browser_finetuning import encode_pair, encode_prose
from snippets.training.country_task import load_task

UNICODE = ["Ünïcödé 🙂 x", "  two  spaces\n", "It's 12,000", "", "İstanbul?"]


@pytest.fixture(scope="module")
def task():
    return load_task()


def test_rows_in_javascript_are_those_in_python(module, task):
    """What the browser trains on: the same ids and labels."""
    code = module("finetuning/task")
    merges = [list(pair) for pair in task.tokenizer.ranks]
    code.value(f"globalThis.tokenizer = Tokenizer.ours({merges})")
    for text in UNICODE:
        ids = code.value(f"tokenizer.encode({json.dumps(text)})")
        assert ids == task.tokenizer.encode(text)
        assert code.value(f"tokenizer.decode({ids})") == text
    for pair in task.held_out[::9]:
        row = encode_pair(task.tokenizer, pair)
        words = json.dumps([pair.question, pair.answer])
        made = code.value(f"encodePair(tokenizer, ...{words})")
        assert made == row._asdict()
    for text in task.prose[:5]:
        made = code.value(f"encodeProse(tokenizer, {json.dumps(text)})")
        assert made == encode_prose(task.tokenizer, text)._asdict()


def test_a_tokenizer_file_in_javascript(module, task):
    """Reference: tokenizers; as in Pythia's file, runs of spaces are tokens."""
    tokenizers = pytest.importorskip("tokenizers")
    parts = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = tokenizers.Tokenizer(tokenizers.models.BPE())
    fast.pre_tokenizer = parts
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=340,
        show_progress=False,
        special_tokens=["<|endoftext|>", "<|padding|>"],
        initial_alphabet=parts.alphabet(),
    )
    fast.train_from_iterator(task.prose, trainer)
    fast.normalizer = tokenizers.normalizers.NFC()
    fast.add_tokens([" " * count for count in range(24, 1, -1)])
    code = module("finetuning/task")
    code.value(f"globalThis.tokenizer = Tokenizer.fromFile({fast.to_str()})")
    assert code.value("tokenizer.end") == 0
    texts = ["a" + " " * 31 + "b", "x  <|endoftext|>  y", "e\u0301t\u00e9"]
    for text in [*UNICODE, *task.prose[:9], *texts]:
        ids = code.value(f"tokenizer.encode({json.dumps(text)})")
        assert ids == fast.encode(text).ids
        normal = unicodedata.normalize("NFC", text)
        assert code.value(f"tokenizer.decode({ids})") == normal
