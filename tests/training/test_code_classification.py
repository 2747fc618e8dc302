"""Split and TF-IDF against scikit-learn, the encoder against transformers.

Then the corpus, the control of the leakage, and bad input.
"""

import numpy as np
import pytest
import torch
import transformers
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from torch import nn
from torch.testing import assert_close

from snippets.training import code_snippets
from snippets.training.code_classification import (
    TfIdf,
    ngrams,
    occlusion,
)
from snippets.training.grouped_splits import Split, group_split, sibling_control
from snippets.training.snippet_encoder import (
    PAD,
    SnippetClassifier,
    accuracy,
    code_tokenizer,
    fine_tune,
    mean_state,
    padded,
    small_bert,
)
from snippets.transformers.bert import Bert

TEXTS = ["int main() {\n  return 0;\n}", "def f(x):\n    return x", "x := 1;", "aaaa\n"]


def legacy(seed):
    """The generator that scikit-learn makes of a seed."""
    return np.random.RandomState(seed)


@pytest.mark.parametrize("share", [0.2, 0.34, 0.5])
def test_groups_are_held_out_as_in_scikit_learn(agrees, share):
    groups = [f"file {n}" for n in (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9)]
    splitter = GroupShuffleSplit(1, test_size=share, random_state=5)
    train, held_out = next(splitter.split(groups, groups=groups))
    ours, name = group_split(groups, share, legacy(5)), "sklearn.GroupShuffleSplit"
    agrees(torch.tensor(ours.train), torch.tensor(train), name)
    agrees(torch.tensor(ours.held_out), torch.tensor(held_out), name)


def test_snippets_as_groups_are_a_random_split(agrees):
    train, held_out = next(ShuffleSplit(1, test_size=0.3, random_state=2).split(TEXTS))
    ours = group_split([str(n) for n in range(len(TEXTS))], 0.3, legacy(2))
    agrees(
        torch.tensor(ours.held_out),
        torch.tensor(held_out).sort()[0],
        "sklearn.ShuffleSplit",
    )
    assert sorted([*ours.train, *held_out]) == [0, 1, 2, 3]
    assert set(train) == set(ours.train)


def test_no_file_is_on_both_sides_and_no_snippet_is_lost():
    groups = list("abacadaeafag")
    for seed in range(20):
        train, held_out = group_split(groups, 0.3, np.random.default_rng(seed))
        assert not {groups[i] for i in train} & {groups[i] for i in held_out}
        assert sorted([*train, *held_out]) == list(range(len(groups)))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 1.5])
def test_a_split_with_an_empty_side_is_refused(share):
    with pytest.raises(ValueError, match=f"held_out={share} of 3 groups"):
        group_split(list("abc"), share, np.random.default_rng(0))


def test_no_snippets_and_one_file_are_refused():
    with pytest.raises(ValueError, match="of 0 groups"):
        group_split([], 0.5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="of 1 groups"):
        group_split(["a", "a"], 0.5, np.random.default_rng(0))


def test_the_control_differs_only_in_siblings():
    files = [f"file {i // 4}" for i in range(41)]
    split = group_split(files, 0.3, np.random.default_rng(3))
    control = sibling_control(split, np.random.default_rng(4))
    test, apart, among = (set(part.tolist()) for part in control)
    assert len(control.apart) == len(control.among) == len(among) == len(split.train)
    assert test < set(split.held_out)
    assert apart == set(split.train)
    assert among - apart == set(split.held_out) - test
    assert not {files[i] for i in test} & {files[i] for i in apart}
    assert not test & among


def test_a_control_without_siblings_or_room_for_them_is_refused():
    random = np.random.default_rng(0)
    with pytest.raises(ValueError, match="1 held out, 3 for training"):
        sibling_control(Split(np.arange(3), np.array([3])), random)
    with pytest.raises(ValueError, match="8 held out, 3 for training"):
        sibling_control(Split(np.arange(3), np.arange(3, 11)), random)


