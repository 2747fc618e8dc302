"""N-gram models against nltk.lm on the text of Python's help; then against the formulas
of Chen and Goodman, written as sums over a list of n-grams.
"""

import math
import random
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk import lm

from snippets.language.help_sentences import (
    help_sentences,
    hold_out,
    split_sentences,
)
from snippets.language.kneser_ney import (
    Discounted,
    estimated_discounts,
    kneser_ney,
    modified_kneser_ney,
)
from snippets.language.ngram_counts import (
    END,
    START,
    UNKNOWN,
    NGramCounts,
    adjusted,
    count,
    ngrams,
    vocabulary,
)
from snippets.language.ngram_models import (
    AddK,
    MaximumLikelihood,
    StupidBackoff,
    WittenBell,
    perplexity,
)
from snippets.language.predictive_keyboard import Keyboard

bounded = settings(max_examples=25, deadline=None, derandomize=True)
SENTENCES = help_sentences()[:250]
OTHER = help_sentences()[-80:]
WORDS = vocabulary(SENTENCES)
TRIGRAMS = count(SENTENCES, 3, WORDS)


def queries(number: int, starts: bool = True) -> list[tuple[str, tuple[str, ...]]]:
    """Words and contexts of other sentences, and words and contexts at random."""
    drawn = random.Random(0)
    real = [
        (word, context) for s in OTHER for context, word in ngrams(s, 3, TRIGRAMS[0])
    ]
    names = sorted(WORDS)
    mixed = [
        (drawn.choice(names), tuple(drawn.choices(names, k=drawn.randint(1, 2))))
        for _ in range(number)
    ]
    chosen = drawn.sample(real, number) + mixed
    return [(w, h) for w, h in chosen if starts or h != (START,)]


def theirs(make, sentences=SENTENCES, words=WORDS, order: int = 3):
    """Their model on our n-grams, which never predict START, and our vocabulary."""
    counter = lm.NgramCounter(
        [(*h[len(h) - k :], w) for h, w in ngrams(s, order, words) if len(h) >= k]
        for s in sentences
        for k in range(order)
    )
    known = lm.Vocabulary(sorted(words - {UNKNOWN}), unk_cutoff=1)
    return make(order=order, vocabulary=known, counter=counter)


def scores(model, asked) -> np.ndarray:
    score = getattr(model, "unmasked_score", None) or model.score
    return np.array([score(word, context) for word, context in asked])


@pytest.mark.parametrize(
    ("name", "ours", "make"),
    [
        ("MLE", MaximumLikelihood(TRIGRAMS), lm.MLE),
        ("Laplace", AddK(TRIGRAMS, 1.0), lm.Laplace),
        ("Lidstone", AddK(TRIGRAMS, 0.01), lambda **k: lm.Lidstone(0.01, **k)),
        ("StupidBackoff", StupidBackoff(TRIGRAMS, 0.4), lm.StupidBackoff),
        ("WittenBellInterpolated", WittenBell(TRIGRAMS), lm.WittenBellInterpolated),
        (
            "AbsoluteDiscountingInterpolated",
            Discounted(TRIGRAMS, [(0.75,) * 3] * 2),
            lm.AbsoluteDiscountingInterpolated,
        ),
    ],
)
def test_scores_are_those_of_nltk(agrees, name, ours, make):
    asked = queries(150)
    assert any(h[0] == START for _, h in asked)
    agrees(scores(ours, asked), scores(theirs(make), asked), f"nltk.lm.{name}")


@pytest.mark.parametrize("discount", [0.1, 0.75, 1.0])
def test_kneser_ney_is_that_of_nltk(agrees, discount):
    """Without the context START alone, for which theirs divides by zero."""
    model = theirs(lambda **k: lm.KneserNeyInterpolated(discount=discount, **k))
    asked = queries(40, starts=False)
    with pytest.raises(ZeroDivisionError):
        model.unmasked_score("the", (START,))
    agrees(
        scores(kneser_ney(TRIGRAMS, discount), asked),
        scores(model, asked),
        "nltk.lm.KneserNeyInterpolated",
    )


def test_bigrams_of_kneser_ney_are_those_of_nltk_at_the_start_too(agrees):
    bigrams = count(SENTENCES, 2, WORDS)
    model = theirs(lambda **k: lm.KneserNeyInterpolated(discount=0.75, **k), order=2)
    asked = [(w, h[-1:]) for w, h in queries(60)] + [("the", (START,))]
    agrees(
        scores(kneser_ney(bigrams, 0.75), asked),
        scores(model, asked),
        "nltk.lm.KneserNeyInterpolated",
    )


