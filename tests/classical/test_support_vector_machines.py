"""Support vector machines against scikit-learn's ``SVC``, SciPy's linear programming,
and the definitions as loops.

``SVC`` keeps its kernel in single precision. Multiples of 1/64 are exact in it, so that
we can ask for agreement to the default tolerance.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from sklearn.datasets import load_digits
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.svm import SVC

from snippets.classical.support_vector_machines import (
    dual_objective,
    hinge_loss,
    leave_one_out_errors,
    linear_svm,
    margin,
    primal_objective,
)

bounded = settings(max_examples=40, deadline=None, derandomize=True)
HARD = SVC(kernel="linear", C=1e6, tol=1e-10)
SIX = np.array([[1, 1], [2, 2], [2, 0], [0, 0], [1, 0], [0, 1]])
SIX_LABELS = np.array([1, 1, 1, -1, -1, -1])
EXACT = {"tolerance": 1e-10}


def separable(samples: int, features: int, seed: int):
    """Points on a grid of 1/64, none within 0.1 of a random hyperplane."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=features)
    normal /= np.linalg.norm(normal)
    points = np.round(64 * rng.normal(size=(20 * samples, features))) / 64
    points = points[np.abs(points @ normal - 0.2) > 0.1][:samples]
    return points, np.where(points @ normal > 0.2, 1, -1)


