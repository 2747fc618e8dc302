"""The loss against TRL, scores against scikit-learn, and best-of-n against loops."""

import itertools
import math

import jaxtyping
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch.testing import assert_close

from snippets.alignment import stated_facts as facts
from snippets.alignment.best_of_n import best_of_n, best_of_n_means
from snippets.alignment.reward_models import (
    fit_scores,
    log_likelihood,
    mm_step,
    reward_loss,
)

bounded = settings(max_examples=30, deadline=None, derandomize=True)
DOUBLE = {"dtype": torch.float64}


def counts(items: int, seed: int):
    """A table of comparisons with some pairs never compared."""
    draw = torch.Generator().manual_seed(seed)
    wins = torch.randint(0, 9, (items, items), generator=draw)
    wins *= torch.rand(items, items, generator=draw) < 0.7
    cycle = torch.arange(items)
    wins[cycle, cycle.roll(1)] += 1  # strongly connected
    return wins.fill_diagonal_(0)


@pytest.mark.parametrize("items", [2, 3, 7])
def test_scores_agree_with_logistic_regression(agrees, items):
    wins = counts(items, seed=items)
    winner, loser = wins.nonzero(as_tuple=True)
    rows = torch.zeros(len(winner), items, **DOUBLE)
    pair = torch.arange(len(winner))
    rows[pair, winner], rows[pair, loser] = 1.0, -1.0
    both = torch.cat([rows, -rows]).numpy()
    labels = [1] * len(rows) + [0] * len(rows)
    weight = wins[winner, loser].repeat(2).numpy()
    model = LogisticRegression(C=1e8, fit_intercept=False, tol=1e-12, max_iter=10_000)
    theirs = torch.from_numpy(model.fit(both, labels, weight).coef_[0])
    ours = fit_scores(wins)
    agrees(
        ours,
        theirs - theirs.mean(),
        "sklearn.linear_model.LogisticRegression",
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.fixture
def trainer(tmp_path):
    """TRL's trainer around a tiny classifier with one output."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import (
        GPT2Config,
        GPT2ForSequenceClassification,
        PreTrainedTokenizerFast,
    )
    from trl import RewardConfig, RewardTrainer

    def trainer(**options):
        words = Tokenizer(models.WordLevel({"<end>": 0, "a": 1, "b": 2}, "<end>"))
        special = {"eos_token": "<end>", "pad_token": "<end>"}
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **special)
        sizes = {"n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 2}
        config = GPT2Config(vocab_size=3, **sizes, num_labels=1, pad_token_id=0)
        args = {"use_cpu": True, "bf16": False, "report_to": []}
        args |= {"activation_checkpointing": False}
        rows = [
            {"chosen_ids": [1, 2, 1, 0], "rejected_ids": [2, 0], "margin": 0.5},
            {"chosen_ids": [1, 0], "rejected_ids": [2, 2, 1, 2, 0], "margin": 2.0},
            {"chosen_ids": [2, 1, 0], "rejected_ids": [1, 1, 0], "margin": 0.0},
        ]
        return RewardTrainer(
            GPT2ForSequenceClassification(config),
            RewardConfig(str(tmp_path), **args, **options),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )

    return trainer


@pytest.mark.parametrize("center", [None, 0.3])
def test_loss_agrees_with_trl(agrees, trainer, center):
    theirs = trainer(center_rewards_coefficient=center)
    theirs.model.score.weight.data.mul_(40)  # rewards far apart
    inputs = next(iter(theirs.get_train_dataloader()))
    names = ("input_ids", "attention_mask")
    with torch.no_grad():
        logits = theirs.model.eval()(**{name: inputs[name] for name in names}).logits
        expected = theirs.compute_loss(theirs.model, inputs)
    chosen, rejected = logits.squeeze(-1).chunk(2)
    ours = reward_loss(chosen, rejected, inputs["margin"], center or 0.0)
    agrees(ours, expected, "trl.RewardTrainer")


def test_loss_by_hand():
    chosen, rejected = torch.tensor([math.log(3), 5.0]), torch.tensor([0.0, 5.0])
    expected = (math.log(4 / 3) + math.log(2)) / 2
    assert_close(reward_loss(chosen, rejected).item(), expected)
    moved = reward_loss(chosen + 7, rejected + 7)
    assert_close(moved.item(), expected)
    same = reward_loss(chosen, rejected, margin=chosen - rejected)
    assert_close(same.item(), math.log(2))
    centered = reward_loss(chosen, rejected, center=0.1)
    extra = 0.1 * (math.log(3) ** 2 + 100) / 2
    assert_close(centered.item(), expected + extra)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_loss_of_half_precision_does_not_overflow(dtype):
    high, low = torch.full((3,), 4e4, dtype=dtype), torch.full((3,), -4e4, dtype=dtype)
    assert_close(reward_loss(low, high), high.float()[0] - low.float()[0])
    assert reward_loss(high, low) == 0
    centered = reward_loss(high, high, center=1.0)
    assert_close(centered, math.log(2) + (2 * high.float()[0]) ** 2)


def test_gradient_of_a_pair_is_the_probability_of_the_wrong_choice():
    chosen = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    rejected = torch.tensor([1.0, 0.0, -30.0])
    reward_loss(chosen, rejected).backward()
    assert_close(chosen.grad, -(rejected - chosen.detach()).sigmoid() / 3)


@pytest.mark.parametrize("seed", range(4))
def test_at_the_maximum_expected_wins_equal_wins(seed):
    wins = counts(5, seed)
    scores = fit_scores(wins)
    for item in range(5):
        expected = 0.0
        for other in range(5):
            games = wins[item, other] + wins[other, item]
            share = scores[item].exp() / (scores[item].exp() + scores[other].exp())
            expected += games.item() * share.item()
        assert_close(expected, wins[item].sum().item() + 0.0, atol=1e-6, rtol=0)


@bounded
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_a_step_never_lowers_the_likelihood(seed, items):
    wins = counts(items, seed)
    scores = torch.randn(items, generator=torch.Generator().manual_seed(seed)).double()
    for _ in range(5):
        after = mm_step(scores, wins)
        assert log_likelihood(after, wins) >= log_likelihood(scores, wins) - 1e-9
        scores = after


def test_step_is_hunters_formula():
    wins, scores = counts(4, seed=1), torch.tensor([0.3, -1.0, 0.5, 0.2], **DOUBLE)
    gamma = scores.exp().tolist()
    new = []
    for i in range(4):
        games = [(wins[i, j] + wins[j, i]).item() for j in range(4)]
        below = sum(games[j] / (gamma[i] + gamma[j]) for j in range(4) if j != i)
        new.append(math.log(wins[i].sum().item() / below))
    expected = torch.tensor(new, **DOUBLE)
    assert_close(mm_step(scores, wins), expected - expected.mean())


def test_scores_far_apart():
    scores = fit_scores(torch.tensor([[0, 10**9], [1, 0]]), tolerance=1e-15)
    assert_close((scores[0] - scores[1]).item(), math.log(10**9))
    start = torch.tensor([500.0, -500.0], **DOUBLE)
    assert mm_step(start, torch.tensor([[0, 3], [1, 0]])).isfinite().all()


def test_scores_do_not_depend_on_names_or_on_the_number_of_copies():
    wins, order = counts(6, seed=3), torch.tensor([3, 0, 5, 1, 2, 4])
    scores = fit_scores(wins)
    assert_close(fit_scores(wins[order][:, order]), scores[order], atol=1e-6, rtol=0)
    assert_close(fit_scores(wins * 5), scores, atol=1e-6, rtol=0)
    assert_close(fit_scores(wins.T), -scores, atol=1e-6, rtol=0)


def test_bad_tables_are_refused():
    with pytest.raises(ValueError, match="from item 1 to item 0"):
        fit_scores(torch.tensor([[0, 4], [0, 0]]))
    with pytest.raises(ValueError, match="from item 0 to item 2"):
        fit_scores(torch.tensor([[0, 1, 0], [1, 0, 0], [2, 0, 0]]))
    with pytest.raises(ValueError, match=r"compared with itself: \[1.0, 0.0\]"):
        fit_scores(torch.tensor([[1, 4], [2, 0]]))
    with pytest.raises(ValueError, match="not negative"):
        fit_scores(torch.tensor([[0, -4], [2, 0]]))
    with pytest.raises(ValueError, match="not negative"):
        fit_scores(torch.tensor([[0, math.nan], [2, 0]]))
    with pytest.raises(ValueError, match="needs two items, got 1"):
        fit_scores(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="after 3 steps"):
        fit_scores(counts(7, seed=0), max_steps=3)


def test_bad_pairs_are_refused():
    with pytest.raises(ValueError, match="no pairs"):
        reward_loss(torch.empty(0), torch.empty(0))
    with pytest.raises(ValueError, match="nan"):
        reward_loss(torch.tensor([math.nan]), torch.tensor([0.0]))
    with pytest.raises(ValueError, match="inf"):
        reward_loss(torch.tensor([0.0]), torch.tensor([math.inf]))
    with pytest.raises(ValueError, match="margin nan"):
        reward_loss(torch.tensor([0.0]), torch.tensor([1.0]), math.nan)


def test_shapes_that_would_broadcast_to_all_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    one, logits = torch.zeros(3), torch.zeros(3, 1)  # a classifier's logits
    with pytest.raises(ValueError, match=r"\(3,\), \(3, 1\), \(\)"):
        reward_loss(one, logits)
    with pytest.raises(ValueError, match=r"\(3,\), \(3,\), \(3, 1\)"):
        reward_loss(one, one, logits)
    with pytest.raises(ValueError, match=r"\(3,\), \(1,\), \(\)"):
        reward_loss(one, one[:1])


def test_counts_of_a_small_integer_type_do_not_overflow():
    wins = torch.tensor([[0, 100], [90, 0]], dtype=torch.int8)
    start = torch.zeros(2, **DOUBLE)
    assert_close(mm_step(start, wins), mm_step(start, wins.double()))
    assert_close(fit_scores(wins), fit_scores(wins.double()))


def draws(probability, rewards, n):
    """All lists of n answers: their probability, and the answers that tie for best."""
    for answers in itertools.product(range(len(rewards)), repeat=n):
        best = max(rewards[a].item() for a in answers)
        tied = [a for a in answers if rewards[a] == best]
        yield math.prod(probability[a].item() for a in answers), tied


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("rewards", [[0.0, 3.0, 1.0, 2.0], [1, 0, 1, 1], [2, 2, 2, 2]])
def test_best_of_n_agrees_with_all_lists_of_answers(agrees, n, rewards):
    probability = torch.tensor([0.1, 0.2, 0.3, 0.4], **DOUBLE)
    rewards = torch.tensor(rewards)
    expected = torch.zeros(4, **DOUBLE)
    for chance, tied in draws(probability, rewards, n):
        for answer in tied:
            expected[answer] += chance / len(tied)
    ours = best_of_n(probability, rewards, n)
    agrees(ours, expected, "all lists of answers, as loops")


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_rare_answer_is_not_lost(dtype):
    rare = 1e-6
    probability = torch.tensor([1 - rare, rare, 0.0], dtype=dtype)
    own = probability[1].item()
    best = best_of_n(probability, torch.tensor([0, 2, 9]), 100)
    assert best.dtype == dtype
    assert_close(best[1].item(), 1 - (1 - own) ** 100, rtol=1e-2, atol=0)
    assert best[2] == 0


@bounded
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(2, 9))
def test_divergence_stays_below_the_bound(seed, n, answers):
    draw = torch.Generator().manual_seed(seed)
    probability = torch.rand(answers, generator=draw).double() + 1e-3
    probability /= probability.sum()
    rewards = torch.randint(0, 5, (answers,), generator=draw)
    best = best_of_n(probability, rewards, n)
    assert_close(best.sum().item(), 1.0)
    terms = torch.where(best > 0, best * (best / probability).log(), 0)
    assert terms.sum() <= math.log(n) - (n - 1) / n + 1e-9


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("rewards", [[4, 0, 1, 6, 2, 5, 3], [1, 0, 1, 1, 0, 2, 2]])
def test_mean_agrees_with_all_subsets(agrees, n, rewards):
    values = torch.tensor([0.3, -1.0, 2.0, 0.5, 7.0, -3.0, 1.0], **DOUBLE)
    kinds = torch.stack([values, values.flip(0), values])
    means = []
    for subset in itertools.combinations(range(7), n):
        best = max(rewards[i] for i in subset)
        tied = [values[i].item() for i in subset if rewards[i] == best]
        means.append(sum(tied) / len(tied))
    ours = best_of_n_means(kinds, torch.tensor(rewards), [1, n, 5])
    assert ours.shape == (3, 3)
    agrees(ours[0, 1], sum(means) / len(means), "all subsets, as loops")
    alone = best_of_n_means(values.flip(0), torch.tensor(rewards), [n])
    assert_close(ours[1, 1:2], alone)


def test_means_of_many_samples_stay_finite():
    rewards = torch.arange(100_000)
    means = best_of_n_means(rewards.double(), rewards, [1, 1000, 99_999, 100_000])
    # the largest of n numbers up to N is (N + 1) n / (n + 1) on average, from 1 on
    expected = [100_001 * n / (n + 1) - 1 for n in (1, 1000, 99_999, 100_000)]
    assert_close(means, torch.tensor(expected, **DOUBLE), rtol=1e-6, atol=0)


@bounded
@given(st.lists(st.integers(-3, 3), min_size=2, max_size=30), st.data())
def test_mean_reward_grows_with_n(rewards, data):
    n = data.draw(st.integers(1, len(rewards) - 1))
    assume(len(set(rewards)) > 1)
    own = torch.tensor(rewards)
    fewer, more = best_of_n_means(own.double(), own, [n, n + 1]).tolist()
    assert min(rewards) < fewer <= more + 1e-9 <= max(rewards) + 2e-9


def test_bad_numbers_of_answers_are_refused():
    values = torch.zeros(3)
    with pytest.raises(ValueError, match=r"best of \[2, 4\] among 3 samples"):
        best_of_n_means(values, values, [2, 4])
    with pytest.raises(ValueError, match=r"best of \[0\] among 3 samples"):
        best_of_n_means(values, values, [0])
    with pytest.raises(ValueError, match="best of 0 answers"):
        best_of_n(torch.tensor([1.0]), torch.tensor([1.0]), 0)
    with pytest.raises(ValueError, match=r"sum 0\.9"):
        best_of_n(torch.tensor([0.5, 0.4]), torch.tensor([1.0, 2.0]), 2)
    with pytest.raises(ValueError, match=r"\[1.5, -0.5\]"):
        best_of_n(torch.tensor([1.5, -0.5]), torch.tensor([1.0, 2.0]), 2)


@pytest.mark.parametrize("shapes", [((1,), (3,)), ((2, 1), (2,)), ((2,), (2, 1))])
def test_an_answer_has_one_probability_and_one_reward(shapes, monkeypatch):
    """Without types, (1,) and (3,) gave probabilities of 1, 3, and 5."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    probability, rewards = (torch.ones(shape) for shape in shapes)
    with pytest.raises(ValueError, match=r"have shapes"):
        best_of_n(probability / probability.sum(), rewards, 2)


def test_rewards_that_are_not_numbers_are_refused():
    rewards = torch.tensor([math.nan, 1.0])
    with pytest.raises(ValueError, match=r"\[nan, 1.0\]"):
        best_of_n(torch.tensor([0.5, 0.5]), rewards, 2)
    with pytest.raises(ValueError, match="1 rewards are nan"):
        best_of_n_means(torch.zeros(2), rewards, [2])


def test_raters_follow_the_model():
    draw = torch.Generator().manual_seed(0)
    first, second = torch.zeros(2, 40_000, 10)
    first[:, 1], second[:, 7] = 1, 1  # worth 1.2 and 0.3
    (chosen, rejected), felt = facts.compare(first, second, draw)
    share = chosen[:, 1].mean().item()
    chance = 1 / (1 + math.exp(-0.9))
    assert abs(share - chance) < 5 * (chance * (1 - chance) / 40_000) ** 0.5
    assert_close(chosen + rejected, first + second)
    # a felt gap above 1, in either direction
    beyond = 1 / (1 + math.exp(0.1)) + 1 / (1 + math.exp(1.9))
    assert abs((felt > 1).double().mean().item() - beyond) < 0.0125


def test_answers_and_ratings():
    draw = torch.Generator().manual_seed(1)
    answers = facts.draw_answers(6000, draw)
    assert set(answers.unique().tolist()) == {0.0, 1.0}
    lengths = torch.bincount(answers.sum(dim=1).long(), minlength=7)
    assert lengths[0] == 0
    assert (lengths[1:] - 1000).abs().max() < 150
    stuck = facts.draw_answers(6000, draw, stuck=0.5)
    assert abs((stuck.amax(dim=1) == 1 + facts.LOOP).double().mean() - 0.5) < 0.04
    assert facts.draw_answers(0, draw).shape == (0, 10)
    with pytest.raises(ValueError, match=r"stuck=1\.5"):
        facts.draw_answers(3, draw, stuck=1.5)
    for answer in torch.cat([answers[:20], facts.repeat(answers[:20], 3, draw)]):
        worth = 0.0
        for times, value in zip(answer.tolist(), facts.WORTH.tolist(), strict=True):
            worth += (value if times else 0) - facts.REPEAT * max(times - 1, 0)
        assert_close(facts.rating(answer).item(), worth, atol=1e-5, rtol=0)


def test_repetitions_are_of_a_statement_that_was_made():
    draw = torch.Generator().manual_seed(2)
    answers = facts.draw_answers(500, draw)
    times = torch.arange(500) % 7
    more = facts.repeat(answers, times, draw) - answers
    assert_close(more.sum(dim=1), times.float())
    assert ((more > 0).sum(dim=1) <= 1).all()
    assert (more[answers == 0] == 0).all()


def test_models_side_by_side_learn_as_if_alone():
    def start():
        torch.manual_seed(3)
        return [facts.RewardModel() for _ in range(2)]

    draw = torch.Generator().manual_seed(4)
    data = torch.stack([facts.comparisons(90, 20, draw)[0] for _ in range(2)])
    margins = torch.rand(2, 90, generator=draw)
    models, loops = start(), start()
    facts.train(models, data, margins, 3, torch.Generator().manual_seed(5))
    same = torch.Generator().manual_seed(5)
    batches = [torch.randint(90, (2, facts.BATCH), generator=same) for _ in range(3)]
    for run, model in enumerate(loops):
        weights = list(model.parameters())
        optimizer = torch.optim.AdamW(weights, lr=facts.RATE, weight_decay=0.01)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
        for batch in batches:
            chosen, rejected = (model(side[batch[run]]) for side in data[run])
            optimizer.zero_grad()
            reward_loss(chosen, rejected, margins[run, batch[run]]).backward()
            optimizer.step()
            decay.step()
        ours, alone = models[run].state_dict(), model.state_dict()
        del ours["4.bias"], alone["4.bias"]  # gaps do not depend on it
        assert_close(ours, alone, atol=1e-5, rtol=1e-4)
