"""Bandits against MABWiser on the same logs; auctions and noise by definition."""

import jaxtyping
import numpy as np
import pytest
from mabwiser.mab import MAB, LearningPolicy
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from snippets.practice.interview_pitfalls import undo_undersampling
from snippets.recommenders import ad_worlds as ads
from snippets.recommenders.ad_auction import recalibrate, second_price
from snippets.recommenders.ad_creatives import approved, creatives, violations
from snippets.recommenders.ad_policies import PartialPooling, bounds, sampling
from snippets.recommenders.generative_advertising import (
    Beta,
    linucb,
    posterior,
    private,
    thompson,
)
from snippets.recommenders.segment_pooling import fit_strength, partial_pooling

WRONG = (ValueError, jaxtyping.TypeCheckError)
SEGMENTS, ARMS = 3, 5


@pytest.fixture
def log():
    """700 impressions: segment, creative, click; and the counts of each cell."""
    rng = np.random.default_rng(0)
    segment, arm = rng.integers(SEGMENTS, size=700), rng.integers(ARMS, size=700)
    click = (rng.random(700) < 0.05 + 0.05 * arm).astype(int)
    counts = np.zeros((2, SEGMENTS, ARMS))
    np.add.at(counts, (1 - click, segment, arm), 1)
    return segment, arm, click, *counts


# Bandits


def test_draws_and_choices_are_those_of_mabwiser(agrees, log):
    segment, arm, click, clicks, misses = log
    rates = posterior(clicks, misses)
    for z in range(SEGMENTS):
        theirs = MAB(list(range(ARMS)), LearningPolicy.ThompsonSampling(), seed=z)
        theirs.fit(arm[segment == z], click[segment == z])
        expected = [list(theirs.predict_expectations().values()) for _ in range(40)]
        rng = np.random.default_rng(z)
        found = [rng.beta(rates.alpha[z], rates.beta[z]) for _ in range(40)]
        agrees(np.array(found), np.array(expected), "mabwiser.mab.MAB")
        choices = thompson(rates, np.full(40, z), np.random.default_rng(z))
        assert_array_equal(choices, np.argmax(expected, axis=1))


def test_bounds_are_those_of_mabwiser(agrees, log):
    segment, arm, click, clicks, misses = log
    theirs = MAB(list(range(ARMS)), LearningPolicy.LinUCB(alpha=0.3), seed=0)
    theirs.fit(arm, click, np.eye(SEGMENTS)[segment])
    rows = theirs.predict_expectations(np.eye(SEGMENTS))
    expected = np.array([list(row.values()) for row in rows])
    agrees(linucb(clicks, misses, alpha=0.3), expected, "mabwiser.mab.MAB")


def test_posterior_is_that_of_bayes():
    grid = np.linspace(0, 1, 20_001)
    weight = stats.beta.pdf(grid, 2, 60) * stats.binom.pmf(7, 100, grid)
    rates = posterior(np.array([[7]]), np.array([[93]]), prior=(2.0, 60.0))
    density = stats.beta.pdf(grid, rates.alpha[0, 0], rates.beta[0, 0])
    assert_allclose(density, weight / integrate.trapezoid(weight, grid), atol=1e-6)


def test_choices_follow_the_probability_of_being_best():
    a, b = stats.beta(4, 50), stats.beta(6, 50)
    chance = integrate.quad(lambda x: b.pdf(x) * a.cdf(x), 0, 1)[0]
    rates = Beta(np.array([[4.0, 6.0]]), np.array([[50.0, 50.0]]))
    choices = thompson(rates, np.zeros(40_000, int), np.random.default_rng(0))
    assert abs(choices.mean() - chance) < 4 * (chance * (1 - chance) / 40_000) ** 0.5


def test_segments_and_worlds_do_not_mix():
    shape, rng = (2, 3, 4), np.random.default_rng(0)
    alpha, best = np.ones(shape), rng.integers(4, size=(2, 3))
    np.put_along_axis(alpha, best[..., None], 1e4, axis=-1)
    segment = rng.integers(3, size=(2, 50))
    found = thompson(Beta(alpha, np.full(shape, 1e4)), segment, rng)
    assert_array_equal(found, np.take_along_axis(best, segment, axis=1))