def test_perplexity_is_that_of_nltk(agrees):
    model, asked = WittenBell(TRIGRAMS), OTHER[:20]
    flat = [(*h, w) for s in asked for h, w in ngrams(s, 3, WORDS)]
    counted = theirs(lm.WittenBellInterpolated)
    counted.vocab.update([START])  # theirs looks up contexts, too
    agrees(
        np.array(perplexity(model, asked)),
        np.array(counted.perplexity(flat)),
        "nltk.lm.LanguageModel.perplexity",
        rtol=1e-12,
    )


def padded(sentences, words):
    return [(START, *(w if w in words else UNKNOWN for w in s), END) for s in sentences]


def by_definition(sentences, words, order, word, context, discounts=None):
    """Kneser-Ney from a list of n-grams alone; no counts are kept.

    With ``discounts`` None, they are estimated by the formulas of the paper.
    """
    text = padded(sentences, words)

    def places(length):  # all n-grams of a length, as often as they occur
        return [s[i : i + length] for s in text for i in range(len(s) - length + 1)]

    def c(gram):
        """Its count, or the number of different words before it."""
        if len(gram) == order or gram[0] == START:
            return places(len(gram)).count(gram)
        longer = {g for g in places(len(gram) + 1) if g[1:] == gram}
        return len({g[0] for g in longer})

    def d(length, number):
        if discounts is not None:
            return discounts[length - 2][number - 1]
        kinds = [c(g) for g in set(places(length)) if g != (START,)]
        n1, n2, n3, n4 = (kinds.count(i) for i in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        return [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3][
            number - 1
        ]

    def p(h):
        follows = {w: c((*h, w)) for w in words if c((*h, w))}
        total = sum(follows.values())
        if not h:
            return follows.get(word, 0) / total
        if not total:
            return p(h[1:])
        many = [sum(min(v, 3) == i for v in follows.values()) for i in (1, 2, 3)]
        d1, d2, d3 = (d(len(h) + 1, i) for i in (1, 2, 3))
        found = follows.get(word, 0)
        kept = max(found - (0, d1, d2, d3)[min(found, 3)], 0) / total
        gamma = (d1 * many[0] + d2 * many[1] + d3 * many[2]) / total
        return kept + gamma * p(h[1:])

    return p(context)


TOY = [s.split() for s in ("a b a b c", "a b", "b a c b b", "a a b c", "c b a", "a b")]
TOY_WORDS = vocabulary(TOY, at_least=1)


def test_modified_kneser_ney_is_the_formula_of_the_paper(agrees):
    drawn = random.Random(1)
    text = [drawn.choices("abcd", weights=(8, 4, 2, 1), k=5) for _ in range(16)]
    words = vocabulary(text)
    model = modified_kneser_ney(count(text, 3, words))
    asked = [
        (w, h)
        for w in sorted(words)
        for h in [
            (),
            (START,),
            (START, "a"),
            ("a", "b"),
            ("b", "a"),
            ("d", "d"),
            ("c",),
        ]
    ]
    definition = [by_definition(text, words, 3, w, h) for w, h in asked]
    agrees(scores(model, asked), np.array(definition), "definition")


@pytest.mark.parametrize("order", [2, 3, 4])
def test_three_discounts_are_those_of_the_definition(agrees, order):
    discounts = [(0.6, 1.1, 1.3), (0.8, 1.2, 1.9), (0.9, 1.5, 2.2)][: order - 1]
    model = Discounted(adjusted(count(TOY, order, TOY_WORDS)), discounts)
    contexts = [(START, "a", "b"), ("a", "b", "c"), ("b", "a"), ("c",), ()]
    asked = [(w, h[-order + 1 :]) for w in "abc" for h in contexts]
    asked += [(END, h[-order + 1 :]) for h in contexts]
    definition = [
        by_definition(TOY, TOY_WORDS, order, w, h, discounts) for w, h in asked
    ]
    agrees(scores(model, asked), np.array(definition), "definition")


def proper(counts: NGramCounts) -> list:
    order = len(counts.orders)
    return [
        AddK(counts, 0.3),
        WittenBell(counts),
        kneser_ney(counts),
        Discounted(adjusted(counts), [(0.5, 1.0, 2.0)] * (order - 1)),
        Discounted(counts, [(1.0, 2.0, 3.0)] * (order - 1)),
    ]


texts = st.lists(st.lists(st.sampled_from("abcde"), max_size=6), min_size=1, max_size=6)


@given(texts, st.integers(1, 4), st.integers(1, 2))
@bounded
def test_probabilities_after_every_context_sum_to_one(text, order, at_least):
    words = vocabulary(text, at_least)
    counts = count(text, order, words)
    inner = sorted(words - {END})
    contexts = {h for k in range(order) for h in product(inner, repeat=min(k, 2))}
    contexts |= {(START, *h[:1]) for h in contexts}
    for model in proper(counts):
        for context in contexts:
            assert sum(model.score(w, context) for w in words) == pytest.approx(1)


def test_probabilities_on_the_real_text_sum_to_one():
    for model in (AddK(TRIGRAMS, 0.01), modified_kneser_ney(TRIGRAMS)):
        for context in [(START,), ("of", "the"), ("the", "of")]:
            assert sum(model.score(w, context) for w in WORDS) == pytest.approx(1)


@given(texts, st.integers(1, 4))
@bounded
def test_parts_are_not_negative_and_add_up(text, order):
    words = vocabulary(text)
    for model in proper(count(text, order, words))[1:]:
        for context, word in ngrams(["a", "b", "c"], order, words):
            parts = model.parts(word, context)
            assert len(parts) == len(context) + 1
            assert min(parts) >= 0
            assert sum(parts) == model.score(word, context)


def test_a_word_that_follows_one_word_only_is_unlikely_after_another():
    """Francisco is frequent, glasses have more words before them."""
    text = [["san", "francisco"]] * 3 + [["my", "glasses"], ["her", "glasses"]]
    text += [["reading"]] * 2
    counts = count(text, 2, vocabulary(text, 1))
    raw = Discounted(counts, [(0.75,) * 3])
    assert raw.score("francisco", ["reading"]) > raw.score("glasses", ["reading"])
    model = kneser_ney(counts)
    assert model.score("glasses", ["reading"]) == pytest.approx(
        2 * model.score("francisco", ["reading"])
    )


def test_scores_of_stupid_backoff_do_not_sum_to_one():
    model = StupidBackoff(TRIGRAMS)
    assert sum(model.score(w, ("of", "the")) for w in WORDS) > 1.1


def test_contexts_longer_than_the_order_are_cut():
    model = kneser_ney(TRIGRAMS)
    assert model.score("the", ["of", "in", "of"]) == model.score("the", ["in", "of"])
    one = WittenBell(count(SENTENCES, 1, WORDS))
    assert one.score("the", ["in", "of"]) == one.score("the")


def test_counts_add_up_to_the_words_of_the_text():
    size = sum(len(s) + 1 for s in SENTENCES)
    assert TRIGRAMS.orders[0][()].total() == size
    assert sum(c.total() for c in TRIGRAMS.orders[1].values()) == size
    assert sum(c.total() for c in TRIGRAMS.orders[2].values()) == size - len(SENTENCES)
    assert not any(START in seen for o in TRIGRAMS.orders for seen in o.values())


def test_adjusted_counts_by_hand():
    """The word a follows START and b; it begins three sentences."""
    orders = adjusted(count([["a"], ["a", "b", "a"], ["a"]], 3, TOY_WORDS)).orders
    assert orders[0][()] == {"a": 2, "b": 1, END: 1}
    assert orders[1][(START,)] == {"a": 3}
    assert orders[1][("a",)] == {"b": 1, END: 2}


def test_perplexity_of_equal_chances_is_their_number():
    text = [["a"], ["b"], ["c"]]
    words = vocabulary(text, 1)
    flat = AddK(count(text, 2, words), 1e12)
    assert perplexity(flat, [["a", "x"]]) == pytest.approx(len(words))
    assert (
        perplexity(MaximumLikelihood(count(text, 2, words)), [["a", "b"]]) == math.inf
    )


def test_a_new_word_is_impossible_where_no_word_was_unknown_in_training():
    text = [s.split() for s in ("a b a b c", "a b", "b a c b b", "a a b c", "c b a")]
    for at_least, expected in ((1, True), (5, False)):
        counts = count(text, 2, vocabulary(text, at_least))
        assert math.isinf(perplexity(kneser_ney(counts), [["a", "new"]])) is expected


def test_both_terms_together_predict_counts_of_other_text():
    """The discounted count leaves out what the shorter context adds."""
    here, there = hold_out(help_sentences(), 0, share=0.5)
    words = vocabulary(here)
    counts, other = count(here, 2, words), count(there, 2, words)
    model = Discounted(counts, [estimated_discounts(counts.orders[1])])
    once = [
        (h, w) for h, seen in counts.orders[1].items() for w in seen if seen[w] == 1
    ]
    found = np.mean([other.orders[1].get(h, Counter())[w] for h, w in once])
    kept = 1 - model.discounts[0][0]
    both = np.mean([model.total(h) * model.score(w, h) for h, w in once])
    assert kept < both
    assert abs(both - found) < abs(kept - found) / 2


def test_discounts_below_zero_become_zero():
    seen = {("a",): {str(i): n for i, n in enumerate([1] * 9 + [2, 3] + [4] * 9)}}
    d1, d2, d3 = estimated_discounts({h: Counter(c) for h, c in seen.items()})
    assert d1 == pytest.approx(9 / 11)
    assert d2 == 0
    assert d3 == 0


@pytest.mark.parametrize(("typed", "number"), [("", 3), ("t", 2), ("th", 5), ("zz", 1)])
def test_suggestions_are_the_best_of_all_words(typed, number):
    for model in (kneser_ney(TRIGRAMS), StupidBackoff(TRIGRAMS)):
        keyboard = Keyboard(model, number)
        possible = [w for w in WORDS if w.isalpha() and w.startswith(typed)]
        for context in [(START,), ("of", "the"), ("the", "of"), ("the",)]:
            ranked = sorted(possible, key=lambda w: (-model.score(w, context), w))
            got = keyboard.suggest(context, typed)
            assert [model.score(w, context) for w in got] == [
                model.score(w, context) for w in ranked[:number]
            ]


def test_taps_write_the_sentence():
    keyboard = Keyboard(kneser_ney(TRIGRAMS))
    sentence = ["the", "zebra", "is", "__init__", "."]
    taps = list(keyboard.write(sentence))
    assert "".join(tap.written for tap in taps) == "the zebra is __init__."
    assert taps[0].written == "the "
    assert sum(tap.context == ("the", UNKNOWN) for tap in taps) >= 1


def test_sentences_are_distinct_and_both_sides_differ():
    sentences = help_sentences()
    assert len(set(sentences)) == len(sentences)
    train, test = hold_out(sentences, seed=1, share=0.2)
    assert sorted(train + test) == sorted(sentences)
    assert not set(train) & set(test)
    assert split_sentences("Grammar\n\n  a ::= b. It is a rule.") == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: count([], 2, WORDS), "corpus is empty"),
        (lambda: count(TOY, 0, WORDS), "order=0"),
        (lambda: count(TOY, 2, frozenset({"a"})), "END and UNKNOWN"),
        (lambda: count(TOY, 2, WORDS | {START}), "no START"),
        (lambda: vocabulary([["a", START]]), "reserved words .'<s>'"),
        (lambda: AddK(TRIGRAMS, 0.0), "k=0.0 is not positive"),
        (lambda: AddK(TRIGRAMS, math.nan), "k=nan"),
        (lambda: StupidBackoff(TRIGRAMS, 0.0), "alpha=0.0"),
        (lambda: kneser_ney(TRIGRAMS, 1.5), "discounts .1.5"),
        (lambda: kneser_ney(TRIGRAMS, -0.1), "discounts .-0.1"),
        (lambda: Discounted(TRIGRAMS, [(0.5,) * 3]), "1 discounts for order 3"),
        (lambda: modified_kneser_ney(count([["a"]], 2, TOY_WORDS)), "n1=2, n2=0, n3=0"),
        (lambda: kneser_ney(TRIGRAMS).score("xyzzy"), "'xyzzy' is not in the voc"),
        (lambda: kneser_ney(TRIGRAMS).score(START), "'<s>' is not in the voc"),
        (lambda: kneser_ney(TRIGRAMS).score("the", ["xyzzy"]), "'xyzzy' is not in the"),
        (lambda: kneser_ney(TRIGRAMS).score("the", ["of", END, "xyzzy"]), "'xyzzy' is"),
        (lambda: perplexity(StupidBackoff(TRIGRAMS), OTHER), "of StupidBackoff do not"),
        (lambda: perplexity(kneser_ney(TRIGRAMS), []), "no sentence to predict"),
        (lambda: hold_out(OTHER, 0, share=0.0), "share=0.0 of 80 sentences"),
        (lambda: Keyboard(kneser_ney(TRIGRAMS), 0), "number=0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
