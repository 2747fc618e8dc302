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
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from snippets.classical.expectation_maximization import (
    Mixture,
    coin_estimates,
    coins,
    convergence_rate,
    free_energy,
    gaussian_mixture,
    incremental_mixture,
    mixture_estimates,
    mixture_log_joint,
    spread_around,
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


def clouds(samples: int, features: int, components: int, seed: int = 0):
    """Points in as many clouds as components, and a start at some of the points."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(samples, features))
    points += (
        3 * rng.normal(size=(components, features))[np.arange(samples) % components]
    )
    return points, spread_around(points, points[:components])


def theirs_after(rounds: int, points, start: Mixture, floor: float) -> GaussianMixture:
    model = GaussianMixture(
        len(start.weights),
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=np.linalg.inv(start.covariances),
        reg_covar=floor,
        max_iter=rounds,
        tol=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points)


@pytest.mark.parametrize(
    ("samples", "features", "components", "floor"),
    [(61, 2, 3, 0.0), (97, 5, 2, 1e-6), (59, 1, 4, 1e-2)],
)
def test_rounds_agree_with_scikit_learn(agrees, samples, features, components, floor):
    points, start = clouds(samples, features, components)
    ours = list(gaussian_mixture(points, start, 7, floor))
    for rounds in range(1, 8):
        theirs = theirs_after(rounds, points, start, floor)
        agrees(ours[rounds].weights, theirs.weights_, SKLEARN)
        agrees(ours[rounds].means, theirs.means_, SKLEARN)
        agrees(ours[rounds].covariances, theirs.covariances_, SKLEARN)
        before = hidden_log_likelihood(mixture_log_joint(ours[rounds - 1], points))
        agrees(before / samples, theirs.lower_bound_, SKLEARN)
        shares = responsibilities(mixture_log_joint(ours[rounds], points))
        agrees(shares.T, theirs.predict_proba(points), SKLEARN)


def test_a_hundred_rounds_agree_with_scikit_learn(agrees):
    points, start = clouds(900, 2, 3, seed=1)
    *_, ours = gaussian_mixture(points, start, 100, floor=1e-6)
    theirs = theirs_after(100, points, start, 1e-6)
    agrees(ours.means, theirs.means_, SKLEARN, rtol=1e-9, atol=1e-9)
    agrees(ours.covariances, theirs.covariances_, SKLEARN, rtol=1e-9, atol=1e-9)


def test_densities_agree_with_scipy(agrees):
    points, start = clouds(11, 3, 2)
    *_, mixture = gaussian_mixture(points, start, 2)
    theirs = [
        math.log(weight) + multivariate_normal(mean, covariance).logpdf(points)
        for weight, mean, covariance in zip(*mixture, strict=True)
    ]
    ours = mixture_log_joint(mixture, points)
    agrees(ours, np.array(theirs), "scipy.stats.multivariate_normal")


def test_coins_agree_with_the_definition_and_the_published_rounds(agrees):
    """Do and Batzoglou (2008): .71 and .58 after one round, .80 and .52 after ten."""
    a, b = 0.6, 0.5
    for ours in coins(np.array([a, b]), HEADS, 10, 10):
        agrees(ours, np.array([a, b]), "definition as loops")
        seen = {"a": [0.0, 0.0], "b": [0.0, 0.0]}
        for h in HEADS.tolist():
            like = a**h * (1 - a) ** (10 - h), b**h * (1 - b) ** (10 - h)
            for name, part in zip("ab", like, strict=True):
                seen[name][0] += part / sum(like) * h
                seen[name][1] += part / sum(like) * 10
        a, b = (count / thrown for count, thrown in seen.values())
    first, tenth = [
        list(coins(np.array([0.6, 0.5]), HEADS, 10, 10))[n] for n in (1, 10)
    ]
    assert_allclose(first.round(2), [0.71, 0.58])
    assert_allclose(tenth.round(2), [0.80, 0.52])
    shares = responsibilities(coin_log_joint(np.array([0.6, 0.5]), HEADS, 10))
    assert_allclose(shares[0].round(2), [0.45, 0.80, 0.73, 0.35, 0.65])


def test_coins_reach_the_maximum_that_scipy_finds(agrees):
    *_, ours = coins(np.array([0.6, 0.5]), HEADS, 10, 60)

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
    for now in coins(np.array(chances), heads, 9, 12):
        heights.append(hidden_log_likelihood(coin_log_joint(now, heads, 9)))
    assert np.all(np.diff(heights) >= -1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_no_round_of_a_mixture_lowers_the_likelihood(seed):
    points, start = clouds(47, 2, 3, seed)
    heights = [
        hidden_log_likelihood(mixture_log_joint(mixture, points))
        for mixture in gaussian_mixture(points, start, 30)
    ]
    assert np.all(np.diff(heights) >= -1e-9)
    assert heights[-1] > heights[0] + 10


def test_gap_below_the_likelihood_is_the_divergence_of_scipy(agrees):
    log_joint = coin_log_joint(np.array([0.7, 0.4, 0.2]), HEADS, 10)
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], size=5).T
    gap = hidden_log_likelihood(log_joint) - free_energy(log_joint, shares)
    exact = responsibilities(log_joint)
    agrees(gap, entropy(shares, exact).sum(), "scipy.stats.entropy")
    agrees(free_energy(log_joint, exact), hidden_log_likelihood(log_joint), "the bound")


def test_estimates_are_the_top_of_the_bound():
    points, start = clouds(23, 2, 3)
    shares = responsibilities(mixture_log_joint(start, points))
    best = mixture_estimates(points, shares)
    top = free_energy(mixture_log_joint(best, points), shares)
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
            assert free_energy(mixture_log_joint(other, points), shares) < top
    log_joint = coin_log_joint(np.array([0.6, 0.5]), HEADS, 10)
    chances = coin_estimates(responsibilities(log_joint), HEADS, 10)
    for step in ([0.01, 0], [0, -0.01], [-0.01, 0.01]):
        near = coin_log_joint(chances + step, HEADS, 10)
        there = coin_log_joint(chances, HEADS, 10)
        held = responsibilities(log_joint)
        assert free_energy(near, held) < free_energy(there, held)


def test_a_round_is_a_step_along_the_gradient_that_stays_inside():
    chances = np.array([0.9, 0.2, 0.4])
    _, after = coins(chances, HEADS, 10, 1)
    shares = responsibilities(coin_log_joint(chances, HEADS, 10))
    slope, _ = coin_derivatives(chances, HEADS, 10)
    rate = chances * (1 - chances) / (10 * shares.sum(axis=1))
    assert_allclose(after - chances, rate * slope)
    assert np.all((after > 0.4) & (after < 0.9))


@pytest.mark.parametrize("heads", [HEADS, np.array([1, 9, 2, 8, 3, 7, 9])])
def test_rate_agrees_with_the_derivative_of_a_round(agrees, heads):
    *_, top = coins(np.array([0.6, 0.5]), heads, 10, 300)

    def one_round(p):
        h = torch.tensor(heads, dtype=torch.float64)
        shares = torch.softmax(
            p.log()[:, None] * h + (1 - p).log()[:, None] * (10 - h), 0
        )
        return shares @ h / (10 * shares.sum(dim=1))

    jacobian = torch.autograd.functional.jacobian(one_round, torch.tensor(top))
    theirs = torch.linalg.eigvals(jacobian).real.max()
    agrees(convergence_rate(top, heads, 10), theirs, "torch.autograd")


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_one_by_one_agrees_with_estimating_anew_from_all_points(agrees, floor):
    points, start = clouds(13, 2, 2)
    shares, mixture = responsibilities(mixture_log_joint(start, points)), start
    for ours in incremental_mixture(points, start, 3, floor):
        agrees(ours.means, mixture.means, "all estimates again, as loops")
        agrees(ours.covariances, mixture.covariances, "all estimates again, as loops")
        for n in range(13):
            seen = points[n : n + 1]
            shares[:, n] = responsibilities(mixture_log_joint(mixture, seen))[:, 0]
            mixture = mixture_estimates(points, shares, floor)


def test_one_by_one_settles_where_all_at_once_does():
    points, start = clouds(41, 2, 2, seed=3)
    *_, batch = gaussian_mixture(points, start, 300)
    *_, single = incremental_mixture(points, start, 60)
    assert_allclose(single.means, batch.means, atol=1e-6)


def test_one_component_is_the_mean_and_covariance_of_all_points(agrees):
    points, start = clouds(19, 3, 1)
    _, mixture = gaussian_mixture(points, start, 1)
    mean, covariance = multivariate_normal.fit(points)
    agrees(mixture.means[0], mean, "scipy.stats.multivariate_normal.fit")
    agrees(mixture.covariances[0], covariance, "scipy.stats.multivariate_normal.fit")


def test_mixture_turns_with_the_points_and_names_do_not_matter():
    points, start = clouds(37, 2, 3)
    *_, mixture = gaussian_mixture(points, start, 5)
    turn = np.array([[0.6, -8.0], [0.8, 6.0]])
    moved = points @ turn + 7
    start_there = spread_around(moved, start.means @ turn + 7)
    *_, turned = gaussian_mixture(moved, start_there, 5)
    assert_allclose(turned.means, mixture.means @ turn + 7)
    assert_allclose(turned.covariances, turn.T @ mixture.covariances @ turn)
    renamed = Mixture(*(part[[2, 0, 1]] for part in start))
    *_, other = gaussian_mixture(points, renamed, 5)
    assert_allclose(other.means, mixture.means[[2, 0, 1]])


def test_irises_are_sorted_by_species():
    flowers, species = load_iris(return_X_y=True)
    start = spread_around(flowers, flowers[[44, 57, 116]])
    *_, mixture = gaussian_mixture(flowers, start, 60)
    found = responsibilities(mixture_log_joint(mixture, flowers)).argmax(axis=0)
    pairs = np.zeros((3, 3), dtype=int)
    np.add.at(pairs, (found, species), 1)
    assert pairs.max(axis=0).sum() == 145


def test_equal_coins_stay_on_the_saddle():
    for now in list(coins(np.array([0.3, 0.3]), HEADS, 10, 20))[1:]:
        assert_allclose(now, 0.66)


def test_what_collapses_or_dies_is_refused():
    flat = np.column_stack([np.arange(5.0), 2 * np.arange(5.0)])
    start = spread_around(flat, flat[:2])
    with pytest.raises(ValueError, match="covariance of component 0 is singular"):
        list(gaussian_mixture(flat, start, 3))
    wide = start._replace(covariances=start.covariances + np.eye(2))
    *_, lifted = gaussian_mixture(flat, wide, 3, floor=0.1)
    assert np.isfinite(lifted.covariances).all()
    points, start = clouds(9, 2, 2)
    spiky = start._replace(means=np.array([points[0], points.mean(axis=0)]))
    spiky.covariances[0] = 1e-6 * np.eye(2)
    with pytest.raises(ValueError, match="covariance of component 0 is singular"):
        list(gaussian_mixture(points, spiky, 3))
    with pytest.raises(ValueError, match="component 1 has no points left"):
        mixture_estimates(points, np.array([[1.0] * 9, [0.0] * 9]))
    with pytest.raises(ValueError, match="coin 0 has no throws left"):
        coin_estimates(np.array([[0.0] * 5, [1.0] * 5]), HEADS, 10)


def test_malformed_data_are_refused():
    points, start = clouds(9, 2, 2)
    with pytest.raises(ValueError, match=r"shape \(0, 2\) are empty"):
        list(gaussian_mixture(np.empty((0, 2)), start, 1))
    with pytest.raises(ValueError, match=r"shape \(0, 2\) are empty"):
        spread_around(np.empty((0, 2)), start.means)
    with pytest.raises(ValueError, match="not finite"):
        list(gaussian_mixture(np.where(points > 1, math.nan, points), start, 1))
    with pytest.raises(ValueError, match=r"heads must lie in 0 to 10, not \[\]"):
        list(coins(np.array([0.6, 0.5]), np.empty(0, dtype=int), 10, 1))
    with pytest.raises(ValueError, match=r"chances must lie inside 0 to 1, not \[1.0"):
        list(coins(np.array([0.6, 0.5]), np.full(3, 10), 10, 2))
    with pytest.raises(ValueError, match="add up to 1"):
        free_energy(np.zeros((2, 3)), np.full((2, 3), 0.4))
    with pytest.raises(ValueError, match="must not be negative"):
        free_energy(np.zeros((2, 1)), np.array([[1.5], [-0.5]]))


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
    *_, plain = gaussian_mixture(points, start, rounds=5)
    begin = spread_around(points * units, (points * units)[:3])
    *_, other = gaussian_mixture(points * units, begin, rounds=5)
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