def test_partial_pooling_is_that_of_the_definition(log):
    clicks, misses = log[3:]
    found = partial_pooling(clicks, misses, 20.0, prior=(1.5, 40.0))
    for z in range(SEGMENTS):
        for arm in range(ARMS):
            hits, fails = 1.5, 40.0
            for other in set(range(SEGMENTS)) - {z}:
                n = clicks[other, arm] + misses[other, arm]
                worth = n * 20 / (n + 20)
                hits += worth * clicks[other, arm] / n
                fails += worth * misses[other, arm] / n
            total = 20 * (hits + fails) / (20 + hits + fails)
            mean = hits / (hits + fails)
            assert_allclose(found.alpha[z, arm], total * mean)
            assert_allclose(found.beta[z, arm], total * (1 - mean))


def test_partial_pooling_lies_between_nothing_and_everything(log):
    clicks, misses = log[3:]
    firm = partial_pooling(clicks, misses, 1e12)
    others = posterior(clicks.sum(0) - clicks, misses.sum(0) - misses, (1.0, 30.0))
    assert_allclose(firm, others)
    loose = partial_pooling(clicks, misses, 5.0)
    assert (loose.alpha + loose.beta < 5).all()
    more = clicks.copy()
    more[1, 2] += 9  # a segment's own clicks are no part of its prior
    again = partial_pooling(more, misses, 5.0)
    assert_allclose(again.alpha[1], loose.alpha[1])
    assert (again.alpha[0, 2] > loose.alpha[0, 2]) & (
        again.alpha[2, 2] > loose.alpha[2, 2]
    )
    alone = partial_pooling(clicks[:1], misses[:1], 1e12)
    assert_allclose(alone.alpha, 1.0)
    assert_allclose(alone.beta, 30.0)


@pytest.mark.parametrize("strength", [10.0, 300.0])
def test_strength_is_the_most_likely_one(strength):
    """Reference: ``scipy.stats.betabinom``, and the strength of the simulation."""
    rng = np.random.default_rng(1)
    mean = rng.beta(2, 60, size=(2, 1, 7))
    rates = rng.beta(strength * mean, strength * (1 - mean), size=(2, 60, 7))
    shows = rng.integers(1, 800, size=rates.shape)
    clicks = rng.binomial(shows, rates)
    grid = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
    likely = []
    for candidate in grid:
        a, b = partial_pooling(clicks, shows - clicks, candidate)
        likely.append(stats.betabinom.logpmf(clicks, shows, a, b).sum(axis=(1, 2)))
    found = fit_strength(clicks, shows - clicks, grid)
    assert found.shape == (2, 1, 1)
    assert_array_equal(found[:, 0, 0], np.array(grid)[np.argmax(likely, axis=0)])
    assert (found == strength).all()


def test_tables_that_cannot_be_learned_from_are_refused():
    one, rng = np.ones((2, 3)), np.random.default_rng(0)
    with pytest.raises(WRONG, match=r"clicks \(0, 3\), misses \(0, 3\)|parameters"):
        posterior(one[:0], one[:0])
    with pytest.raises(ValueError, match=r"clicks \(2, 0\), misses \(2, 0\)"):
        linucb(one[:, :0], one[:, :0], 0.5)
    with pytest.raises(WRONG):
        posterior(one, one[:1])
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="misses from"):
            partial_pooling(one, np.where(np.eye(2, 3) > 0, bad, 1.0), 5.0)
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"alpha must be positive .* got {bad}"):
            posterior(one, one, (bad, 1.0))
        with pytest.raises(ValueError, match=f"alpha must be positive .* got {bad}"):
            linucb(one, one, bad)
        with pytest.raises(ValueError, match="strength must be positive"):
            partial_pooling(one, one, bad)
        with pytest.raises(ValueError, match=f"epsilon must be positive .* got {bad}"):
            private(one, bad, rng)
    for segment in (-1, 2):
        with pytest.raises(ValueError, match=f"segments .*{segment}.* in a table of 2"):
            thompson(Beta(one, one), np.array([0, segment]), rng)
    with pytest.raises(ValueError, match=r"parameters from 0\.0, not above 0"):
        thompson(Beta(one, 0 * one), np.array([0]), rng)