def overlapping(samples: int, features: int, seed: int):
    """Two Gaussian clouds, one apart, on a grid of 1/64."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(samples) % 3, 1, -1)
    points = rng.normal(size=(samples, features)) + labels[:, None] / 2
    return np.round(64 * points) / 64, labels


@st.composite
def grids(draw):
    """Few points on a small grid: ties, repeated points, parallel edges, overlap."""
    samples, features = draw(st.integers(2, 9)), draw(st.integers(1, 4))
    coordinates = st.lists(st.integers(-2, 2), min_size=features, max_size=features)
    rows = draw(st.lists(coordinates, min_size=samples, max_size=samples))
    normal = draw(coordinates)
    sides = st.lists(st.sampled_from([-1, 1]), min_size=samples, max_size=samples)
    labels = np.where(np.array(rows) @ normal > 0, 1, -1)
    if draw(st.integers(0, 2)) == 0:
        labels = np.array(draw(sides))
    assume(abs(labels.sum()) < samples)
    return np.array(rows, dtype=float), labels


@pytest.mark.parametrize(
    ("samples", "features"), [(5, 1), (13, 2), (31, 2), (29, 5), (41, 17)]
)
def test_hard_margin_agrees_with_libsvm(agrees, samples, features):
    for seed in range(5):
        points, labels = separable(samples, features, seed)
        plane = linear_svm(points, labels, **EXACT)
        theirs = HARD.fit(points, labels)
        agrees(plane.weight, theirs.coef_[0], "sklearn.svm.SVC")
        agrees(plane.bias, theirs.intercept_[0], "sklearn.svm.SVC")
        assert_allclose(np.flatnonzero(plane.multipliers), np.sort(theirs.support_))


@pytest.mark.parametrize("C", [0.01, 1, 30])
def test_soft_margin_agrees_with_libsvm(agrees, C):
    points, labels = overlapping(47, 3, seed=0)
    plane = linear_svm(points, labels, C, **EXACT)
    theirs = SVC(kernel="linear", C=C, tol=1e-10).fit(points, labels)
    agrees(plane.weight, theirs.coef_[0], "sklearn.svm.SVC")
    agrees(plane.bias, theirs.intercept_[0], "sklearn.svm.SVC", rtol=1e-6)


def test_multipliers_agree_with_libsvm_on_images(agrees):
    digits = load_digits()
    kept = np.isin(digits.target, [3, 8])
    points, labels = digits.data[kept], np.where(digits.target[kept] == 8, 1, -1)
    plane, theirs = linear_svm(points, labels, **EXACT), HARD.fit(points, labels)
    multipliers = np.zeros(len(points))
    multipliers[theirs.support_] = np.abs(theirs.dual_coef_[0])
    agrees(plane.weight, theirs.coef_[0], "sklearn.svm.SVC")
    agrees(plane.multipliers, multipliers, "sklearn.svm.SVC")


def test_no_direction_has_a_larger_margin(agrees):
    points, labels = separable(23, 2, seed=1)
    widest = 0.0
    for angle in np.linspace(0, 2 * math.pi, 4001):
        normal = math.cos(angle), math.sin(angle)
        along = [x * normal[0] + y * normal[1] for x, y in points]
        ends = [along[i] for i in range(23) if labels[i] > 0]
        begins = [along[i] for i in range(23) if labels[i] < 0]
        widest = max(widest, (min(ends) - max(begins)) / 2)
    ours = 1 / np.linalg.norm(linear_svm(points, labels, **EXACT).weight)
    assert ours >= widest
    agrees(ours, widest, "every direction, as loops", rtol=1e-2)


@bounded
@given(grids())
def test_refused_where_linear_programming_finds_no_hyperplane(data):
    points, labels = data
    rows = -labels[:, None] * np.column_stack([points, np.ones(len(points))])
    objective = np.zeros(rows.shape[1])
    found = linprog(objective, rows, -np.ones(len(rows)), bounds=(None, None))
    if found.status == 2:
        with pytest.raises(ValueError, match=r"off by .* after 2000 steps"):
            linear_svm(points, labels, max_steps=2000)
    else:
        plane = linear_svm(points, labels, max_steps=2000)
        assert margin(plane.weight, plane.bias, points, labels) > 0


@bounded
@given(grids(), st.sampled_from([0.1, 1.0, 30.0]))
def test_solution_meets_the_conditions_of_karush_kuhn_and_tucker(data, C):
    points, labels = data
    weight, bias, multipliers = linear_svm(points, labels, C, tolerance=1e-8)
    reached = labels * (points @ weight + bias)
    assert 0 <= multipliers.min() <= multipliers.max() <= C
    assert_allclose(multipliers @ labels, 0, atol=1e-9 * C)
    assert_allclose((multipliers * labels) @ points, weight, atol=1e-8 * C)
    assert np.all(reached[multipliers < C] > 1 - 1e-6)
    assert np.all(reached[multipliers > 0] < 1 + 1e-6)


@bounded
@given(grids(), st.sampled_from([0.1, 1.0, 30.0]), st.integers(0, 99))
def test_dual_stays_below_every_primal_and_meets_the_lowest(data, C, seed):
    points, labels = data
    plane = linear_svm(points, labels, C, tolerance=1e-8)
    lowest = primal_objective(plane.weight, plane.bias, points, labels, C)
    highest = dual_objective(plane.multipliers, points, labels)
    assert_allclose(lowest, highest, rtol=1e-5, atol=1e-5)
    rng = np.random.default_rng(seed)
    other, bias = plane.weight + rng.normal(size=points.shape[1]), rng.normal()
    assert primal_objective(other, bias, points, labels, C) >= lowest - 1e-5
    positive = labels > 0
    share = rng.random() * C / max(positive.sum(), (~positive).sum())
    feasible = share * np.where(positive, (~positive).sum(), positive.sum())
    feasible /= max(positive.sum(), (~positive).sum())
    assert dual_objective(feasible, points, labels) <= highest + 1e-5


def test_hinge_loss_agrees_with_scikit_learn(agrees):
    from sklearn.metrics import hinge_loss as mean_hinge_loss

    points, labels = overlapping(17, 3, seed=1)
    weight, bias = np.array([1.0, -2.0, 0.5]), 0.3
    ours = hinge_loss(weight, bias, points, labels)
    theirs = mean_hinge_loss(labels, points @ weight + bias)
    agrees(ours.mean(), theirs, "sklearn.metrics.hinge_loss")


def test_points_that_are_not_support_vectors_do_not_matter():
    points, labels = separable(31, 4, seed=3)
    plane = linear_svm(points, labels, **EXACT)
    support = np.flatnonzero(plane.multipliers)
    assert len(support) < 10
    alone = linear_svm(points[support], labels[support], **EXACT)
    assert_allclose(alone.weight, plane.weight)
    assert_allclose(alone.multipliers, plane.multipliers[support])
    for out in support:
        rest = np.arange(31) != out
        wider = linear_svm(points[rest], labels[rest], **EXACT)
        assert np.linalg.norm(wider.weight) < np.linalg.norm(plane.weight) - 1e-6


def test_hyperplane_moves_and_turns_with_the_points():
    points, labels = separable(17, 3, seed=4)
    weight, bias, multipliers = linear_svm(points, labels, **EXACT)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turned = linear_svm(points @ turn + 50, labels, **EXACT)
    assert_allclose(turned.weight, weight @ turn, rtol=1e-6)
    assert_allclose(turned.bias, bias - 50 * turned.weight.sum(), rtol=1e-6)
    far = linear_svm(points + 2.0**20, labels, **EXACT)
    assert_allclose(far.weight, weight)
    shrunk = linear_svm(points / 1000, -labels, **EXACT)
    assert_allclose(shrunk.weight, -1000 * weight)
    assert_allclose(shrunk.multipliers, 1e6 * multipliers)


def test_six_points_by_hand():
    weight, bias, multipliers = linear_svm(SIX, SIX_LABELS, **EXACT)
    assert_allclose(weight, [2, 2])
    assert_allclose(bias, -3)
    assert_allclose(multipliers.sum(), 8)
    assert_allclose(margin(weight, bias, SIX, SIX_LABELS), math.sqrt(0.5) / 2)
    assert_allclose(dual_objective(multipliers, SIX, SIX_LABELS), 4)


def test_features_of_very_different_size():
    """Two parallel hulls, each 10,000 high and 1 wide, 2 apart along the first axis."""
    points = np.array([[0, 5e3], [1, -5e3], [2, 5e3], [3, -5e3]]) + 1e4
    weight, _, _ = linear_svm(points, np.array([-1, -1, 1, 1]))
    assert_allclose(weight, [1, 1e-4], rtol=1e-6)


def test_an_outlier_does_not_close_the_margin():
    points = np.array([[0, 0], [1, 0], [1e6, 0.5]])
    weight, bias, _ = linear_svm(points, np.array([-1, 1, 1]))
    assert_allclose(weight, [2, 0], atol=1e-4)
    assert_allclose(bias, -1, atol=1e-4)


def test_margin_is_the_distance_to_the_foot_of_the_perpendicular():
    rng = np.random.default_rng(0)
    points, weight = rng.normal(size=(7, 3)), rng.normal(size=3)
    labels = [1, -1] * 3 + [1]
    for bias, scale in itertools.product([-3.0, 0.5], [1, 7]):
        distances = []
        for point, label in zip(points, labels, strict=True):
            value = point @ weight + bias
            foot = point - value / (weight @ weight) * weight
            assert_allclose(foot @ weight, -bias)
            distances.append(math.dist(point, foot) * label * np.sign(value))
        ours = margin(scale * weight, scale * bias, points, np.array(labels))
        assert_allclose(ours, min(distances))


@pytest.mark.parametrize("C", [np.inf, 0.5])
def test_leaving_one_out_agrees_with_scikit_learn_and_costs_support_vectors_at_most(C):
    theirs = SVC(kernel="linear", C=min(C, 1e6), tol=1e-10)
    for seed in range(3):
        points, labels = separable(12, 2, seed)
        predicted = cross_val_predict(theirs, points, labels, cv=LeaveOneOut())
        errors = leave_one_out_errors(points, labels, C)
        assert errors == np.count_nonzero(predicted != labels)
        assert errors <= np.count_nonzero(linear_svm(points, labels, C).multipliers)
    assert leave_one_out_errors(SIX, SIX_LABELS) == 2


@pytest.mark.parametrize("fit", [linear_svm, leave_one_out_errors])
def test_malformed_data_are_refused(fit):
    with pytest.raises(ValueError, match="6 points but 5 labels"):
        fit(SIX, SIX_LABELS[:5])
    with pytest.raises(ValueError, match=r"both of them, not \[0, 1\]"):
        fit(SIX, np.array([1, 1, 1, 0, 0, 0]))
    with pytest.raises(ValueError, match=r"both of them, not \[-1\]"):
        fit(SIX, -np.ones(6, dtype=int))
    with pytest.raises(ValueError, match=r"shape \(0, 2\) are empty"):
        fit(np.empty((0, 2)), np.empty(0))
    with pytest.raises(ValueError, match="not finite"):
        fit(np.where(SIX == 2, math.nan, SIX), SIX_LABELS)


def test_a_zero_weight_is_refused():
    with pytest.raises(ValueError, match="a zero weight has no direction"):
        margin(np.zeros(2), 1.0, SIX, SIX_LABELS)


def test_small_integers_do_not_overflow():
    points = np.array([[100, 100], [-128, -128]], dtype=np.int8)
    labels = np.array([1, -1], dtype=np.int8)
    wide, ones = points.astype(float), np.ones(2, dtype=np.int8)
    assert_allclose(margin(ones, 0.0, points, labels), 200 / math.sqrt(2))
    assert_allclose(hinge_loss(ones, 0.5, points, labels), [0, 0])
    assert_allclose(linear_svm(points, labels).weight, linear_svm(wide, labels).weight)
    primal = primal_objective(ones, 0.0, points, labels, C=1)
    assert_allclose(primal, 1)
    small = np.array([0.5, 0.5])
    for given_points in (points, wide):
        value = dual_objective(small, given_points, labels)
        assert_allclose(value, 1 - 114**2)


def test_dual_of_half_precision_does_not_overflow():
    """Two opposite points at 300, with the multipliers 1: minus half of 600 squared."""
    half = {"dtype": np.float16}
    ends, sides = np.array([[300], [-300]], **half), np.array([1, -1], dtype=np.int8)
    assert_allclose(dual_objective(np.ones(2, **half), ends, sides), 2 - 600**2 / 2)


def test_half_precision_does_not_overflow():
    points = np.array([[300, 0], [0, 0], [400, 100], [0, 100]], dtype=np.float16)
    labels = np.array([1, -1, 1, -1])
    assert_allclose(linear_svm(points, labels).weight, [1 / 150, 0], atol=1e-9)
    weight = np.array([300, 0], dtype=np.float16)
    near = np.array([[1.0, 0.0]])
    assert primal_objective(weight, 0.0, near, np.array([1]), C=1) == 45_000
    assert_allclose(margin(weight, 0.0, points[:2] - 100, np.array([1, -1])), 100)


def test_an_infinite_price_costs_nothing_without_loss():
    line, sides = np.array([[1.0], [-1.0]]), np.array([1, -1])
    assert primal_objective(np.ones(1), 0.0, line, sides, C=np.inf) == 0.5
    assert primal_objective(np.ones(1) / 2, 0.0, line, sides, C=np.inf) == np.inf
