"""Test-time scaling against SciPy, the Codex paper's product, and Counter."""

from collections import Counter
from itertools import combinations

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from snippets.alignment.inference_scaling import (
    best_of,
    beta_failure,
    coverage,
    pass_at_k,
    vote,
)
from snippets.alignment.running_sums import (
    DIGITS,
    EMPTY,
    STRIDES,
    RunningSums,
    answer,
    train,
)

# pass@k


@pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 3), (10, 10), (200, 37)])
def test_estimate_is_a_draw_without_replacement(agrees, n, k):
    correct = np.arange(n + 1)
    theirs = stats.hypergeom.sf(0, n, correct, k)
    agrees(pass_at_k(n, correct, k), theirs, "scipy.stats.hypergeom")


def test_estimate_is_the_product_of_the_codex_paper():
    n, k = 30, 4
    for c in range(n + 1):
        expected = 1.0
        if n - c >= k:
            expected = 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1))
        assert_allclose(pass_at_k(n, np.array([c]), k), [expected], atol=1e-15)


def test_estimate_is_the_share_of_subsets_with_a_right_answer():
    right = [1, 0, 0, 1, 0, 0, 0]
    for k in range(1, 8):
        found = np.mean([any(chosen) for chosen in combinations(right, k)])
        assert_allclose(pass_at_k(7, np.array([2]), k), [found])


@settings(deadline=None, derandomize=True, max_examples=40)
@given(chance=st.floats(0, 1), n=st.integers(1, 12), data=st.data())
def test_estimate_is_unbiased(chance, n, data):
    k = data.draw(st.integers(1, n))
    correct = np.arange(n + 1)
    mean = stats.binom.pmf(correct, n, chance) @ pass_at_k(n, correct, k)
    assert_allclose(mean, coverage(np.array([chance]), k)[0], atol=1e-12)


def test_coverage_keeps_the_digits_of_a_tiny_chance():
    found = coverage(np.array([0.0, 1e-18, 0.5, 1.0]), 1000)
    assert_allclose(found, [0, 1e-15, 1, 1], rtol=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0.6, 1.4), (3.0, 0.2), (1.0, 1.0)])
def test_beta_failure_is_that_of_the_beta_binomial(agrees, a, b):
    for k in (1, 2, 17, 1000):
        theirs = stats.betabinom.pmf(0, k, a, b)
        agrees(np.array([beta_failure(a, b, k)]), [theirs], "scipy.stats.betabinom")


def test_failure_becomes_a_power_law():
    ratio = beta_failure(0.6, 1.4, 200_000) / beta_failure(0.6, 1.4, 100_000)
    assert_allclose(ratio, 2**-0.6, rtol=1e-5)


# Picking an answer


def test_vote_is_that_of_a_counter():
    rng = np.random.default_rng(0)
    answers = rng.integers(-2, 4, (60, 9))
    for k in (1, 2, 5, 9):  # a Counter lists equals in the order of their first vote
        expected = [Counter(row[:k].tolist()).most_common(1)[0][0] for row in answers]
        assert_array_equal(vote(answers, k), expected)


def test_vote_is_the_mode(agrees):
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 4, (200, 11))
    counts = np.stack([(drawn == n).sum(1) for n in range(4)])
    clear = (counts == counts.max(0)).sum(0) == 1  # SciPy breaks ties another way
    theirs = stats.mode(drawn[clear], axis=1).mode
    agrees(vote(drawn[clear], 11), theirs, "scipy.stats.mode")


def test_weights_are_added_for_each_answer():
    answers = np.array([[3, 7, 7, 3, 9]])
    weights = np.array([[0.9, 0.5, 0.5, 0.0, 0.95]])
    assert vote(answers, 5, weights) == [7]
    assert vote(answers, 2, weights) == [3]
    assert vote(answers, 5, np.ones((1, 5), dtype=np.float16)) == [3]
    assert vote(answers, 5, (answers == 9).astype(int)) == [9]
    assert vote(answers, 5, np.zeros((1, 5))) == [3]  # nothing counts: the first


