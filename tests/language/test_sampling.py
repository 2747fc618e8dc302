"""Sampling against the logits processors of transformers, and beam search against its
``generate`` and against trying every sequence; then definitions as loops.
"""

from collections import Counter
from itertools import product
from math import exp, inf, log, nan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from snippets.language.beam_search import beam_search, exhaustive_search
from snippets.language.count_model import CountModel
from snippets.language.generation import draw, ends_in_loop, generate
from snippets.language.help_prompts import held_out_prompts
from snippets.language.penalties import (
    count_tokens,
    penalize_counts,
    penalize_repetition,
)
from snippets.language.sampling import (
    apply_temperature,
    check,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    probabilities,
)

bounded = settings(max_examples=40, deadline=None, derandomize=True)
MASKED = torch.tensor([[-inf, 1.0, 0.5, -inf, 3.0]])


def some_logits(rows=7, vocab=53, scale=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, vocab, dtype=torch.float64, generator=generator)
    return scale * logits


def some_tokens(rows=7, length=5, vocab=53):
    return torch.randint(vocab, (rows, length), generator=torch.manual_seed(1))


def tiny_gpt(end=None, seed=0):
    """An untrained GPT-2 with logits far enough apart to matter."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=11,
        n_positions=16,
        n_embd=8,
        n_layer=1,
        n_head=2,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=0,
        initializer_range=0.7,
    )
    return GPT2LMHeadModel(config).eval()


def scores_of(gpt):
    def model(tokens):
        with torch.no_grad():
            return gpt(tokens).logits[:, -1].log_softmax(-1)

    return model


@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
def test_each_operation_is_the_processor_of_transformers(agrees, scale):
    logits, tokens = some_logits(scale=scale), some_tokens()
    for value in (0.3, 0.9, 2.5):
        agrees(
            probabilities(apply_temperature(logits, value)),
            TemperatureLogitsWarper(value)(tokens, logits).softmax(-1),
            "transformers.TemperatureLogitsWarper",
        )
    for k in (1, 4, 53, 70):
        theirs = TopKLogitsWarper(k)(tokens, logits)
        agrees(keep_top_k(logits, k), theirs, "transformers.TopKLogitsWarper")
    for p in (1e-6, 0.3, 0.95, 1.0):
        theirs = TopPLogitsWarper(p)(tokens, logits)
        agrees(keep_top_p(logits, p), theirs, "transformers.TopPLogitsWarper")
    for min_p in (0.0, 0.02, 0.5, 1.0):
        theirs = MinPLogitsWarper(min_p)(tokens, logits)
        agrees(keep_min_p(logits, min_p), theirs, "transformers.MinPLogitsWarper")
    for penalty in (0.5, 1.2, 3.0):
        agrees(
            penalize_repetition(logits, tokens, penalty),
            RepetitionPenaltyLogitsProcessor(penalty)(tokens, logits),
            "transformers.RepetitionPenaltyLogitsProcessor",
        )


def test_the_order_is_that_of_generate(agrees):
    """Penalty, temperature, top-k, top-p, min-p: what generate draws from."""
    gpt, prompt = tiny_gpt(), torch.tensor([[3, 1, 4], [1, 5, 9]])
    config = GenerationConfig(
        do_sample=True,
        max_new_tokens=4,
        repetition_penalty=1.5,
        temperature=0.6,
        top_k=8,
        top_p=0.97,
        min_p=0.03,
        pad_token_id=0,
        output_scores=True,
        output_logits=True,
        return_dict_in_generate=True,
    )
    torch.manual_seed(0)
    out = gpt.generate(prompt, config, attention_mask=torch.ones_like(prompt))
    for step in range(4):
        tokens = out.sequences[:, : 3 + step]
        ours = penalize_repetition(out.logits[step].double(), tokens, 1.5)
        ours = keep_top_k(apply_temperature(ours, 0.6), 8)
        ours = probabilities(keep_min_p(keep_top_p(ours, 0.97), 0.03))
        theirs = out.scores[step].double().softmax(-1)
        agrees(ours, theirs, "transformers.generate, sampling", rtol=1e-4, atol=1e-6)
        assert (ours == 0).any()


@pytest.mark.parametrize("end", [None, 2, 7])
@pytest.mark.parametrize("width", [2, 3, 5])
def test_beam_search_is_that_of_generate(agrees, end, width):
    """With their length penalty off, and no early stop."""
    for seed in range(6):
        gpt, prompt = tiny_gpt(end, seed), torch.tensor([[3, 1, 4]])
        config = GenerationConfig(
            num_beams=width,
            max_new_tokens=6,
            length_penalty=0.0,
            early_stopping="never",
            eos_token_id=end,
            pad_token_id=0,
            output_scores=True,
            return_dict_in_generate=True,
        )
        out = gpt.generate(prompt, config, attention_mask=torch.ones_like(prompt))
        ours = beam_search(scores_of(gpt), prompt[0], 6, width, end)
        theirs = out.sequences[0][: len(ours.tokens)]
        assert ours.tokens == theirs.tolist()
        agrees(
            torch.tensor([ours.log_prob]),
            out.sequences_scores,
            "transformers.generate, num_beams",
            rtol=1e-5,
            atol=1e-5,
        )


@pytest.mark.parametrize("end", [None, 1])
def test_a_wide_beam_finds_the_best_of_all_sequences(end):
    prompt = torch.tensor([0])
    for seed in range(5):
        table = some_logits(40, 4, 2.0, seed).float().log_softmax(-1)
        model = lambda t, table=table: table[9 * t.shape[1] - 9 + t[:, -1]]  # noqa: E731
        best = exhaustive_search(model, prompt, 4, end)
        wide = beam_search(model, prompt, 4, 64, end)
        assert wide.tokens == best.tokens
        assert wide.log_prob == pytest.approx(best.log_prob, abs=1e-5)
        narrow = [beam_search(model, prompt, 4, w, end).log_prob for w in (1, 2, 8)]
        assert max(narrow) <= best.log_prob + 1e-5


def test_exhaustive_search_is_the_maximum_over_all_products():
    chain = some_logits(3, 3, 1.0).float().log_softmax(-1)
    found = exhaustive_search(lambda tokens: chain[tokens[:, -1]], torch.tensor([2]), 4)
    every = {
        (2, *rest): sum(
            chain[a, b].item() for a, b in zip((2, *rest), rest, strict=False)
        )
        for rest in product(range(3), repeat=4)
    }
    assert tuple(found.tokens) == max(every, key=every.get)
    assert found.log_prob == pytest.approx(max(every.values()))


def test_a_beam_of_one_is_greedy():
    chain = some_logits(9, 9, 1.0).float().log_softmax(-1)
    model = lambda tokens: chain[tokens[:, -1]]  # noqa: E731
    greedy = generate(model, torch.tensor([[4]]), 7, lambda z, _: z.argmax(-1))
    assert beam_search(model, torch.tensor([4]), 7, 1).tokens == greedy[0].tolist()


def test_a_beam_whose_every_sequence_has_ended():
    """After token 0 nothing but the end is possible: the search stops there."""
    chain = torch.tensor([[-inf, 0.0], [log(0.75), log(0.25)]])
    model = lambda tokens: chain[tokens[:, -1]]  # noqa: E731
    found = beam_search(model, torch.tensor([1]), 9, 2, end=1)
    assert found.tokens == [1, 0, 1]
    assert found.log_prob == pytest.approx(log(0.75))
    assert found.tokens == exhaustive_search(model, torch.tensor([1]), 9, end=1).tokens


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_log_probabilities_in_other_precisions(dtype):
    """Uniform over 151 tokens, bfloat16 has probabilities that sum to 1.014."""
    uniform = torch.full((1, 151), -log(151.0), dtype=torch.float64).to(dtype)
    model = lambda tokens: uniform.expand(len(tokens), -1)  # noqa: E731
    found = beam_search(model, torch.tensor([0]), 2, 3)
    assert found.log_prob == pytest.approx(-2 * log(151), rel=1e-2)
    assert len(found.tokens) == 3


def test_no_work_for_what_cannot_win():
    """Ended sequences are not extended, and a search ends when it is decided."""
    asked, table = [], some_logits(5, 5, 1.0).float().log_softmax(-1)

    def model(tokens):
        asked.append(tokens[:, 1:])
        return table[tokens[:, -1]]

    for end in range(5):
        beam_search(model, torch.tensor([0]), 6, 4, end)
        assert not any((tokens == end).any() for tokens in asked)
        asked.clear()
    table = torch.tensor([[0.1, 0.9]]).log()
    assert beam_search(model, torch.tensor([0]), 9, 2, end=1).tokens == [0, 1]
    assert len(asked) == 1


rows_of_logits = st.lists(st.integers(-4, 4), min_size=1, max_size=9).map(
    lambda row: torch.tensor([row], dtype=torch.float64)
)


@given(rows_of_logits, st.floats(0.01, 1.0), st.permutations(range(9)))
@bounded
def test_equal_logits_have_equal_fates(logits, share, order):
    """Permuting the vocabulary permutes the result, also when logits are equal."""
    order = [i for i in order if i < logits.shape[1]]
    for keep, value in ((keep_top_k, 3), (keep_top_p, share), (keep_min_p, share)):
        kept = keep(logits, value)
        assert torch.equal(keep(logits[:, order], value), kept[:, order])


@given(rows_of_logits, st.floats(0.01, 0.99))
@bounded
def test_top_p_by_its_definition(logits, p):
    """The shortest prefix of the sorted tokens that reaches p, and ties of its last."""
    row = probabilities(logits)[0].tolist()
    ranked, mass, last = sorted(row, reverse=True), 0.0, 0.0
    if any(abs(sum(ranked[:i]) - p) < 1e-9 for i in range(len(row))):
        return  # rounding decides
    for last in ranked:
        mass += last
        if mass >= p:
            break
    kept = (keep_top_p(logits, p)[0] > -inf).tolist()
    assert kept == [q >= last - 1e-12 for q in row]


@pytest.mark.parametrize(("k", "p"), [(2, 0.5), (3, 0.1), (1, 0.9)])
def test_ties_beside_transformers(k, p):
    """Top-k keeps ties in both. Top-p keeps them here; there, the sort decides."""
    logits, tokens = torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0]]), torch.zeros(1, 1).long()
    assert torch.equal(keep_top_k(logits, k), TopKLogitsWarper(k)(tokens, logits))
    ours = keep_top_p(logits, p) > -inf
    theirs = TopPLogitsWarper(p)(tokens, logits) > -inf
    assert (theirs & ~ours).sum() == 0  # whatever they keep, we keep
    extra = logits[ours & ~theirs]
    assert set(extra.tolist()) <= {logits[ours].min().item()}


def test_counts_are_subtracted_as_in_a_loop():
    logits, tokens = some_logits(3, 6), torch.tensor([[0, 5, 5], [1, 1, 1], [4, 0, 4]])
    ours = penalize_counts(logits, tokens, frequency=0.7, presence=-0.2)
    for row in range(3):
        counts = Counter(tokens[row].tolist())
        for j in range(6):
            want = logits[row, j].item() - 0.7 * counts[j] + 0.2 * (counts[j] > 0)
            assert ours[row, j].item() == pytest.approx(want)


def test_what_a_constant_changes():
    """Adding one to all logits leaves the softmax alone, and all but one operation."""
    logits, tokens = some_logits(), some_tokens()
    for operation in (
        lambda z: apply_temperature(z, 0.7),
        lambda z: keep_top_k(z, 5),
        lambda z: keep_top_p(z, 0.8),
        lambda z: keep_min_p(z, 0.1),
        lambda z: penalize_counts(z, tokens, 0.3, 0.4),
    ):
        same = probabilities(operation(logits + 1))
        torch.testing.assert_close(same, probabilities(operation(logits)))
    penalized = probabilities(penalize_repetition(logits + 1, tokens, 1.3))
    before = probabilities(penalize_repetition(logits, tokens, 1.3))
    assert (penalized - before).abs().max() > 0.01


def test_temperature_before_or_after():
    """Top-k does not care. Min-p does: its distance is T ln(1/min_p)."""
    logits = some_logits()
    hot = apply_temperature(logits, 2.0)
    kept = keep_top_k(hot, 6) > -inf
    assert torch.equal(kept, keep_top_k(logits, 6) > -inf)
    distance = logits.amax(-1, keepdim=True) - logits
    kept = keep_min_p(hot, 0.1) > -inf
    assert torch.equal(kept, distance <= 2.0 * log(10))
    more = (keep_top_p(hot, 0.9) > -inf).sum(-1)
    assert (more > (keep_top_p(logits, 0.9) > -inf).sum(-1)).all()


def test_draws_have_the_probabilities():
    logits = keep_top_k(torch.tensor([2.0, 1.0, 0.0, -1.0]), 3)
    drawn = draw(logits.expand(20_000, 4), torch.Generator().manual_seed(0))
    share = torch.bincount(drawn, minlength=4) / 20_000
    assert share[3] == 0
    torch.testing.assert_close(share, probabilities(logits), rtol=0, atol=0.015)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_what_single_precision_keeps(dtype):
    logits, tokens = some_logits(5, 400).to(dtype), some_tokens(5, 9, 400)
    wide = logits.float()
    for operation in (
        lambda z: apply_temperature(z, 1.0),
        lambda z: keep_top_k(z, 20),
        lambda z: keep_top_p(z, 0.9),
        lambda z: keep_min_p(z, 0.05),
        lambda z: penalize_counts(z, tokens, 1.0, 0.5),
        lambda z: penalize_repetition(z, tokens, 2.0),
    ):
        assert operation(logits).dtype == dtype
        torch.testing.assert_close(operation(logits), operation(wide).to(dtype))
    assert probabilities(logits).dtype == torch.float32


def test_top_p_of_one_removes_nothing():
    """Not even a token whose probability, exp(-200), is zero in single precision."""
    logits = torch.tensor([[0.0, -200.0, -inf, 0.0]])
    assert torch.equal(keep_top_p(logits, 1.0), logits)


def test_extreme_scales():
    cold = probabilities(apply_temperature(torch.tensor([1e30, 1.0, -1e30]), 1e-30))
    assert cold.tolist() == [1, 0, 0]
    hot = probabilities(apply_temperature(torch.tensor([1e3, -1e3]), 1e30))
    torch.testing.assert_close(hot, torch.tensor([0.5, 0.5]))
    tiny = torch.full((100_000,), -1e6)
    assert torch.equal(keep_top_p(tiny, 1.0), tiny)
    assert torch.equal(keep_min_p(tiny, 0.0), tiny)


def test_hidden_tokens_stay_hidden():
    tokens = torch.tensor([[0, 1]])
    for result in (
        apply_temperature(MASKED, 0.5),
        keep_top_k(MASKED, 4),
        keep_top_p(MASKED, 1.0),
        keep_min_p(MASKED, 0.0),
        penalize_repetition(MASKED, tokens, 1.2),
        penalize_counts(MASKED, tokens, 1.0, 1.0),
    ):
        assert torch.equal(result.isneginf(), MASKED.isneginf())
        assert not result.isnan().any()


def test_a_vocabulary_of_one_and_no_tokens():
    one = torch.tensor([[-7.0]])
    assert probabilities(keep_min_p(keep_top_p(keep_top_k(one, 3), 0.1), 1.0)) == 1
    assert draw(one).tolist() == [0]
    none = torch.zeros(1, 0, dtype=torch.long)
    assert penalize_repetition(one, none, 2.0) == -7
    assert penalize_counts(one, none, 2.0) == -7
    assert count_tokens(none, 3).tolist() == [[0, 0, 0]]


@given(st.lists(st.integers(0, 1), max_size=12), st.integers(1, 3), st.integers(2, 3))
@bounded
def test_a_loop_by_its_definition(tokens, shortest, times):
    phrases = (
        tokens[len(tokens) - length :] for length in range(shortest, len(tokens) + 1)
    )
    want = any(tokens[-len(p) * times :] == p * times for p in phrases if p)
    assert ends_in_loop(tokens, shortest, times) == want


def test_the_count_model_by_its_definition():
    """Witten and Bell: weights from the number of different followers."""
    text, vocab = [0, 1, 2, 0, 1, 1, 0, 2, 0, 1, 2], 4

    def probability(token, context):
        followers = [
            text[i + len(context)]
            for i in range(len(text) - len(context))
            if text[i : i + len(context)] == context
        ]
        lower = probability(token, context[1:]) if context else 1 / vocab
        kinds, number = len(set(followers)), len(followers)
        if not number:
            return lower
        return (followers.count(token) + kinds * lower) / (number + kinds)

    model = CountModel(text, vocab, order=3)
    for context in product(range(vocab), repeat=2):
        got = model(torch.tensor([context]))[0].exp()
        want = [probability(token, list(context)) for token in range(vocab)]
        torch.testing.assert_close(got, torch.tensor(want))
    short = model(torch.tensor([[1]]))[0].exp()
    want = [probability(token, [1]) for token in range(vocab)]
    torch.testing.assert_close(short, torch.tensor(want))


def test_prompts_are_not_in_the_text_that_was_read():
    fold = held_out_prompts(2, prompts=7, length=30)
    tokens = torch.cat([fold.prompts, fold.continuations], dim=1)
    loss = [
        -fold.model(tokens[:, :i]).gather(1, tokens[:, i : i + 1]).mean().item()
        for i in range(30, 130)
    ]
    assert 10 < exp(sum(loss) / len(loss)) < 100


def chain_of_two(tokens):
    return torch.tensor([[0.5, 0.5]]).log().expand(len(tokens), 2)


ROW, TOKENS = torch.tensor([[1.0, 2.0]]), torch.tensor([[0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check(torch.zeros(3, 0)), r"shape \(3, 0\) have no vocabulary"),
        (lambda: check(torch.tensor([0.0, nan])), "1 logits are NaN"),
        (lambda: check(torch.tensor([0.0, inf])), "1 logits are NaN or plus inf"),
        (lambda: check(torch.full((2, 3), -inf)), "2 rows have no token left"),
        (lambda: draw(torch.full((1, 3), -inf)), "no token left"),
        (lambda: keep_top_p(torch.tensor([nan, 1.0]), 0.5), "NaN"),
        (lambda: keep_top_k(torch.tensor([nan, 1.0]), 1), "NaN"),
        (lambda: keep_min_p(torch.tensor([nan, 1.0]), 0.5), "NaN"),
        (lambda: apply_temperature(torch.tensor([nan, 1.0]), 1.0), "NaN"),
        (lambda: apply_temperature(ROW, 0.0), "temperature=0.0: take logits.argmax"),
        (lambda: apply_temperature(ROW, -0.5), "temperature=-0.5 is not positive"),
        (lambda: apply_temperature(ROW, nan), "temperature=nan"),
        (lambda: apply_temperature(ROW, inf), "temperature=inf"),
        (lambda: apply_temperature(ROW, 1e-45), "temperature=1e-45"),
        (lambda: keep_top_k(ROW, 0), "k=0 keeps no token"),
        (lambda: keep_top_k(ROW, -1), "k=-1"),
        (lambda: keep_top_p(ROW, 0.0), r"p=0.0 is not in \(0, 1\]"),
        (lambda: keep_top_p(ROW, 1.5), "p=1.5"),
        (lambda: keep_top_p(ROW, nan), "p=nan"),
        (lambda: keep_min_p(ROW, -0.1), r"min_p=-0.1 is not in \[0, 1\]"),
        (lambda: keep_min_p(ROW, 1.1), "min_p=1.1"),
        (lambda: penalize_repetition(ROW, TOKENS, 0.0), "penalty=0.0 is not positive"),
        (lambda: penalize_repetition(ROW, TOKENS, inf), "penalty=inf"),
        (lambda: penalize_repetition(ROW, TOKENS + 2, 1.2), "tokens from 2 to 2"),
        (lambda: penalize_repetition(ROW, TOKENS - 1, 1.2), "tokens from -1 to -1"),
        (lambda: penalize_counts(ROW, TOKENS, nan), "frequency=nan"),
        (lambda: ends_in_loop([1, 2], times=1), "2 tokens, 1 times"),
        (lambda: beam_search(chain_of_two, TOKENS[0], 0, 2), "steps=0"),
        (lambda: beam_search(chain_of_two, TOKENS[0], 2, 0), "width=0"),
        (lambda: beam_search(lambda t: ROW, TOKENS[0], 2, 1), "not log-probabilities"),
        (lambda: beam_search(lambda t: ROW * nan, TOKENS[0], 2, 1), "not log-prob"),
        (lambda: beam_search(lambda t: ROW[:, :0], TOKENS[0], 2, 1), "is empty"),
        (lambda: CountModel([0, 1], 2, order=3), "order=3 with a text of 2"),
        (lambda: CountModel([], 2, order=1), "order=1 with a text of 0"),
        (lambda: CountModel([0, 2], 2, order=1), "vocab=2"),
        (lambda: CountModel([0, 1], 10**6, order=4), "order=4"),
        (lambda: held_out_prompts(5), "fold=5"),
        (lambda: held_out_prompts(0, prompts=0), "prompts=0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
