"""Expectation-maximization against scikit-learn's ``GaussianMixture``, round by round,
SciPy's densities and divergence, PyTorch's automatic derivatives, and loops."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.stats import entropy, multivariate_normal
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from snippets.classical.expectation_maximization import (
    Mixture,
    coin_m_step,
    convergence_rate,
    em_coins,
    em_mixture,
    evidence_lower_bound,
    initial_mixture,
    kmeans_plusplus,
    mixture_log_joint,
    mixture_m_step,
)
from snippets.classical.maximum_likelihood import (
    coin_derivatives,
    coin_log_joint,
    hidden_log_likelihood,
    responsibilities,
)

bounded = settings(max_examples=25, deadline=None, derandomize=True)
SKLEARN = "sklearn.mixture.GaussianMixture"
HEADS = np.array([5, 9, 8, 4, 7])


def spread_around(points, means) -> Mixture:
    """A start: equal weights, these means, each with the covariance of all points."""
    whole = np.cov(points.T, bias=True).reshape(2 * points.shape[1:])
    covariances = np.repeat(whole[None], len(means), axis=0)
    return Mixture(np.full(len(means), 1 / len(means)), means * 1.0, covariances)


def clouds(samples: int, features: int, components: int, seed: int = 0):
    """Points in as many clouds as components, and a start at some of the points."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(samples, features))
    points += (
        3 * rng.normal(size=(components, features))[np.arange(samples) % components]
    )
    return points, spread_around(points, points[:components])


def theirs_after(
    rounds: int, points, start: Mixture, reg_covar: float
) -> GaussianMixture:
    model = GaussianMixture(
        len(start.weights),
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=np.linalg.inv(start.covariances),
        reg_covar=reg_covar,
        max_iter=rounds,
        tol=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points)


@pytest.mark.parametrize(
    ("samples", "features", "components", "reg_covar"),
    [(61, 2, 3, 0.0), (97, 5, 2, 1e-6), (59, 1, 4, 1e-2)],
)
def test_rounds_agree_with_scikit_learn(
    agrees, samples, features, components, reg_covar
):
    points, start = clouds(samples, features, components)
    ours = list(em_mixture(points, start, 7, reg_covar))
    for rounds in range(1, 8):
        theirs = theirs_after(rounds, points, start, reg_covar)
        agrees(ours[rounds].weights, theirs.weights_, SKLEARN)
        agrees(ours[rounds].means, theirs.means_, SKLEARN)
        agrees(ours[rounds].covariances, theirs.covariances_, SKLEARN)
        before = hidden_log_likelihood(mixture_log_joint(ours[rounds - 1], points))
        agrees(before / samples, theirs.lower_bound_, SKLEARN)
        resp = responsibilities(mixture_log_joint(ours[rounds], points))
        agrees(resp.T, theirs.predict_proba(points), SKLEARN)


def test_a_hundred_rounds_agree_with_scikit_learn(agrees):
    points, start = clouds(900, 2, 3, seed=1)
    *_, ours = em_mixture(points, start, 100, reg_covar=1e-6)
    theirs = theirs_after(100, points, start, 1e-6)
    agrees(ours.means, theirs.means_, SKLEARN, rtol=1e-9, atol=1e-9)
    agrees(ours.covariances, theirs.covariances_, SKLEARN, rtol=1e-9, atol=1e-9)


def test_densities_agree_with_scipy(agrees):
    points, start = clouds(11, 3, 2)
    *_, mixture = em_mixture(points, start, 2)
    theirs = [
        math.log(weight) + multivariate_normal(mean, covariance).logpdf(points)
        for weight, mean, covariance in zip(*mixture, strict=True)
    ]
    ours = mixture_log_joint(mixture, points)
    agrees(ours, np.array(theirs), "scipy.stats.multivariate_normal")


def test_coins_agree_with_the_definition_and_the_published_rounds(agrees):
    """Do and Batzoglou (2008): .71 and .58 after one round, .80 and .52 after ten."""
    a, b = 0.6, 0.5
    for ours in em_coins(np.array([a, b]), HEADS, 10, 10):
        agrees(ours, np.array([a, b]), "definition as loops")
        seen = {"a": [0.0, 0.0], "b": [0.0, 0.0]}
        for h in HEADS.tolist():
            like = a**h * (1 - a) ** (10 - h), b**h * (1 - b) ** (10 - h)
            for name, part in zip("ab", like, strict=True):
                seen[name][0] += part / sum(like) * h
                seen[name][1] += part / sum(like) * 10
        a, b = (count / thrown for count, thrown in seen.values())
    first, tenth = [
        list(em_coins(np.array([0.6, 0.5]), HEADS, 10, 10))[n] for n in (1, 10)
    ]
    assert_allclose(first.round(2), [0.71, 0.58])
    assert_allclose(tenth.round(2), [0.80, 0.52])
    resp = responsibilities(coin_log_joint(np.array([0.6, 0.5]), HEADS, 10))
    assert_allclose(resp[0].round(2), [0.45, 0.80, 0.73, 0.35, 0.65])


