"""Speculative decoding against transformers' sampling rule and greedy generation."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare
from torch.nn.functional import one_hot, scaled_dot_product_attention
from torch.testing import assert_close
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.generation.utils import _speculative_sampling

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.cached_model import CachedModel
from snippets.inference.draft_trees import (
    sibling_acceptance,
    tree_mask,
    verify_siblings,
)
from snippets.inference.letter_models import VOCAB as LETTERS
from snippets.inference.letter_models import pair_table
from snippets.inference.server_costs import A100, Server
from snippets.inference.speculative_decoding import (
    acceptance,
    checking_cost,
    expected_tokens,
    residual,
    speculate,
    speedup,
    verify,
)
from snippets.inference.tiny_decoder import TinyDecoder
from snippets.inference.word_models import WordModel, count_followers

VOCAB = 5
SMALL = Decoder(
    layers=3, d_model=24, heads=8, kv_heads=4, head_dim=3, d_ff=20, vocab=11
)


def distributions(*shape: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64).softmax(dim=-1)


@pytest.mark.parametrize("guesses", [2, 3, 6])
def test_agrees_with_transformers_under_the_same_luck(agrees, guesses):
    for seed in range(25):
        p = distributions(1, guesses + 1, VOCAB, seed=seed)
        q = (p[:, :-1] + distributions(1, guesses, VOCAB, seed=seed + 1000)) / 2
        guess = q[0].multinomial(1).T
        torch.manual_seed(seed)
        theirs, matches = _speculative_sampling(guess, q.log(), guesses, p.log())
        torch.manual_seed(seed)
        kept, token = verify(guess, q, p)
        ours = torch.cat([guess[0, : int(kept)], token])[None]
        name = "transformers.generation.utils._speculative_sampling"
        agrees(ours, theirs, name)
        agrees(kept[0], matches, name)


def llama(layers: int, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}
    config = LlamaConfig(
        vocab_size=11, num_hidden_layers=layers, eos_token_id=None, **sizes
    )
    return LlamaForCausalLM(config).double().eval()


def greedy(model: LlamaForCausalLM):
    @torch.no_grad()
    def first_choices(text, last):
        logits = model(text[None]).logits[0, -last:]
        return one_hot(logits.argmax(dim=-1), 11).double()

    return first_choices


@pytest.mark.parametrize("guesses", [0, 1, 3])
def test_greedy_text_is_that_of_the_target_alone(agrees, guesses):
    target, text = llama(2, seed=0), torch.tensor([3, 1, 4])
    theirs = target.generate(
        text[None], max_new_tokens=9, do_sample=False, pad_token_id=0
    )
    while len(text) < 12:
        text, kept = speculate(greedy(target), greedy(llama(1, seed=1)), text, guesses)
        assert 0 <= kept <= guesses
    agrees(text[None, :12], theirs, "transformers.GenerationMixin.generate")


def p_value(tokens: torch.Tensor, p: torch.Tensor) -> float:
    return chisquare(tokens.bincount(minlength=len(p)), p * len(tokens)).pvalue


def test_tokens_have_the_distribution_of_the_target_and_the_test_has_power():
    random = torch.Generator().manual_seed(0)
    p, q = distributions(2, VOCAB)
    many_p, many_q = p.expand(20_000, 2, VOCAB), q.expand(20_000, 1, VOCAB)
    guess = many_q[:, 0].multinomial(1, generator=random)
    kept, token = verify(guess, many_q, many_p, random)
    first = torch.where(kept == 1, guess[:, 0], token)
    assert p_value(first, p) > 0.001
    whole = many_p[:, 0].multinomial(1, generator=random)[:, 0]
    assert p_value(torch.where(kept == 1, guess[:, 0], whole), p) < 1e-6
    assert p_value(token[kept == 1], p) > 0.001  # the free token
    assert abs(kept.double().mean() - acceptance(p, q)) < 0.02


def test_kept_and_residual_make_the_target():
    p, q = distributions(2, 40, VOCAB)
    kept = acceptance(p, q)
    assert_close(torch.minimum(p, q) + (1 - kept)[:, None] * residual(p, q), p)
    assert_close(kept, 1 - (p - q).abs().sum(dim=1) / 2)  # total variation


def test_the_same_model_is_always_believed():
    p = distributions(300, 4, VOCAB)
    guess = p[:, :-1].flatten(0, 1).multinomial(1).view(300, 3)
    kept, _ = verify(guess, p[:, :-1], p)
    assert (kept == 3).all()
    assert_close(residual(p, p), p)


def test_what_the_target_never_writes_is_never_kept():
    p = torch.tensor([0.0, 0.5, 0.5]).expand(200, 2, 3)
    q = torch.tensor([1.0, 0.0, 0.0]).expand(200, 1, 3)
    kept, token = verify(torch.zeros(200, 1, dtype=torch.long), q, p)
    assert (kept == 0).all()
    assert (token > 0).all()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_unlikely_guesses_as_seldom_as_it_should(kind):
    """``torch.rand`` is zero once in 500 in bfloat16, and zero is below any ratio."""
    q = torch.tensor([0.5, 0.5], dtype=kind)
    p = torch.tensor([2.0**-20, 1.0], dtype=kind)
    guess, many = torch.zeros(100_000, 1, dtype=torch.long), (100_000, 1, 2)
    random = torch.Generator().manual_seed(0)
    kept, _ = verify(guess, q.expand(many), p.expand(100_000, 2, 2), random)
    assert kept.sum() < 5  # 0.2 are expected
    which, _ = verify_siblings(
        guess, q.expand(100_000, 2), p.expand(100_000, 2), random
    )
    assert (which == 0).sum() < 5


def test_all_that_is_drawn_lies_where_the_probabilities_are():
    """On the device ``meta``, which refuses tensors of another device."""
    p, q = torch.rand(4, 3, 5, device="meta"), torch.rand(4, 2, 5, device="meta")
    guess = torch.zeros(4, 2, dtype=torch.long, device="meta")
    kept, token = verify(guess, q, p)
    assert kept.device == token.device == p.device
    which, token = verify_siblings(guess, q[:, 0], p[:, 0])
    assert which.device == token.device == p.device


def test_expected_tokens_by_simulation_and_by_the_closed_form(agrees):
    random = torch.Generator().manual_seed(0)
    for alpha, guesses in [(0.3, 1), (0.7, 4), (0.9, 7)]:
        luck = torch.rand(40_000, guesses, generator=random) < alpha
        tokens = luck.long().cumprod(dim=1).sum(dim=1).double().mean() + 1
        assert abs(tokens / expected_tokens(alpha, guesses) - 1) < 0.02
        closed = (1 - alpha ** (guesses + 1)) / (1 - alpha)
        ours = torch.tensor(expected_tokens(alpha, guesses))
        agrees(ours, torch.tensor(closed), "the closed form of the geometric series")
    assert expected_tokens(1.0, 4) == 5


def test_speedup_of_the_papers_examples():
    """Leviathan et al.: 3.69 and 6.86 at no cost for a draft."""
    assert round(speedup(0.8, 5, draft_cost=0.0), 2) == 3.69
    assert round(speedup(0.9, 10, draft_cost=0.0), 2) == 6.86
    assert speedup(0.99, 7, draft_cost=0.01, checking=8.0) < 1


def test_a_pass_costs_what_reading_or_computing_costs():
    """A perfect device that reads a weight while it multiplies with 100 tokens."""
    device = replace(A100, peak=200.0, bandwidth=2.0, mfu=1.0, mbu=1.0, launch=0.0)
    server = Server(model=SMALL, device=device)
    assert checking_cost(server, 1, 7, context=50) == 1
    assert checking_cost(server, 10, 10, context=0) == 1
    assert checking_cost(server, 10, 30, context=0) == pytest.approx(3)
    assert checking_cost(server, 10, 900, context=0) == pytest.approx(10)
    # Long caches are read once for all positions, so that checking stays cheap.
    assert checking_cost(server, 10, 900, context=10_000) < 5


def test_one_of_several_siblings_leaves_the_target_exact():
    random = torch.Generator().manual_seed(0)
    p, q = distributions(2, VOCAB, seed=3)
    guess = q.expand(60_000, VOCAB).multinomial(3, replacement=True, generator=random)
    many_p, many_q = p.expand(60_000, VOCAB), q.expand(60_000, VOCAB)
    which, token = verify_siblings(guess, many_q, many_p, random)
    assert p_value(token, p) > 0.001
    for siblings in (1, 2, 3):
        kept = (which < siblings).double().mean()
        assert abs(kept - sibling_acceptance(p, q, siblings)) < 0.01
    # the plausible mistake: each sibling is tried against the whole target
    luck = torch.rand(60_000, 3, generator=random) < (p / q)[guess]
    first = luck.int().argmax(dim=1)
    drawn = residual(p, q).expand(60_000, VOCAB).multinomial(1, generator=random)
    wrong = torch.where(
        luck.any(dim=1), guess.gather(1, first[:, None])[:, 0], drawn[:, 0]
    )
    assert p_value(wrong, p) < 1e-6


def test_one_sibling_is_one_guess():
    p, q = distributions(2, 30, VOCAB)
    guess = q.multinomial(1)
    torch.manual_seed(5)
    which, token = verify_siblings(guess, q, p)
    torch.manual_seed(5)
    kept, other = verify(guess, q[:, None], p[:, None].expand(30, 2, VOCAB))
    assert_close(which, 1 - kept)
    assert_close(token[which == 1], other[kept == 0])
    assert_close(sibling_acceptance(p, q, 1), acceptance(p, q))


def test_a_tree_sees_what_each_of_its_branches_would_see(agrees):
    torch.manual_seed(0)
    parents = [-1, -1, 0, 0, 1, 3]
    query, key, value = torch.randn(3, 6, 8, dtype=torch.float64)
    tree = scaled_dot_product_attention(query, key, value, attn_mask=tree_mask(parents))
    for branch in ([0, 2], [0, 3, 5], [1, 4]):
        alone = scaled_dot_product_attention(
            query[branch], key[branch], value[branch], is_causal=True
        )
        agrees(tree[branch], alone, "torch.nn.functional.scaled_dot_product_attention")


def test_word_models_by_counting(agrees):
    words = torch.randint(4, (60,), generator=torch.Generator().manual_seed(0)).tolist()
    model = WordModel(count_followers(words, order=3), order=2, vocab=6)

    def chance(word: int, context: list[int]) -> float:
        shorter = chance(word, context[1:]) if context else 1 / 6
        size = len(context)
        after = [
            words[end]
            for end in range(size, len(words))
            if words[end - size : end] == context
        ]
        kinds = len(set(after))
        return (after.count(word) + kinds * shorter) / (len(after) + kinds)

    text = torch.tensor([*words[:5], words[7]])
    ends = [words[3:5], [words[4], words[7]]]
    theirs = torch.tensor(
        [[chance(word, end) for word in range(6)] for end in ends], dtype=torch.float64
    )
    ours = model(text, last=2)
    agrees(ours, theirs, "its definition as loops")
    assert_close(ours.sum(dim=1), torch.ones(2, dtype=torch.float64))


def test_an_unseen_word_leaves_the_guess_to_shorter_contexts():
    model = WordModel(count_followers([0, 1, 0, 2], order=2), order=2, vocab=5)
    unseen = model(torch.tensor([0, 4]), last=1)
    assert_close(unseen[0], model.next([]))


@pytest.mark.parametrize(
    ("draft_vocab", "positions", "cause"),
    [
        (4, 3, "draft of 4 tokens for a target of 5"),
        (6, 3, "draft of 6 tokens for a target of 5"),
        (5, 2, "2 guesses, 2 positions of the target"),
    ],
)
def test_models_that_do_not_fit_are_refused(draft_vocab, positions, cause):
    guess = torch.zeros(1, 2, dtype=torch.long)
    q, p = distributions(1, 2, draft_vocab), distributions(1, positions, VOCAB)
    with pytest.raises(ValueError, match=cause):
        verify(guess, q, p)


def test_drafts_of_another_vocabulary_and_empty_texts_are_refused():
    def uniform(vocab):
        return lambda text, last: torch.full((last, vocab), 1 / vocab)

    with pytest.raises(ValueError, match="draft of 4 tokens for a target of 5"):
        speculate(uniform(5), uniform(4), torch.tensor([1]), 2)
    with pytest.raises(ValueError, match="an empty text"):
        speculate(uniform(5), uniform(5), torch.tensor([], dtype=torch.long), 2)
    with pytest.raises(ValueError, match="node 1 has the parent 2"):
        tree_mask([-1, 2, 0])


def test_probabilities_of_a_word_model_sum_to_one_in_double_precision():
    torch.manual_seed(0)
    words = torch.randint(13, (300,)).tolist()
    model = WordModel(count_followers(words, order=3), order=3, vocab=13)
    chances = model(torch.tensor(words), last=200)
    assert chances.dtype == torch.float64
    assert_close(chances.sum(dim=1), torch.ones_like(chances[:, 0]), rtol=1e-14, atol=0)


def test_gradients_of_the_residual_are_finite_where_nothing_is_missing():
    p = torch.tensor([[0.5, 0.5], [0.7, 0.3]], requires_grad=True)
    residual(p, torch.tensor([[0.5, 0.5], [0.3, 0.7]])).square().sum().backward()
    assert p.grad.isfinite().all()


def small_decoder(vocab: int) -> TinyDecoder:
    torch.manual_seed(0)
    sizes = dict(layers=2, d_model=24, heads=6, kv_heads=2, head_dim=4, d_ff=40)
    return TinyDecoder(Decoder(**sizes, vocab=vocab)).requires_grad_(False)


def test_a_cached_model_forgets_rejected_guesses():
    """Longer, shorter, changed and repeated texts: always as without a cache."""
    model = small_decoder(vocab=11)
    cached = CachedModel(model, capacity=9)
    for text, last in [
        ([3, 1, 4, 1, 5], 2),
        ([3, 1, 4, 1, 5, 9, 2], 3),
        ([3, 1, 4, 1, 6], 1),  # 5, 9 and 2 were rejected
        ([3, 1, 4, 1, 6], 5),
        ([2, 7], 1),
    ]:
        tokens = torch.tensor(text)
        plain = model.lm_head(model(tokens[None]))[0, -last:].softmax(dim=-1)
        assert_close(cached(tokens, last), plain)
    assert cached.passes == 5


def test_a_cached_model_computes_new_tokens_only():
    model, fed = small_decoder(vocab=11), []
    model.register_forward_hook(lambda _, inputs, __: fed.append(inputs[0].shape[1]))
    cached = CachedModel(model, capacity=9)
    for length, last in [(4, 1), (7, 4), (8, 1)]:
        cached(torch.arange(length), last)
    assert fed == [4, 4, 1]


def test_the_pair_table_is_the_mean_of_its_decoder_after_a_pair():
    model = small_decoder(vocab=LETTERS)
    letters = torch.randint(LETTERS, (48 * 400,))
    draft = pair_table(model, letters)
    passages = letters.view(400, 48)
    chances = model.lm_head(model(passages)).softmax(dim=-1)
    places = [
        (row, end)
        for row in range(400)
        for end in range(1, 48)
        if passages[row, end - 1] == 5 and passages[row, end] == 7
    ]
    total = sum(chances[place] for place in places) + 1 / LETTERS
    expected = (total / (len(places) + 1))[None]
    assert_close(draft(torch.tensor([2, 5, 7]), last=1), expected)