@pytest.mark.parametrize(("longest", "min_df"), [(1, 1), (3, 1), (3, 2)])
def test_weights_are_those_of_scikit_learn(agrees, longest, min_df):
    new = ["return main;", "\t~", "ffff x x xx"]
    theirs = TfidfVectorizer(
        analyzer="char",
        ngram_range=(1, longest),
        lowercase=False,
        min_df=min_df,
        sublinear_tf=True,
    )
    texts = ["".join(text.split()) for text in TEXTS]  # theirs joins runs of spaces
    new = ["".join(text.split()) for text in new]
    expected = theirs.fit_transform(texts)
    ours = TfIdf(texts, longest, min_df)
    assert list(ours.column) == list(theirs.get_feature_names_out())
    for x, y in ((texts, expected), (new, theirs.transform(new))):
        mine = torch.tensor(ours.transform(x).toarray())
        agrees(mine, torch.tensor(y.toarray()), "sklearn.TfidfVectorizer")


def test_rows_have_norm_one_and_unknown_snippets_norm_zero():
    rows = TfIdf(TEXTS, min_df=1).transform([*TEXTS, "", "€"]).toarray()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 1, 1, 0, 0])
    assert TfIdf(TEXTS, min_df=1).transform([]).shape[0] == 0


def test_a_vocabulary_without_n_grams_is_refused():
    for texts in ([], ["a", "b"]):
        with pytest.raises(ValueError, match=f"min_df=2 of {len(texts)} snippets"):
            TfIdf(texts, min_df=2)


def test_case_and_indentation_are_kept():
    assert ngrams("A a", 1) == {"A": 1, " ": 1, "a": 1}
    assert ngrams("\n    x")["\n  "] == 1


def test_occlusion_of_a_sum_over_lines_gives_the_lines():
    text = "one\nthree\n\nfifteen"
    found = occlusion(
        lambda texts: np.array([len(t.replace("\n", "")) for t in texts]) / 1, text
    )
    np.testing.assert_array_equal(found, [3, 5, 0, 7])
    with pytest.raises(ValueError, match="nothing is left of 'x'"):
        occlusion(lambda texts: np.zeros(len(texts)), "x")


def test_the_corpus_is_what_the_page_says():
    texts, labels, files = code_snippets.load_snippets()
    assert len(set(texts)) == len(texts) == len(labels) == len(files)
    assert set(labels) == set(code_snippets.SOURCES)
    for language in set(labels):
        own = {f for f, label in zip(files, labels, strict=True) if label == language}
        assert labels.count(language) <= code_snippets.PER_CLASS
        assert labels.count(language) >= 50, language
        assert len(own) >= 8, language
    lengths = np.array([len(text) for text in texts])
    assert lengths.min() >= code_snippets.SHORTEST
    assert lengths.max() <= code_snippets.LONGEST
    assert max(text.count("\n") for text in texts) < code_snippets.LINES


def test_another_package_changes_no_other_snippet(monkeypatch):
    before = list(code_snippets.drawn("CMake"))
    sources = code_snippets.SOURCES | {"CMake": {".cmake": "torch", ".toml": "sphinx"}}
    monkeypatch.setattr(code_snippets, "SOURCES", sources)
    after = [pair for pair in code_snippets.drawn("CMake") if pair[1].endswith("cmake")]
    assert after == before


def test_long_lines_and_unreadable_files_give_nothing(tmp_path):
    assert code_snippets.pieces("x" * 301) == []
    assert code_snippets.pieces("") == []
    (tmp_path / "latin").write_bytes(b"\xe9")
    assert code_snippets.read(tmp_path / "latin") == ""
    assert code_snippets.read(tmp_path / "absent") == ""


@pytest.fixture
def tokenizer():
    return code_tokenizer(TEXTS, 264)