def test_coins_reach_the_maximum_that_scipy_finds(agrees):
    *_, ours = em_coins(np.array([0.6, 0.5]), HEADS, 10, 60)

    def surprise(p):
        return -hidden_log_likelihood(coin_log_joint(p, HEADS, 10))

    options = {"xatol": 1e-10, "fatol": 1e-13}
    found = minimize(surprise, [0.7, 0.5], method="Nelder-Mead", options=options)
    agrees(ours, found.x, "scipy.optimize.minimize", rtol=1e-6, atol=1e-6)
    slope, bend = coin_derivatives(ours, HEADS, 10)
    assert_allclose(slope, 0, atol=1e-10)
    assert np.linalg.eigvalsh(bend)[-1] < 0


inside = st.floats(0.02, 0.98)


@bounded
@given(
    st.lists(inside, min_size=1, max_size=4), st.lists(st.integers(1, 8), min_size=1)
)
def test_no_round_of_coins_lowers_the_likelihood(chances, heads):
    heads, heights = np.array([*heads, 4]), []
    for now in em_coins(np.array(chances), heads, 9, 12):
        heights.append(hidden_log_likelihood(coin_log_joint(now, heads, 9)))
    assert np.all(np.diff(heights) >= -1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_no_round_of_a_mixture_lowers_the_likelihood(seed):
    points, start = clouds(47, 2, 3, seed)
    heights = [
        hidden_log_likelihood(mixture_log_joint(mixture, points))
        for mixture in em_mixture(points, start, 30)
    ]
    assert np.all(np.diff(heights) >= -1e-9)
    assert heights[-1] > heights[0] + 10


def test_gap_below_the_likelihood_is_the_divergence_of_scipy(agrees):
    log_joint = coin_log_joint(np.array([0.7, 0.4, 0.2]), HEADS, 10)
    resp = np.random.default_rng(0).dirichlet([1, 1, 1], size=5).T
    gap = hidden_log_likelihood(log_joint) - evidence_lower_bound(log_joint, resp)
    exact = responsibilities(log_joint)
    agrees(gap, entropy(resp, exact).sum(), "scipy.stats.entropy")
    agrees(
        evidence_lower_bound(log_joint, exact),
        hidden_log_likelihood(log_joint),
        "the bound",
    )


def test_a_component_that_is_never_drawn_does_not_matter_to_the_bound():
    """Its weight is zero, its log-density minus infinity, its responsibility zero."""
    alone = np.log([[0.25, 0.5]])
    both = np.concatenate([alone, np.full((1, 2), -np.inf)])
    resp = responsibilities(both)
    assert_allclose(evidence_lower_bound(both, resp), alone.sum())


def test_m_step_maximizes_the_bound():
    points, start = clouds(23, 2, 3)
    resp = responsibilities(mixture_log_joint(start, points))
    best = mixture_m_step(points, resp)
    top = evidence_lower_bound(mixture_log_joint(best, points), resp)
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = best.means + 0.05 * rng.normal(size=best.means.shape)
        weights = rng.dirichlet(20 * best.weights)
        wider = best.covariances * rng.uniform(0.8, 1.2, size=(3, 1, 1))
        for other in (
            best._replace(means=moved),
            best._replace(weights=weights),
            best._replace(covariances=wider),
        ):
            assert evidence_lower_bound(mixture_log_joint(other, points), resp) < top
    log_joint = coin_log_joint(np.array([0.6, 0.5]), HEADS, 10)
    chances = coin_m_step(responsibilities(log_joint), HEADS, 10)
    for step in ([0.01, 0], [0, -0.01], [-0.01, 0.01]):
        near = coin_log_joint(chances + step, HEADS, 10)
        there = coin_log_joint(chances, HEADS, 10)
        held = responsibilities(log_joint)
        assert evidence_lower_bound(near, held) < evidence_lower_bound(there, held)


def test_a_round_is_a_step_along_the_gradient_that_stays_inside():
    chances = np.array([0.9, 0.2, 0.4])
    _, after = em_coins(chances, HEADS, 10, 1)
    resp = responsibilities(coin_log_joint(chances, HEADS, 10))
    slope, _ = coin_derivatives(chances, HEADS, 10)
    rate = chances * (1 - chances) / (10 * resp.sum(axis=1))
    assert_allclose(after - chances, rate * slope)
    assert np.all((after > 0.4) & (after < 0.9))


@pytest.mark.parametrize("heads", [HEADS, np.array([1, 9, 2, 8, 3, 7, 9])])
def test_rate_agrees_with_the_derivative_of_a_round(agrees, heads):
    *_, top = em_coins(np.array([0.6, 0.5]), heads, 10, 300)

    def one_round(p):
        h = torch.tensor(heads, dtype=torch.float64)
        resp = torch.softmax(
            p.log()[:, None] * h + (1 - p).log()[:, None] * (10 - h), 0
        )
        return resp @ h / (10 * resp.sum(dim=1))

    jacobian = torch.autograd.functional.jacobian(one_round, torch.tensor(top))
    theirs = torch.linalg.eigvals(jacobian).real.max()
    agrees(convergence_rate(top, heads, 10), theirs, "torch.autograd")


def test_rate_away_from_a_maximum_is_refused():
    with pytest.raises(ValueError, match=r"moves the chances by 0\.1669"):
        convergence_rate(np.array([0.3, 0.9]), HEADS, 10)


def test_one_component_is_the_mean_and_covariance_of_all_points(agrees):
    points, start = clouds(19, 3, 1)
    _, mixture = em_mixture(points, start, 1)
    mean, covariance = multivariate_normal.fit(points)
    agrees(mixture.means[0], mean, "scipy.stats.multivariate_normal.fit")
    agrees(mixture.covariances[0], covariance, "scipy.stats.multivariate_normal.fit")


def test_mixture_turns_with_the_points_and_names_do_not_matter():
    points, start = clouds(37, 2, 3)
    *_, mixture = em_mixture(points, start, 5)
    turn = np.array([[0.6, -8.0], [0.8, 6.0]])
    moved = points @ turn + 7
    start_there = spread_around(moved, start.means @ turn + 7)
    *_, turned = em_mixture(moved, start_there, 5)
    assert_allclose(turned.means, mixture.means @ turn + 7)
    assert_allclose(turned.covariances, turn.T @ mixture.covariances @ turn)
    renamed = Mixture(*(part[[2, 0, 1]] for part in start))
    *_, other = em_mixture(points, renamed, 5)
    assert_allclose(other.means, mixture.means[[2, 0, 1]])


def test_irises_are_sorted_by_species():
    flowers, species = load_iris(return_X_y=True)
    start = initial_mixture(flowers, flowers[[44, 57, 116]], 1e-6)
    *_, mixture = em_mixture(flowers, start, 60)
    found = responsibilities(mixture_log_joint(mixture, flowers)).argmax(axis=0)
    pairs = np.zeros((3, 3), dtype=int)
    np.add.at(pairs, (found, species), 1)
    assert pairs.max(axis=0).sum() == 145


def test_starts_are_drawn_in_proportion_to_squared_distances():
    """k-means++ on 0, 1 and 3: every sequence of draws has a probability by hand."""
    points = np.array([[0.0], [1.0], [3.0]])
    rng = np.random.default_rng(0)
    counts = np.zeros((4, 4))
    for _ in range(6000):
        first, second = kmeans_plusplus(points, 2, rng).ravel().astype(int)
        counts[first, second] += 1 / 6000
    assert_allclose(counts[0, [1, 3]], [1 / 30, 9 / 30], atol=0.02)
    assert_allclose(counts[1, [0, 3]], [1 / 15, 4 / 15], atol=0.02)
    assert_allclose(counts[3, [0, 1]], [9 / 39, 4 / 39], atol=0.02)


def test_start_and_first_rounds_agree_with_scikit_learn_from_labels(agrees):
    """Its default start is ours, with the centers that k-means ends at."""
    points, _ = clouds(83, 2, 3)
    centers = KMeans(3, n_init=1, random_state=0).fit(points).cluster_centers_
    ours = list(em_mixture(points, initial_mixture(points, centers, 1e-6), 3, 1e-6))
    for iterations in (1, 2, 3):
        model = GaussianMixture(3, max_iter=iterations, tol=0, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs = model.fit(points)
        agrees(ours[iterations].means, theirs.means_, SKLEARN)
        agrees(ours[iterations].covariances, theirs.covariances_, SKLEARN)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.float16])
