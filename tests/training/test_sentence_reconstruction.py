"""Constrained decoding against transformers, searches against trying each order."""

import math
import random
from collections import Counter
from itertools import permutations, product

import pytest
import torch
from torch.testing import assert_close
from transformers import GenerationConfig
from transformers.generation import PrefixConstrainedLogitsProcessor

from snippets.language.beam_search import Found
from snippets.language.kneser_ney import kneser_ney
from snippets.language.ngram_counts import count, vocabulary
from snippets.language.ngram_models import LanguageModel
from snippets.training import sentence_runs as runs
from snippets.training import small_grammar as grammar
from snippets.training.pretraining import IGNORED, accumulate_gradients, label_loss
from snippets.training.sentence_reconstruction import (
    Tokens,
    allowed,
    constrain,
    ordering_beam_search,
    reconstruction_batch,
    remaining,
)
from snippets.training.side_by_side import mean_losses
from snippets.training.word_order_ngrams import as_model, most_probable_order
from snippets.transformers.gpt import GPT

SPECIAL = Tokens(sep=9, eos=10)
PROMPTS = [[3, 5, 3, 1, 9], [0, 2, 4, 6, 9], [7, 7, 8, 7, 9]]


def scores_of(theirs):
    return lambda ids: theirs(ids).logits[:, -1].log_softmax(-1)


@torch.no_grad()
def random_model(seed=0, std=0.5):
    torch.manual_seed(seed)
    gpt = GPT(vocab=11, n_positions=18, d_model=24, layers=2, heads=3, std=std).double()
    return lambda ids: gpt(ids)[:, -1].log_softmax(-1).detach()


def best_arrangement(model, prompt, special):
    """The most probable arrangement, by trying each different one."""
    words, found = [i for i in prompt.tolist() if i not in special], []
    for order in set(permutations(words)):
        tokens, score = prompt.tolist(), 0.0
        for token in (*order, special.eos):
            score += model(torch.tensor([tokens]))[0, token].item()
            tokens = [*tokens, token]
        found.append(Found(score, tokens))
    return max(found)