def test_later_answers_do_not_matter():
    rng = np.random.default_rng(2)
    answers, scores = rng.integers(0, 5, (40, 8)), rng.normal(size=(40, 8))
    other = answers.copy()
    other[:, 5:] = 99
    spoiled = scores.copy()
    spoiled[:, 5:] = np.nan
    assert_array_equal(vote(answers, 5), vote(other, 5))
    assert_array_equal(best_of(answers, scores, 5), best_of(other, spoiled, 5))


def test_best_of_takes_the_first_of_the_highest_scores():
    answers = np.array([[4, 5, 6, 7], [4, 5, 6, 7]])
    scores = np.array([[-3.0, -1.0, -1.0, 5.0], [-np.inf, -np.inf, -np.inf, 0.0]])
    assert_array_equal(best_of(answers, scores, 3), [5, 4])


def test_nothing_to_answer_gives_nothing():
    none = np.empty((0, 3), dtype=int)
    assert vote(none, 2).shape == best_of(none, none, 2).shape == (0,)


def test_a_test_with_false_accepts_has_a_limit():
    """Accepted answers are right in p / (p + (1 - p) f) of the cases."""
    rng = np.random.default_rng(3)
    right = rng.random((20_000, 60)) < 0.2
    accepted = right | (rng.random(right.shape) < 0.1)
    share = best_of(right.astype(int), accepted.astype(float), 60).mean()
    assert abs(share - 0.2 / 0.28) < 0.015


def test_generate_puts_answers_to_one_prompt_side_by_side(gpt2):
    """What the article says of transformers."""
    model, prompts = gpt2(), torch.tensor([[3, 1], [2, 7]])
    options = {"num_return_sequences": 3, "max_new_tokens": 2, "pad_token_id": 0}
    ids = model.generate(prompts, do_sample=True, top_k=0, **options)
    assert torch.equal(ids[:, :2], prompts.repeat_interleave(3, 0))
    with pytest.raises(ValueError, match="Greedy methods"):
        model.generate(prompts, do_sample=False, **options)


def test_small_integers_count_right_answers():
    found = pass_at_k(200, np.array([0, 3, 100], dtype=np.int8), 150)
    expected = stats.hypergeom.sf(0, 200, [0, 3, 100], 150)
    assert_allclose(found, expected, atol=1e-12)


# Bad input


def test_bad_input_is_refused():
    answers, chance = np.zeros((2, 5), dtype=int), np.array([0.5])
    for k in (6, 11):
        with pytest.raises(ValueError, match=f"{k} attempts, but 5 answers"):
            vote(answers, k)
        with pytest.raises(ValueError, match=f"{k} attempts, but 5 answers"):
            best_of(answers, np.zeros((2, 5)), k)
        with pytest.raises(ValueError, match=f"{k} attempts, but 5 answers"):
            pass_at_k(5, np.array([1]), k)
    with pytest.raises(ValueError, match="0 attempts"):
        coverage(chance, 0)
    with pytest.raises(ValueError, match=r"chances from -0\.5 to 0\.5"):
        coverage(np.array([0.5, -0.5]), 2)
    with pytest.raises(ValueError, match="0 to 6 right answers of 5"):
        pass_at_k(5, np.array([0, 6]), 2)
    with pytest.raises(ValueError, match=r"Beta\(0\.0, 1\.0\)"):
        beta_failure(0.0, 1.0, 2)
    with pytest.raises(ValueError, match=r"weight -1\.0"):
        vote(answers, 5, np.full((2, 5), -1.0))
    with pytest.raises(ValueError, match="weight nan"):
        vote(answers, 5, np.full((2, 5), np.nan))
    with pytest.raises(ValueError, match="score is not a number"):
        best_of(answers, np.full((2, 5), np.nan), 5)
    wrong = (ValueError, jaxtyping.TypeCheckError)  # with types checked: the latter
    with pytest.raises(wrong):
        best_of(answers, np.zeros((1, 5)), 5)


# Running sums