def test_starts_do_not_depend_on_the_type_of_the_points(kind):
    """Differences such as 0 - 200 would wrap, and squares overflow."""
    points = {
        np.uint8: [0, 0, 200, 10, 250],
        np.int8: [-100, -100, 100, -90, 127],
        np.int16: [-30_000, -30_000, 20_000, -29_000, 30_000],
        np.float16: [-3000, -3000, 2000, -2900, 3000],
    }[kind]
    narrow = np.array(points, dtype=kind)[:, None]
    wide = narrow.astype(float)
    ours, theirs = (initial_mixture(x, x[[0, 4]], 1.0) for x in (narrow, wide))
    assert_allclose(ours.means, theirs.means)
    for seed in range(20):
        ours, theirs = (
            kmeans_plusplus(x, 3, np.random.default_rng(seed)) for x in (narrow, wide)
        )
        assert_allclose(ours, theirs)


def test_equal_coins_stay_on_the_saddle():
    for now in list(em_coins(np.array([0.3, 0.3]), HEADS, 10, 20))[1:]:
        assert_allclose(now, 0.66)


def test_what_collapses_or_dies_is_refused():
    flat = np.column_stack([np.arange(5.0), 2 * np.arange(5.0)])
    start = spread_around(flat, flat[:2])
    with pytest.raises(ValueError, match="covariance of component 0 is singular"):
        list(em_mixture(flat, start, 3))
    wide = start._replace(covariances=start.covariances + np.eye(2))
    *_, lifted = em_mixture(flat, wide, 3, reg_covar=0.1)
    assert np.isfinite(lifted.covariances).all()
    points, start = clouds(9, 2, 2)
    spiky = start._replace(means=np.array([points[0], points.mean(axis=0)]))
    spiky.covariances[0] = 1e-6 * np.eye(2)
    with pytest.raises(ValueError, match="covariance of component 0 is singular"):
        list(em_mixture(points, spiky, 3))
    with pytest.raises(ValueError, match="component 1 has no points left"):
        mixture_m_step(points, np.array([[1.0] * 9, [0.0] * 9]))
    with pytest.raises(ValueError, match="coin 0 has no throws left"):
        coin_m_step(np.array([[0.0] * 5, [1.0] * 5]), HEADS, 10)