# Privacy


def test_noise_is_laplace_and_hides_one_impression():
    epsilon, rng = 0.7, np.random.default_rng(0)
    noise = private(np.zeros((200, 100)), epsilon, rng).ravel()
    assert stats.kstest(noise, stats.laplace(scale=1 / 0.7).cdf).pvalue > 0.001
    assert stats.kstest(noise, stats.laplace(scale=2 / 0.7).cdf).pvalue < 1e-6
    law, outcome = stats.laplace(scale=1 / epsilon), np.linspace(-9, 9, 101)
    ratio = law.pdf(outcome) / law.pdf(outcome - 1)  # with and without it
    assert ratio.max() <= np.exp(epsilon) + 1e-12
    with pytest.raises(ValueError, match=r"\(2, 0\) counts"):
        private(np.ones((2, 0)), 1.0, rng)
    with pytest.raises(ValueError, match=r"\(1, 2\) counts"):
        private(np.array([[1.0, np.nan]]), 1.0, rng)


def test_an_impression_is_in_one_cell_of_one_release():
    released = []
    rates = ads.draw_rates(2, 3, 4, np.random.default_rng(0))

    def release(counts):
        released.append(counts)
        return counts

    run = ads.simulate(
        rates, sampling((1.0, 1.0)), impressions=60, batch=20, release=release
    )
    assert [counts.sum() for counts in released] == [2 * 20] * 3
    assert_array_equal(np.sum(released, axis=0), [run.clicks, run.shows - run.clicks])


# Auctions


def test_price_is_the_smallest_bid_that_keeps_the_slot():
    rng = np.random.default_rng(0)
    for ads_, slots in ((2, 1), (5, 3), (4, 4)):
        bids, pctr = rng.lognormal(size=(1, ads_)), rng.uniform(0.01, 0.2, (1, ads_))
        sale = second_price(bids, pctr, slots)
        for place in range(slots):
            ad = sale.winner[0, place]
            for factor, kept in ((1.001, True), (0.999, False)):
                changed = bids.copy()
                changed[0, ad] = sale.price[0, place] * factor
                if sale.price[0, place]:
                    again = second_price(changed, pctr, ads_).winner[0]
                    assert (again[place] == ad) == kept
        paid = np.take_along_axis(bids, sale.winner, axis=1)
        assert (sale.price <= paid).all()
    assert sale.price[0, -1] == 0  # nobody is below


def test_with_one_slot_no_bid_beats_the_true_value():
    rng = np.random.default_rng(1)
    value, pctr = rng.lognormal(size=4), rng.uniform(0.01, 0.2, size=4)

    def profit(bid):
        bids = np.concatenate([[bid], value[1:]])[None]
        sale = second_price(bids, pctr[None])
        return (sale.winner == 0).item() * pctr[0] * (value[0] - sale.price.item())

    assert max(map(profit, np.linspace(0, 9, 400))) <= profit(value[0]) + 1e-12


def test_ties_go_to_the_first_and_auctions_do_not_mix():
    sale = second_price(np.array([[1, 2, 2], [3, 1, 1]]), np.full((2, 3), 0.1), 2)
    assert_array_equal(sale.winner, [[1, 2], [0, 1]])
    assert_allclose(sale.price, [[2, 1], [1, 1]])


def test_recalibration_is_bayes_rule():
    p = np.linspace(0, 1, 11)
    assert_allclose(recalibrate(p, 0.02), undo_undersampling(p, 0.02))
    assert_allclose(recalibrate(p, 1.0), p)
    clicks, misses = 30, 970
    sampled = clicks / (clicks + 0.1 * misses)
    assert_allclose(recalibrate(np.array([sampled]), 0.1), 0.03)