def test_the_classifier_is_that_of_transformers_with_a_mean(agrees, tokenizer):
    """Their states, averaged over the tokens of a snippet, through the same layer."""
    vocab, pad = 264, tokenizer.special[PAD]
    config = transformers.BertConfig(
        vocab_size=vocab,
        max_position_embeddings=20,
        hidden_size=32,
        num_attention_heads=2,
        intermediate_size=64,
        num_hidden_layers=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    theirs = transformers.BertModel(config).double().eval()
    ours = SnippetClassifier(small_bert(tokenizer, 0, seq=20), 3, pad).double()
    nn.init.normal_(ours.head.weight)
    names = ["token", "position", "segment"]
    parts = ["word_embeddings", "position_embeddings", "token_type_embeddings"]
    bert, block, layer = ours.bert, ours.bert.blocks[0], theirs.encoder.layer[0]
    pairs = [
        (getattr(bert, name), getattr(theirs.embeddings, part))
        for name, part in zip(names, parts, strict=True)
    ]
    pairs += [(bert.norm, theirs.embeddings.LayerNorm)]
    own = layer.attention.self
    pairs += [(block.query, own.query), (block.key, own.key), (block.value, own.value)]
    pairs += [(block.out, layer.attention.output.dense)]
    pairs += [(block.attention_norm, layer.attention.output.LayerNorm)]
    pairs += [(block.up, layer.intermediate.dense), (block.down, layer.output.dense)]
    pairs += [(block.norm, layer.output.LayerNorm)]
    for mine, other in pairs:
        nn.init.normal_(other.weight)
        mine.load_state_dict(other.state_dict())
    ids = padded(tokenizer, TEXTS, 20)
    states = theirs(ids, attention_mask=(ids != pad).long()).last_hidden_state
    expected = torch.stack(
        [
            s[: int((row != pad).sum())].mean(0)
            for s, row in zip(states, ids, strict=True)
        ]
    )
    agrees(ours(ids), ours.head(expected), "transformers.BertModel")


def test_padding_and_other_snippets_do_not_matter(tokenizer):
    model = SnippetClassifier(small_bert(tokenizer, 1), 5, tokenizer.special[PAD])
    nn.init.normal_(model.head.weight)
    together = model(padded(tokenizer, TEXTS))
    for text, scores in zip(TEXTS, together, strict=True):
        alone = padded(tokenizer, [text], len(tokenizer.encode(text)[:32]))
        assert_close(model(alone)[0], scores, atol=1e-5, rtol=1e-5)


def test_padding_that_is_not_finite_does_not_matter():
    states = torch.tensor([[[1.0], [3.0], [torch.inf]]])
    real = torch.tensor([[True, True, False]])
    assert_close(mean_state(states, real), torch.tensor([[2.0]]))


def test_tokens_are_cut_and_filled(tokenizer):
    ids = padded(tokenizer, ["x := 1;", "aaaa" * 30], 9)
    assert ids.shape == (2, 9)
    assert ids[0, -1] == tokenizer.special[PAD]
    assert (
        tokenizer.decode(ids[0][ids[0] != tokenizer.special[PAD]].tolist()) == "x := 1;"
    )
    with pytest.raises(ValueError, match="no tokens in ''"):
        padded(tokenizer, ["a", ""])


def test_fine_tuning_separates_two_snippets(tokenizer):
    ids, labels = padded(tokenizer, TEXTS[:2]), torch.tensor([1, 0])
    model = SnippetClassifier(small_bert(tokenizer, 0), 2, tokenizer.special[PAD])
    assert_close(model(ids), torch.zeros(2, 2))  # the head starts at zero
    history = list(fine_tune(model, ids, labels, 30, seed=0))
    assert history[0] == pytest.approx(np.log(2))
    assert model(ids).argmax(1).tolist() == [1, 0]
    assert accuracy(model, ids, torch.tensor([1, 1])) == 0.5


def test_labels_that_are_no_class_and_no_snippets_are_refused(tokenizer):
    ids = padded(tokenizer, TEXTS[:2])
    model = SnippetClassifier(small_bert(tokenizer, 0), 2, tokenizer.special[PAD])
    for labels in ([0, 2], [-1, 0]):
        with pytest.raises(ValueError, match=r"are not among classes=2"):
            fine_tune(model, ids, torch.tensor(labels), 1, seed=0)
    with pytest.raises(ValueError, match=r"labels \[\]"):
        fine_tune(model, ids[:0], torch.tensor([], dtype=torch.long), 1, seed=0)


def test_half_precision(tokenizer):
    model = SnippetClassifier(small_bert(tokenizer, 0), 3, tokenizer.special[PAD])
    nn.init.normal_(model.head.weight)
    ids = padded(tokenizer, TEXTS)
    exact = model(ids)
    rough = model.bfloat16()(ids)
    assert rough.dtype == torch.bfloat16
    assert_close(rough.float(), exact, atol=0.3, rtol=0)
    assert isinstance(model.bert, Bert)