def test_malformed_data_are_refused():
    points, start = clouds(9, 2, 2)
    with pytest.raises(ValueError, match=r"shape \(0, 2\) are empty"):
        list(em_mixture(np.empty((0, 2)), start, 1))
    with pytest.raises(ValueError, match=r"shape \(0, 2\) are empty"):
        kmeans_plusplus(np.empty((0, 2)), 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="3 components, but fewer different"):
        kmeans_plusplus(np.array([[1.0], [2.0], [1.0]]), 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="not finite"):
        list(em_mixture(np.where(points > 1, math.nan, points), start, 1))
    with pytest.raises(ValueError, match=r"heads must lie in 0 to 10, not \[\]"):
        list(em_coins(np.array([0.6, 0.5]), np.empty(0, dtype=int), 10, 1))
    with pytest.raises(ValueError, match=r"chances must lie inside 0 to 1, not \[1.0"):
        list(em_coins(np.array([0.6, 0.5]), np.full(3, 10), 10, 2))
    with pytest.raises(ValueError, match="add up to 1"):
        evidence_lower_bound(np.zeros((2, 3)), np.full((2, 3), 0.4))
    with pytest.raises(ValueError, match="must not be negative"):
        evidence_lower_bound(np.zeros((2, 1)), np.array([[1.5], [-0.5]]))


@pytest.mark.parametrize("scale", [1e-14, 1e-8, 1e6])
def test_units_change_the_log_density_by_their_logarithm(scale):
    """Features whose scales differ by any factor make no covariance singular."""
    points, start = clouds(30, 2, 3)
    units = np.array([1.0, scale])
    means, covariances = start.means * units, start.covariances * np.outer(units, units)
    other = mixture_log_joint(
        start._replace(means=means, covariances=covariances), points * units
    )
    assert_allclose(other, mixture_log_joint(start, points) - math.log(scale))


@pytest.mark.parametrize("scale", [1e-14, 1e-8, 1e6])
def test_a_mixture_moves_with_the_units_of_each_feature(scale):
    points, start = clouds(30, 2, 3)
    units = np.array([1.0, scale])
    *_, plain = em_mixture(points, start, iterations=5)
    begin = spread_around(points * units, (points * units)[:3])
    *_, other = em_mixture(points * units, begin, iterations=5)
    assert_allclose(other.weights, plain.weights)
    assert_allclose(other.means, plain.means * units)


def test_a_feature_that_never_varies_is_refused():
    points = np.column_stack([np.arange(5.0), np.ones(5)])
    with pytest.raises(ValueError, match="covariance of component 0 is singular"):
        mixture_log_joint(spread_around(points, points[:2]), points)


def test_features_that_almost_determine_each_other_are_not_singular():
    """Correlations of 1 - 1e-8 leave a smallest eigenvalue of 1e-8."""
    rng = np.random.default_rng(0)
    line = rng.normal(size=40)
    points = np.column_stack([line, line + 1e-4 * rng.normal(size=40)])
    start = spread_around(points, points[:2])
    theirs = [
        multivariate_normal(mean, covariance).logpdf(points) - math.log(2)
        for mean, covariance in zip(start.means, start.covariances, strict=True)
    ]
    assert_allclose(mixture_log_joint(start, points), theirs, rtol=1e-5)