def test_auctions_without_sense_are_refused():
    bids, pctr = np.array([[1.0, 2.0]]), np.array([[0.1, 0.2]])
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="bids from"):
            second_price(np.array([[1.0, bad]]), pctr)
    for bad in (-0.1, 0.0, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"not in \(0, 1\]"):
            second_price(bids, np.array([[0.1, bad]]))
    for slots in (0, 3):
        with pytest.raises(ValueError, match=rf"\(1, 2\), {slots} slots"):
            second_price(bids, pctr, slots)
    with pytest.raises(WRONG):
        second_price(bids, pctr[:, :1])
    for rate in (0.0, 1.5, np.nan):
        with pytest.raises(ValueError, match="of the misses"):
            recalibrate(pctr, rate)
    for bad in (-0.1, 1.2, np.nan):
        with pytest.raises(ValueError, match="probabilities from"):
            recalibrate(np.array([0.5, bad]), 0.1)


# Creatives

GOOD = "Ad: Kestrel running shoes."


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (GOOD, []),
        ("", ["empty", "no disclosure", "no brand"]),
        (GOOD.removeprefix("Ad: "), ["no disclosure"]),
        ("Ad: Running shoes.", ["no brand"]),
        (f"{GOOD} {'x' * 64}", ["too long"]),
        (f"{GOOD} {'x' * 63}", []),
        (f"{GOOD} Lighter than GLOBEX.", ["names a rival"]),
        (f"{GOOD} Guarantees comfort.", ["banned claim"]),
        (f"{GOOD} Risk-free!", ["banned claim"]),
        (f"{GOOD} Secure and obscure laces.", []),  # no cure
        (f"{GOOD} \uff27uaranteed.", ["banned claim"]),  # full-width G
        (f"{GOOD} Guar\u00adanteed, mir\u200bacle.", ["banned claim"]),  # invisible
    ],
)
def test_rules(text, broken):
    assert violations(text) == broken


def test_only_what_breaks_no_rule_is_approved_once():
    texts = creatives()
    assert len(set(texts)) == len(texts) == 48
    kept = approved([*texts, *texts])
    assert len(kept) == 8
    assert not any(violations(text) for text in kept)
    with pytest.raises(ValueError, match="none of 1 texts"):
        approved(["Buy!"])


# Worlds


def test_rates_have_their_distribution_and_correlation():
    rates = ads.draw_rates(400, 2, 5, np.random.default_rng(0), similarity=0.7)
    assert stats.kstest(rates[:, 0].ravel(), stats.beta(2, 60).cdf).pvalue > 0.001
    score = stats.norm.ppf(stats.beta(2, 60).cdf(rates))
    both = score.transpose(1, 0, 2).reshape(2, -1)
    assert abs(np.corrcoef(both)[0, 1] - 0.7) < 0.05
    same = ads.draw_rates(3, 2, 5, np.random.default_rng(0), similarity=1.0)
    assert_allclose(same[:, 0], same[:, 1])


def test_regret_is_what_the_best_would_have_gained():
    rates = ads.draw_rates(2, 3, 4, np.random.default_rng(0))

    def always(arm):
        return lambda clicks, misses, segment, rng: np.full_like(segment, arm)

    def oracle(clicks, misses, segment, rng):
        return ads.best_of(rates, segment, rng)

    assert_allclose(ads.simulate(rates, oracle, impressions=200).regret, 0)
    run = ads.simulate(rates, always(2), impressions=40_000, batch=40_000)
    gap = (rates.max(axis=2) - rates[..., 2]).mean(axis=1)
    assert_allclose(run.regret[-1] / 40_000, gap, atol=3e-4)
    share = run.clicks[..., 2] / run.shows[..., 2]
    assert_allclose(share, rates[..., 2], atol=6e-3)
    assert run.shows.sum() == run.shows[..., 2].sum() == 80_000


