"""Maximum likelihood against scikit-learn's ``LogisticRegression``, SciPy's densities
and linear programming, PyTorch's automatic derivatives, and the definitions as loops.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from scipy.stats import binom, norm
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LinearRegression, LogisticRegression

from snippets.classical.maximum_likelihood import (
    coin_derivatives,
    coin_log_joint,
    fisher_information,
    fit_normal,
    gradient_ascent,
    hidden_log_likelihood,
    log_likelihood,
    newton,
    newton_step,
    probability,
    responsibilities,
    score,
    standard_errors,
)
from snippets.classical.shuttle_flights import each_ring, shuttle_flights

bounded = settings(max_examples=60, deadline=None, derandomize=True)
SKLEARN = "sklearn.linear_model.LogisticRegression"
HEADS = np.array([5, 9, 8, 4, 7])


def overlapping(samples: int, features: int, seed: int):
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(samples), rng.normal(size=(samples, features))])
    drawn = rng.random(samples) < probability(rng.normal(size=features + 1) / 2, design)
    return design, drawn.astype(int)


@pytest.mark.parametrize(("samples", "features"), [(31, 1), (53, 3), (101, 7)])
def test_maximum_agrees_with_scikit_learn(agrees, samples, features):
    for seed in range(3):
        design, labels = overlapping(samples, features, seed)
        *_, weight = newton(design, labels)
        theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
        theirs.fit(design[:, 1:], labels)
        agrees(weight[1:], theirs.coef_[0], SKLEARN)
        agrees(weight[:1], theirs.intercept_, SKLEARN)
        agrees(
            probability(weight, design),
            theirs.predict_proba(design[:, 1:])[:, 1],
            SKLEARN,
        )


def test_gradient_ascent_reaches_the_maximum_of_scikit_learn(agrees):
    data, labels = load_breast_cancer(return_X_y=True)
    features = (data[:, :2] - data[:, :2].mean(axis=0)) / data[:, :2].std(axis=0)
    design = np.column_stack([np.ones(len(features)), features])
    rate = 4 / np.linalg.eigvalsh(design.T @ design)[-1]
    *_, weight = gradient_ascent(design, labels, rate, steps=2000)
    theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    theirs.fit(features, labels)
    agrees(weight[1:], theirs.coef_[0], SKLEARN)
    agrees(weight[:1], theirs.intercept_, SKLEARN)


def test_derivatives_agree_with_autograd(agrees):
    design, labels = overlapping(29, 4, seed=0)
    weight = np.random.default_rng(1).normal(size=5)

    def definition(w):
        logits = torch.tensor(design) @ w
        return -torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.tensor(labels, dtype=torch.float64), reduction="sum"
        )

    w = torch.tensor(weight)
    ours = log_likelihood(weight, design, labels)
    agrees(ours, definition(w), "torch.nn.functional.binary_cross_entropy_with_logits")
    gradient = torch.autograd.functional.jacobian(definition, w)
    hessian = torch.autograd.functional.hessian(definition, w)
    agrees(score(weight, design, labels), gradient, "torch.autograd")
    agrees(fisher_information(weight, design), -hessian, "torch.autograd")


def test_a_step_is_a_weighted_regression_and_solves_for_the_information(agrees):
    design, labels = overlapping(37, 3, seed=2)
    weight = np.random.default_rng(3).normal(size=4)
    p = probability(weight, design)
    bend = p * (1 - p)
    theirs = LinearRegression(fit_intercept=False)
    theirs.fit(design, design @ weight + (labels - p) / bend, sample_weight=bend)
    step = newton_step(weight, design, labels)
    agrees(weight + step, theirs.coef_, "sklearn.linear_model.LinearRegression")
    assert_allclose(
        fisher_information(weight, design) @ step, score(weight, design, labels)
    )


def test_no_step_leads_down_where_a_full_one_would():
    points = np.array([[1, -1], [302, 5], [1, 2], [2, -206], [-1, -8]])
    design, labels = np.column_stack([np.ones(5), points]), np.array([1, 1, 0, 0, 0])
    path = list(newton(design, labels))
    full = [weight + newton_step(weight, design, labels) for weight in path]
    heights, reached = (
        np.array([log_likelihood(weight, design, labels) for weight in weights])
        for weights in (path, full)
    )
    assert np.all(np.diff(heights) > -1e-8)
    assert np.any(reached < heights - 100)
    assert_allclose(score(path[-1], design, labels), 0, atol=1e-8)


@st.composite
def few_points(draw):
    samples, features = draw(st.integers(3, 9)), draw(st.integers(1, 2))
    coordinates = st.lists(st.integers(-2, 2), min_size=features, max_size=features)
    rows = draw(st.lists(coordinates, min_size=samples, max_size=samples))
    labels = draw(st.lists(st.integers(0, 1), min_size=samples, max_size=samples))
    return np.column_stack([np.ones(samples), np.array(rows)]), np.array(labels)


@bounded
@given(few_points())
def test_refused_where_linear_programming_finds_a_separating_direction(data):
    """A direction along which no sample gets less likely and some get more."""
    design, labels = data
    two = len(set(labels.tolist())) == 2
    if not two or np.linalg.matrix_rank(design) < design.shape[1]:
        with pytest.raises(ValueError, match=r"labels must be|independent"):
            list(newton(design, labels))
        return
    gains = (2 * labels - 1)[:, None] * design
    found = linprog(-gains.sum(axis=0), -gains, np.zeros(len(gains)), bounds=(-1, 1))
    if found.fun < -1e-7:
        with pytest.raises(ValueError, match="no maximum: after 30 steps"):
            list(newton(design, labels))
    else:
        *_, weight = newton(design, labels)
        assert_allclose(score(weight, design, labels), 0, atol=1e-8)


def test_likelihood_is_the_product_of_chances(agrees):
    design, labels = overlapping(7, 2, seed=4)
    weight = np.array([0.3, -1.0, 2.0])
    product = 1.0
    for row, label in zip(design, labels, strict=True):
        p = 1 / (1 + math.exp(-sum(w * x for w, x in zip(weight, row, strict=True))))
        product *= p if label else 1 - p
    ours = log_likelihood(weight, design, labels)
    agrees(ours, math.log(product), "definition as loops")


def test_at_the_maximum_expected_labels_are_those_seen():
    design, labels = overlapping(43, 3, seed=5)
    *_, weight = newton(design, labels)
    assert_allclose(design.T @ probability(weight, design), design.T @ labels)


def test_maximum_moves_with_the_units():
    design, labels = overlapping(41, 2, seed=6)
    change = np.array([[1.0, -32.0, 0.5], [0, 1.8, 0], [0, 0.3, -7.0]])
    ways = zip(newton(design, labels), newton(design @ change, labels), strict=True)
    for ours, changed in ways:
        assert_allclose(change @ changed, ours, atol=1e-8)


def test_a_constant_alone_gives_the_share_and_the_error_of_a_coin():
    labels = np.array([1] * 7 + [0] * 16)
    *_, weight = newton(np.ones((23, 1)), labels)
    p = 7 / 23
    assert_allclose(weight, math.log(p / (1 - p)))
    assert_allclose(
        standard_errors(weight, np.ones((23, 1))), (23 * p * (1 - p)) ** -0.5
    )


def test_large_logits_overflow_nowhere():
    design, labels = np.array([[1.0, 3000.0], [1.0, -3000.0]]), np.array([0, 1])
    assert log_likelihood(np.array([0.0, 1.0]), design, labels) == -6000
    assert_allclose(probability(np.array([0.0, 1.0]), design), [1, 0])


def test_published_fit_of_the_rings():
    """Dalal, Fowlkes and Hoadley (1989): estimates, errors, and deviance 18.086."""
    temperatures, labels = each_ring()
    design = np.column_stack([np.ones(6 * 23), temperatures])
    *_, weight = newton(design, labels)
    assert_allclose(weight.round(4), [5.085, -0.1156])
    assert_allclose(standard_errors(weight, design).round(3), [3.052, 0.047])
    shares = shuttle_flights()[1] / 6
    best = sum(
        6 * (s * math.log(s or 1) + (1 - s) * math.log(1 - s)) for s in shares.tolist()
    )
    deviance = 2 * (best - log_likelihood(weight, design, labels))
    assert round(deviance, 3) == 18.086


def test_normal_agrees_with_scipy(agrees):
    points = np.random.default_rng(0).normal(3, 2, size=17)
    agrees(
        np.array(fit_normal(points)), np.array(norm.fit(points)), "scipy.stats.norm.fit"
    )


@pytest.mark.parametrize("chances", [[0.6, 0.5], [0.2, 0.5, 0.9]])
def test_hidden_likelihood_agrees_with_scipy(agrees, chances):
    log_joint = coin_log_joint(np.array(chances), HEADS, 10)
    mixed = sum(binom.pmf(HEADS, 10, p) for p in chances) / len(chances)
    theirs = np.log(mixed / [math.comb(10, h) for h in HEADS]).sum()
    agrees(hidden_log_likelihood(log_joint), theirs, "scipy.stats.binom")


def test_hidden_likelihood_sums_over_all_that_may_have_happened(agrees):
    total, chances = 0.0, (0.7, 0.4)
    for coins in itertools.product(chances, repeat=3):
        path = [
            p**h * (1 - p) ** (4 - h) / 2 for p, h in zip(coins, (1, 4, 2), strict=True)
        ]
        total += math.prod(path)
    log_joint = coin_log_joint(np.array(chances), np.array([1, 4, 2]), 4)
    ours = hidden_log_likelihood(log_joint)
    agrees(ours, math.log(total), "sum over all assignments, as loops")


@pytest.mark.parametrize("chances", [[0.6, 0.5], [0.66, 0.66], [0.1, 0.5, 0.9]])
def test_coin_derivatives_agree_with_autograd(agrees, chances):
    heads = torch.tensor(HEADS)[:, None]

    def definition(p):
        return torch.log((p**heads * (1 - p) ** (10 - heads)).mean(dim=1)).sum()

    p = torch.tensor(chances, dtype=torch.float64)
    gradient, hessian = coin_derivatives(np.array(chances), HEADS, 10)
    theirs = torch.autograd.functional
    agrees(gradient, theirs.jacobian(definition, p), "torch.autograd", atol=1e-10)
    agrees(hessian, theirs.hessian(definition, p), "torch.autograd")


def test_responsibilities_follow_bayes():
    shares = responsibilities(coin_log_joint(np.array([0.6, 0.5]), HEADS, 10))
    assert_allclose(shares.sum(axis=0), 1)
    odds = [(0.6 / 0.5) ** h * (0.4 / 0.5) ** (10 - h) for h in HEADS]
    assert_allclose(shares[0] / shares[1], odds)


@pytest.mark.parametrize(
    "climb", [newton, lambda *data: gradient_ascent(*data, 0.1, 9)]
)
def test_malformed_data_are_refused(climb):
    design = np.column_stack([np.ones(5), np.arange(5.0)])
    labels = np.array([0, 1, 0, 1, 1])
    with pytest.raises(ValueError, match="5 samples but 4 labels"):
        list(climb(design, labels[:4]))
    with pytest.raises(ValueError, match=r"both of them, not \[-1, 1\]"):
        list(climb(design, 2 * labels - 1))
    with pytest.raises(ValueError, match=r"both of them, not \[0, 1, 2\]"):
        list(climb(design, np.array([0, 1, 2, 1, 0])))
    with pytest.raises(ValueError, match=r"both of them, not \[1\]"):
        list(climb(design, np.ones(5, dtype=int)))
    with pytest.raises(ValueError, match=r"shape \(0, 2\) is empty"):
        list(climb(np.empty((0, 2)), np.empty(0)))
    with pytest.raises(ValueError, match="not finite"):
        list(climb(np.where(design == 3, math.inf, design), labels))
    with pytest.raises(ValueError, match="3 features, but only 2 of them independent"):
        list(climb(np.column_stack([design, design[:, 1] + 4]), labels))


def test_degenerate_normals_and_coins_are_refused():
    with pytest.raises(ValueError, match=r"two different finite points, not \[\]"):
        fit_normal(np.empty(0))
    with pytest.raises(ValueError, match=r"two different finite points, not \[2.0\]"):
        fit_normal(np.full(4, 2.0))
    with pytest.raises(ValueError, match="two different finite points"):
        fit_normal(np.array([1.0, math.nan]))
    with pytest.raises(ValueError, match=r"heads must lie in 0 to 10, not \[11\]"):
        coin_log_joint(np.array([0.5]), np.array([11]), 10)
    with pytest.raises(ValueError, match=r"heads must lie in 0 to 10, not \[\]"):
        coin_log_joint(np.array([0.5]), np.empty(0, dtype=int), 10)
    with pytest.raises(ValueError, match=r"inside 0 to 1, not \[0.5, 1.0\]"):
        coin_log_joint(np.array([0.5, 1.0]), HEADS, 10)


def test_unsigned_labels_and_counts_are_those_of_any_type():
    """2y - 1 and -h would wrap around at zero."""
    design = np.column_stack([np.ones(5), np.arange(5.0)])
    labels = np.array([0, 1, 0, 1, 1])
    *_, expected = newton(design, labels)
    *_, found = newton(design, labels.astype(np.uint8))
    assert_allclose(found, expected)
    chances = np.array([0.6, 0.5])
    small = coin_derivatives(chances, HEADS.astype(np.uint8), 10)
    for ours, wide in zip(small, coin_derivatives(chances, HEADS, 10), strict=True):
        assert_allclose(ours, wide)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_errors_move_with_the_units(scale):
    design = np.column_stack([np.ones(5), np.arange(5.0)])
    *_, weight = newton(design, np.array([0, 1, 0, 1, 1]))
    units = np.array([1.0, scale])
    other = standard_errors(weight / units, design * units)
    assert_allclose(other * units, standard_errors(weight, design))


def test_equal_points_whose_mean_is_rounded_are_refused():
    """Three times 0.1 has a standard deviation of 1e-17 by rounding."""
    with pytest.raises(ValueError, match=r"two different finite points, not \[0.1\]"):
        fit_normal(np.full(3, 0.1))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (np.array([6e4, -6e4, 6e4], np.float16), (2e4, 4e4 * math.sqrt(2))),
        (np.array([300, 301, 310], np.float16), (911 / 3, math.sqrt(182) / 3)),
        (np.array([1e200, -1e200]), (0, 1e200)),
        (np.array([1e-200, -1e-200]), (0, 1e-200)),
    ],
)
def test_normal_of_points_whose_squares_overflow(points, expected):
    assert_allclose(fit_normal(points), expected, rtol=1e-3)


def test_logits_of_half_precision_do_not_overflow():
    """Of 300 times 300, and of many samples, whose sum would be rounded."""
    half = {"dtype": np.float16}
    weight, design, labels = np.array([300], **half), np.array([[300]], **half), [1]
    assert log_likelihood(weight, design, np.array(labels)) == 0
    assert_allclose(probability(-weight, design), 0)
    many, ones = np.ones((5000, 1)), np.ones(5000)
    assert_allclose(
        log_likelihood(np.ones(1, **half), many.astype(np.float16), ones),
        log_likelihood(np.ones(1), many, ones),
    )


def test_half_precision_gives_the_maximum_of_double():
    design = np.column_stack([np.ones(5), np.arange(5.0)])
    labels = np.array([0, 1, 0, 1, 1])
    *_, expected = newton(design, labels)
    *_, found = newton(design.astype(np.float16), labels)
    assert_allclose(found, expected)


@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_tails_keep_their_digits(logit):
    """Both p and 1 - p, in the information too."""
    one = np.ones((3, 1))
    small = math.exp(-50)
    tail = probability(np.array([-50.0]), one)
    assert_allclose(tail, small)
    information = fisher_information(np.array([logit]), one)
    assert_allclose(information, [[3 * small]])
    error = standard_errors(np.array([logit]), one)
    assert_allclose(error, (3 * small) ** -0.5)