@pytest.fixture
def network():
    torch.manual_seed(0)
    return RunningSums(2, 12)


def test_each_run_is_a_stack_of_linear_layers(agrees, network):
    last, chunk = torch.randint(10, (2, 7)), torch.randint(11, (2, 7, DIGITS))
    found = network(last, chunk)
    for run in range(2):
        rows = [torch.eye(10)[last[run]], torch.eye(11)[chunk[run]].flatten(1)]
        x = torch.cat(rows, 1)
        for n in range(3):
            weight, bias = network.weights[n][run].T, network.biases[n][run, 0]
            x = torch.nn.functional.linear(x if n == 0 else x.relu(), weight, bias)
        agrees(found[run], x, "torch.nn.functional.linear")


def test_training_lowers_the_loss_of_every_run_as_if_it_were_alone():
    torch.manual_seed(0)
    both = RunningSums(2, 12)
    alone = RunningSums(1, 12)
    for mine, theirs in zip(alone.parameters(), both.parameters(), strict=True):
        mine.data = theirs.data[:1].clone()
    before = both.weights[0].clone()
    # a batch of one run cannot be drawn like that of two: compare a single step
    last, chunk = torch.randint(10, (2, 8)), torch.randint(10, (2, 8, DIGITS))
    target = torch.randint(10, (2, 8))
    loss = torch.nn.functional.cross_entropy
    (2 * loss(both(last, chunk).flatten(0, 1), target.flatten())).backward()
    loss(alone(last[:1], chunk[:1])[0], target[0]).backward()
    torch.testing.assert_close(both.weights[0].grad[:1], alone.weights[0].grad)
    train(both, 2)
    assert (both.weights[0] != before).flatten(1).any(1).all()


class Adder(RunningSums):
    """A network that adds without errors, and counts its tokens."""

    tokens = 0

    def forward(self, last, chunk):
        self.tokens += 1
        total = (last + (chunk * (chunk < EMPTY)).sum(2)) % 10
        return 1e4 * torch.nn.functional.one_hot(total, 10).float()


@pytest.mark.parametrize("stride", STRIDES)
def test_answers_are_sums_and_take_their_tokens(stride):
    adder = Adder(3, 4)
    questions = torch.randint(10, (5, DIGITS), generator=torch.manual_seed(0))
    found = answer(adder, questions, stride, samples=2)
    expected = (questions.sum(1) % 10)[None, :, None].expand(3, 5, 2)
    assert torch.equal(found, expected)
    assert adder.tokens == DIGITS // stride


def test_training_targets_are_sums():
    class Recorder(Adder):
        def forward(self, last, chunk):
            self.lengths = (chunk < EMPTY).sum(2)
            self.logits = super().forward(last, chunk) + 0 * self.biases[2].sum()
            return self.logits

    seen = Recorder(2, 4)
    train(seen, 1, batch=10)  # an exact adder has no loss, so nothing changes
    assert seen.lengths.tolist() == [[1, 2, 4, 8, 1, 2, 4, 8, 1, 2]] * 2
    assert all((bias == 0).all() for bias in seen.biases)


def test_answers_repeat_with_their_generator(network):
    questions = torch.randint(10, (5, DIGITS))
    first, second = (
        answer(network, questions, 2, 3, torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    assert torch.equal(first, second)


def test_a_question_that_is_not_eight_digits_is_refused(network):
    for shape in ((1, DIGITS - 1), (1, DIGITS + 1), (2, 0)):
        with pytest.raises(ValueError, match=rf"questions of shape \({shape[0]}, "):
            answer(network, torch.zeros(shape, dtype=torch.long), 2, 1)
    for digit in (-1, EMPTY):
        with pytest.raises(ValueError, match="no digits"):
            answer(network, torch.full((1, DIGITS), digit), 2, 1)


def test_a_stride_that_was_not_trained_is_named(network):
    with pytest.raises(ValueError, match="stride 3 is not one of"):
        answer(network, torch.zeros(1, DIGITS, dtype=torch.long), 3, 1)