def test_policies_see_earlier_batches_only_and_runs_extend():
    rates, seen = ads.draw_rates(2, 3, 4, np.random.default_rng(0)), []

    def policy(clicks, misses, segment, rng):
        seen.append((clicks + misses).sum())
        return sampling((1.0, 30.0))(clicks, misses, segment, rng)

    long = ads.simulate(rates, policy, impressions=150, batch=50)
    assert seen == [0, 100, 200]
    short = ads.simulate(rates, policy, impressions=100, batch=50)
    assert_allclose(short.regret, long.regret[:2])


def test_an_ab_test_loses_as_expected():
    rates = np.array([[[0.9, 0.1], [0.2, 0.6]]])
    rng = np.random.default_rng(0)
    during, after = ads.explore_then_commit(rates, 4000, rng, segmented=True)
    assert_allclose([during[0], after[0]], [(0.4 + 0.2) / 2, 0], atol=1e-12)
    _, after = ads.explore_then_commit(rates, 4000, rng, segmented=False)
    assert_allclose(after, 0.2)  # 0.9 and 0.2 instead of 0.9 and 0.6


def test_ties_are_broken_at_random_and_pooling_is_refitted():
    rng = np.random.default_rng(0)
    found = ads.best_of(np.ones((1, 1, 4)), np.zeros((1, 4000), int), rng)
    assert (np.bincount(found[0]) > 850).all()
    rates = ads.draw_rates(3, 6, 4, rng, similarity=1.0)
    policy = PartialPooling()
    run = ads.simulate(rates, policy, impressions=8000, batch=100)
    assert (policy.strength >= 1000).all()  # all segments are alike
    apart = ads.simulate(rates, sampling((1.0, 30.0)), impressions=8000, batch=100)
    assert run.regret[-1].mean() < apart.regret[-1].mean()
    once = ads.simulate(rates, bounds(0.3), impressions=100, batch=100)
    assert (once.shows.sum(axis=1) > 0).all()


def test_policies_sample_from_what_they_see(log):
    """Views and sharpness: the posterior of viewed counts, both parameters scaled."""
    clicks, misses = (counts[None] for counts in log[3:])
    segment = np.random.default_rng(0).integers(SEGMENTS, size=(1, 500))
    policy = sampling((1.5, 20.0), ads.pooled, sharpness=3.0)
    found = policy(clicks, misses, segment, np.random.default_rng(1))
    alpha = 3 * (1.5 + clicks.sum(axis=1, keepdims=True) + 0 * clicks)
    beta = 3 * (20.0 + misses.sum(axis=1, keepdims=True) + 0 * misses)
    expected = thompson(Beta(alpha, beta), segment, np.random.default_rng(1))
    assert_array_equal(found, expected)


def test_a_segment_adds_its_own_counts_to_the_prior_of_the_others(log):
    clicks, misses = (counts[None] for counts in log[3:])
    segment = np.random.default_rng(0).integers(SEGMENTS, size=(1, 500))
    policy = PartialPooling()
    found = policy(clicks, misses, segment, np.random.default_rng(1))
    prior = partial_pooling(clicks, misses, policy.strength)
    rates = Beta(prior.alpha + clicks, prior.beta + misses)
    expected = thompson(rates, segment, np.random.default_rng(1))
    assert_array_equal(found, expected)


def test_campaigns_without_sense_are_refused():
    rng, policy = np.random.default_rng(0), sampling((1.0, 1.0))
    rates = ads.draw_rates(1, 2, 3, rng)
    with pytest.raises(ValueError, match=r"similarity=1\.1"):
        ads.draw_rates(1, 2, 3, rng, similarity=1.1)
    with pytest.raises(
        ValueError, match=r"no world, segment or creative .*\(1, 0, 3\)"
    ):
        ads.simulate(rates[:, :0], policy)
    for bad in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="not 0 to 1"):
            ads.simulate(np.where(rates == rates.max(), bad, rates), policy)
    for batch in (0, 101):
        with pytest.raises(ValueError, match=f"batches of {batch} in 100"):
            ads.simulate(rates, policy, impressions=100, batch=batch)