def random_scores(batch, vocab=11, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(batch, vocab, generator=random, dtype=torch.float64)


# Constrained decoding


def rule(prompts):
    """For ``prefix_allowed_tokens_fn``, with a Counter instead of our function."""

    def allowed_tokens(row, ids):
        n = len(prompts[row])
        left = Counter(prompts[row][:-1]) - Counter(ids[n:].tolist())
        return list(left) or [SPECIAL.eos]

    return allowed_tokens


def test_scores_are_masked_as_by_transformers(agrees):
    prefix = PrefixConstrainedLogitsProcessor(rule(PROMPTS), num_beams=1)
    for used in ([], [[3], [6], [7]], [[3, 5, 3, 1], [6, 4, 2, 0], [7, 7, 7, 8]]):
        rows = [p + u for p, u in zip(PROMPTS, used or [[]] * 3, strict=True)]
        ids, scores = torch.tensor(rows), random_scores(3)
        agrees(
            constrain(scores, ids, SPECIAL),
            prefix(ids, scores),
            "transformers.PrefixConstrainedLogitsProcessor",
        )


@pytest.mark.parametrize("width", [1, 2, 5])
def test_search_is_that_of_generate(agrees, gpt2, width):
    """A beam of one is greedy; theirs has no length penalty and no early stop."""
    torch.manual_seed(1)
    theirs = gpt2(initializer_range=0.3)
    config = GenerationConfig(
        num_beams=width,
        max_new_tokens=5,
        length_penalty=0.0,
        early_stopping="never" if width > 1 else False,
        eos_token_id=SPECIAL.eos,
        pad_token_id=SPECIAL.eos,
    )
    ids = torch.tensor(PROMPTS)
    found = theirs.generate(
        ids,
        config,
        prefix_allowed_tokens_fn=rule(PROMPTS),
        attention_mask=torch.ones_like(ids),
    )
    ours = [
        ordering_beam_search(scores_of(theirs), prompt, width, SPECIAL).tokens
        for prompt in ids
    ]
    agrees(torch.tensor(ours), found, "transformers.generate, prefix_allowed_tokens_fn")


@pytest.mark.parametrize("words", [[4], [2, 2], [1, 2, 3], [1, 1, 2, 2]])
def test_a_full_beam_finds_the_best_of_all_orders(words):
    prompt = torch.tensor([*words, SPECIAL.sep])
    for seed in range(2):
        model = random_model(seed)
        best = best_arrangement(model, prompt, SPECIAL)
        full = ordering_beam_search(model, prompt, math.factorial(5), SPECIAL)
        assert full.tokens == best.tokens
        assert full.log_prob == pytest.approx(best.log_prob)


def test_a_full_beam_finds_the_best_order_of_seven_words():
    """5040 orders, with a model whose scores depend on the last two words."""
    torch.manual_seed(0)
    drawn = torch.randn(11, 11, 11).double().log_softmax(-1)
    table = drawn.numpy()
    model = lambda ids: drawn[ids[:, -2], ids[:, -1]]  # noqa: E731
    prompt = torch.tensor([0, 1, 2, 3, 4, 5, 6, 9])
    scores = {}
    for order in permutations(range(7)):
        row = [6, 9, *order, 10]
        scores[order] = sum(
            table[a, b, c] for a, b, c in zip(row, row[1:], row[2:], strict=False)
        )
    full = ordering_beam_search(model, prompt, 5040, SPECIAL)
    best = max(scores, key=scores.get)
    assert tuple(full.tokens[8:-1]) == best
    assert full.log_prob == pytest.approx(scores[best])


def test_scores_are_not_renormalized_by_the_mask():
    """The log-probability is that of the model, which also expects other words."""
    model, prompt = random_model(), torch.tensor([3, 5, 9])
    found = ordering_beam_search(model, prompt, 2, SPECIAL)
    expected = sum(
        model(torch.tensor([found.tokens[:t]]))[0, found.tokens[t]].item()
        for t in range(3, 6)
    )
    assert found.log_prob == pytest.approx(expected)


def test_remaining_words_are_counted():
    ids = torch.tensor([[10, 3, 5, 3, 9, 3], [1, 2, 3, 4, 9, 4]])
    assert remaining(ids, 11, SPECIAL).tolist() == [
        [0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert allowed(ids, 11, SPECIAL).sum(dim=1).tolist() == [2, 3]
    done = torch.tensor([[3, 3, 9, 3, 3], [3, 3, 9, 3, 10]])
    assert allowed(done, 11, SPECIAL)[0].nonzero().tolist() == [[SPECIAL.eos]]
    small = ids.to(torch.int32)
    assert_close(remaining(small, 11, SPECIAL), remaining(ids, 11, SPECIAL))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_allowed_scores_stay_in_half_precision(dtype):
    ids, scores = torch.tensor(PROMPTS), random_scores(3).to(dtype)
    found = constrain(scores, ids, SPECIAL)
    assert found.dtype == dtype
    kept = allowed(ids, 11, SPECIAL)
    assert torch.equal(found[kept], scores[kept])
    assert found[~kept].isneginf().all()


@pytest.mark.parametrize(
    "row", [[1, 2, 3], [9, 1], [1, 9, 9], [10, 9], [1, 2, 9, 1, 1], [1, 9, 2]]
)
def test_rows_that_are_not_words_and_sep_are_refused(row):
    with pytest.raises(ValueError, match=r"row 0 .*\["):
        remaining(torch.tensor([row]), 11, SPECIAL)


def test_searches_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="width=0"):
        ordering_beam_search(random_model(), torch.tensor([1, 9]), 0, SPECIAL)
    with pytest.raises(ValueError, match="not words and SEP"):
        ordering_beam_search(random_model(), torch.tensor([9]), 1, SPECIAL)
    only_0 = torch.tensor([0.0, *[-math.inf] * 10])
    with pytest.raises(ValueError, match=r"no remaining word .*\[\[1, 9\]\]"):
        ordering_beam_search(lambda _: only_0[None], torch.tensor([1, 9]), 2, SPECIAL)
    logits = lambda ids: torch.ones(len(ids), 11)  # noqa: E731
    with pytest.raises(ValueError, match="log_softmax"):
        ordering_beam_search(logits, torch.tensor([1, 9]), 1, SPECIAL)


# Rows and labels


def test_labels_are_the_sentence_and_its_end():
    sentences = [[5, 6, 7, 5], [3]]
    batch = reconstruction_batch(sentences, 4, SPECIAL, torch.Generator())
    for row, labels, sentence in zip(*batch, sentences, strict=True):
        n = len(sentence)
        assert row[4] == SPECIAL.sep
        assert sorted(row[4 - n : 4].tolist()) == sorted(sentence)
        assert labels[labels != IGNORED].tolist() == [*sentence, SPECIAL.eos]
        assert (labels[:5] == IGNORED).all()
        assert_close(row[5 : 6 + n], labels[5 : 6 + n])
        outside = torch.cat([row[: 4 - n], row[5 + n :]])
        assert (outside == SPECIAL.eos).all()


def test_all_orders_of_the_words_are_shown():
    random = torch.Generator().manual_seed(0)
    sentence = [1, 2, 3]
    batch = reconstruction_batch([sentence] * 600, 3, SPECIAL, random)
    found = Counter(map(tuple, batch.ids[:, :3].tolist()))
    assert len(found) == 6
    assert min(found.values()) > 60
    assert sentence == [1, 2, 3]


def test_loss_of_masked_labels_is_that_of_the_answer():
    torch.manual_seed(0)
    batch = reconstruction_batch([[1, 2, 3], [4]], 3, SPECIAL)
    logits = torch.randn(2, 8, 11, dtype=torch.float64)
    p = logits.log_softmax(-1)
    positions = [(0, 3, 1), (0, 4, 2), (0, 5, 3), (0, 6, 10), (1, 3, 4), (1, 4, 10)]
    expected = -sum(p[place] for place in positions)
    assert_close(label_loss(logits, batch.labels), expected)


@pytest.mark.parametrize(
    "bad", [[[1], []], [[1, 2, 3, 4]], [[1, 9]], [[10]], [[1], [-100]]]
)
def test_sentences_without_an_order_are_refused(bad):
    with pytest.raises(ValueError, match="not 1 to 3 words in row"):
        reconstruction_batch(bad, 3, SPECIAL)


def test_an_empty_batch_and_masked_labels_are_refused():
    with pytest.raises(ValueError, match="empty batch"):
        reconstruction_batch([], 3, SPECIAL)
    with pytest.raises(ValueError, match="sep=9, eos=9"):
        reconstruction_batch([[1]], 3, Tokens(9, 9))
    ids = torch.ones(2, 5, dtype=torch.long)
    masked = torch.full_like(ids, IGNORED)
    gpt = GPT(vocab=11, n_positions=8, d_model=12, layers=1, heads=2)
    with pytest.raises(ValueError, match="0 labels"):
        accumulate_gradients(gpt, ids, masked, 2)
    labels = torch.stack([ids, masked])
    with pytest.raises(ValueError, match=r"by model: \[8, 0\]"):
        mean_losses(torch.zeros(2, 2, 4, 11), labels)


# The grammar


def every_sentence(words):
    return {order for order in permutations(words) if grammar.is_sentence(order)}


def test_arrangements_are_those_found_by_trying_each():
    source = random.Random(1)
    for _ in range(8):
        words = grammar.draw_sentence(source)
        assert grammar.is_sentence(words)
        assert grammar.arrangements(words) == len(every_sentence(words)) > 0
        assert grammar.orders(words) == len(set(permutations(words)))
        begun = words[:2]
        count = sum(list(s[:2]) == begun for s in every_sentence(words))
        assert grammar.arrangements(words[2:], begun) == count


def test_arrangements_of_the_same_words_are_equally_probable():
    """So that each is as good a guess: the probabilities of all short sentences."""
    bags = {}
    for shape in grammar.SHAPES:
        if len(shape) <= 5:
            p = math.prod(1 / len(grammar.CLASSES[c]) for c in shape)
            for words in product(*(grammar.CLASSES[c] for c in shape)):
                bags.setdefault(tuple(sorted(words)), []).append(p)
    assert all(len(set(ps)) == 1 for ps in bags.values())
    some = random.Random(0).sample(sorted(bags), 50)
    assert [len(bags[b]) for b in some] == [grammar.arrangements(b) for b in some]


def test_grammar_is_that_of_the_docstring():
    assert len(set(grammar.WORDS)) == 28
    assert set(map(len, grammar.SHAPES)) == {3, 4, 5, 6, 7}
    assert not grammar.is_sentence(["the", "dog"])
    assert not grammar.is_sentence(["the", "dogs", "sleeps"])
    assert not grammar.is_sentence(["the", "unicorn", "sleeps"])
    assert not grammar.is_sentence([])
    assert grammar.arrangements(["dog", "the", "the"]) == 0
    for bad in ([], ["unicorn"], ["the"] * 8):
        with pytest.raises(ValueError, match="not 1 to 7 words"):
            grammar.arrangements(bad)


# N-grams


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_exact_order_is_the_best_of_all(order):
    train, test = runs.split_sentences(300, 12, seed=1)
    model = kneser_ney(count(train, order, vocabulary(train, 1)))
    scores = as_model(model, grammar.WORDS, runs.SPECIAL)
    prompts = runs.rows(test, 0).ids[:, : grammar.LONGEST + 1]
    for words, prompt in zip(test, prompts, strict=True):
        if len(words) > 5:
            continue
        best = best_arrangement(scores, prompt, runs.SPECIAL)
        found = most_probable_order(model, words)
        assert found[0] == pytest.approx(best.log_prob, abs=1e-4)
    with pytest.raises(ValueError, match="no words"):
        most_probable_order(model, [])
    with pytest.raises(ValueError, match="0 words"):
        as_model(model, [], runs.SPECIAL)


def test_beginnings_merge_only_if_their_ends_agree():
    """Random scores after each pair of words, so that the whole context matters."""
    chances = random.Random(0)

    class Table(LanguageModel):
        def __init__(self):
            self.order, self.seen = 3, {}

        def score(self, word, context=()):
            return self.seen.setdefault((word, *context), chances.random())

        recursion = score

    for words in ("abcde", "aabbc", "abcda"):
        table = Table()

        def log_prob(order, table=table):
            row = ["<s>", *order, "</s>"]
            pairs = [
                (row[i], tuple(row[max(0, i - 2) : i])) for i in range(1, len(row))
            ]
            return sum(math.log(table.score(*pair)) for pair in pairs)

        best = max(permutations(words), key=log_prob)
        score, order = most_probable_order(table, list(words))
        assert score == pytest.approx(log_prob(best))
        assert tuple(order) == best


# Training


def test_no_bag_of_words_is_in_both_parts():
    train, test = runs.split_sentences(500, 60, seed=0)
    assert (len(train), len(test)) == (500, 60)
    bags = [{tuple(sorted(s)) for s in part} for part in (train, test)]
    assert not bags[0] & bags[1]


def test_models_train_alone_as_side_by_side():
    """Each reads its own rows; the first model is the same with or without others."""
    train, test = runs.split_sentences(60, 20, seed=0)
    losses = []
    for number in (1, 3):
        run = runs.train_orders(train, test, number, 1, seed=3)
        losses.append(run.losses[0])
        assert len(run.models) == number
    assert_close(losses[0][0], losses[1][0])
    assert len(set(losses[1].tolist())) == 3


def test_training_lowers_the_loss_of_each_model():
    """The losses are those of the models that are returned, computed alone."""
    train, test = runs.split_sentences(60, 20, seed=0)
    run = runs.train_orders(train, test, 2, 100, seed=3)
    assert run.losses.shape == (2, 2)
    assert (run.losses[1] < run.losses[0] - 1).all()
    held_out = runs.rows(test, 3)
    with torch.no_grad():
        alone = [label_loss(m(held_out.ids), held_out.labels) for m in run.models]
    labels = (held_out.labels[:, 1:] != IGNORED).sum()
    assert_close(torch.stack(alone) / labels, run.losses[1], atol=1e-4, rtol=1e-4)


def test_scores_count_words_grammar_and_the_original():
    sentence = ["the", "dog", "sees", "my", "cat"]
    other = ["my", "dog", "sees", "the", "cat"]
    wrong = ["dog", "the", "sees", "my", "cat"]
    found = [sentence, other, wrong, sentence[:3]]
    assert runs.score(found, [sentence] * 4) == (0.75, 0.5, 0.25)


def test_constrained_answers_are_those_of_a_beam_of_one():
    train, test = runs.split_sentences(60, 9, seed=0)
    model = runs.train_orders(train, test, 1, 30, seed=3).models[0]
    prompts = runs.rows(test, 0).ids
    found = runs.answers(model, prompts, free=False)
    with torch.no_grad():
        scores = lambda ids: model(ids)[:, -1].log_softmax(-1)  # noqa: E731
        for words, prompt in zip(found, prompts[:, :8], strict=True):
            beam = ordering_beam_search(scores, prompt, 1, runs.SPECIAL)
            ids = [grammar.WORDS.index(word) for word in words]
            assert beam.tokens[8:] == [*ids, runs.SPECIAL.eos]
