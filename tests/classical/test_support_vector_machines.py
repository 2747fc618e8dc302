"""Support vector machines against scikit-learn's ``SVC`` and ``Perceptron``, SciPy's
linear programming, and the definitions as loops.

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
from sklearn.linear_model import Perceptron
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.svm import SVC

from snippets.classical.support_vector_machines import (
    approach,
    hard_margin,
    leave_one_out,
    margin,
    mistake_bound,
    perceptron,
)

bounded = settings(max_examples=40, deadline=None, derandomize=True)
HARD = SVC(kernel="linear", C=1e6, tol=1e-10)
SIX = np.array([[1, 1], [2, 2], [2, 0], [0, 0], [1, 0], [0, 1]])
SIX_LABELS = np.array([1, 1, 1, -1, -1, -1])


def separable(samples: int, features: int, seed: int):
    """Points on a grid of 1/64, none within 0.1 of a random hyperplane."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=features)
    normal /= np.linalg.norm(normal)
    points = np.round(64 * rng.normal(size=(20 * samples, features))) / 64
    points = points[np.abs(points @ normal - 0.2) > 0.1][:samples]
    return points, np.where(points @ normal > 0.2, 1, -1)


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
def test_hyperplane_agrees_with_libsvm(agrees, samples, features):
    for seed in range(5):
        points, labels = separable(samples, features, seed)
        plane, theirs = hard_margin(points, labels), HARD.fit(points, labels)
        agrees(plane.weight, theirs.coef_[0], "sklearn.svm.SVC")
        agrees(plane.bias, theirs.intercept_[0], "sklearn.svm.SVC")
        assert_allclose(np.flatnonzero(plane.multipliers), np.sort(theirs.support_))


def test_multipliers_agree_with_libsvm_on_images(agrees):
    digits = load_digits()
    kept = np.isin(digits.target, [3, 8])
    points, labels = digits.data[kept], np.where(digits.target[kept] == 8, 1, -1)
    plane, theirs = hard_margin(points, labels), HARD.fit(points, labels)
    multipliers = np.zeros(len(points))
    multipliers[theirs.support_] = np.abs(theirs.dual_coef_[0])
    agrees(plane.weight, theirs.coef_[0], "sklearn.svm.SVC")
    agrees(plane.multipliers, multipliers, "sklearn.svm.SVC")


def test_no_direction_has_a_wider_street(agrees):
    points, labels = separable(23, 2, seed=1)
    widest = 0.0
    for angle in np.linspace(0, 2 * math.pi, 4001):
        normal = math.cos(angle), math.sin(angle)
        along = [x * normal[0] + y * normal[1] for x, y in points]
        ends = [along[i] for i in range(23) if labels[i] > 0]
        begins = [along[i] for i in range(23) if labels[i] < 0]
        widest = max(widest, min(ends) - max(begins))
    width = 2 / np.linalg.norm(hard_margin(points, labels).weight)
    assert width >= widest
    agrees(width, widest, "every direction, as loops", rtol=1e-2)


@bounded
@given(grids())
def test_refused_where_linear_programming_finds_no_hyperplane(data):
    points, labels = data
    rows = -labels[:, None] * np.column_stack([points, np.ones(len(points))])
    objective = np.zeros(rows.shape[1])
    found = linprog(objective, rows, -np.ones(len(rows)), bounds=(None, None))
    if found.status == 2:
        with pytest.raises(ValueError, match=r"hulls of \d and \d points meet"):
            hard_margin(points, labels)
    else:
        assert margin(*hard_margin(points, labels)[:2], points, labels) > 0


@bounded
@given(grids())
def test_solution_meets_the_conditions_of_karush_kuhn_and_tucker(data):
    points, labels = data
    try:
        weight, bias, multipliers = hard_margin(points, labels)
    except ValueError:
        assume(False)
    reached = labels * (points @ weight + bias)
    assert reached.min() > 1 - 1e-7
    assert multipliers.min() >= 0
    assert_allclose(multipliers @ labels, 0, atol=1e-9)
    assert_allclose((multipliers * labels) @ points, weight, atol=1e-9)
    assert_allclose(multipliers * (reached - 1), 0, atol=1e-9)
    assert np.count_nonzero(multipliers) <= points.shape[1] + 1


@pytest.mark.parametrize(("samples", "features"), [(41, 3), (53, 17), (67, 29)])
def test_rounds_bring_the_hulls_together_to_the_width_of_the_street(samples, features):
    for seed in range(5):
        points, labels = separable(samples, features, seed)
        rounds = np.array(list(approach(points, labels)))
        assert rounds.min() == 0
        assert_allclose(rounds @ (labels > 0), 1)
        assert_allclose(rounds @ (labels < 0), 1)
        lengths = np.linalg.norm(rounds @ (labels[:, None] * points), axis=1)
        assert np.all(np.diff(lengths) < 0)
        width = 2 / np.linalg.norm(hard_margin(points, labels).weight)
        assert_allclose(lengths[-1], width)


@pytest.mark.parametrize("seed", [153, 273, 292])
def test_hulls_come_closer_where_several_shares_turn_negative_at_once(seed):
    rng = np.random.default_rng(seed)
    points = rng.integers(-3, 4, size=(60, 12)).astype(float)
    labels = np.where(points @ rng.normal(size=12) > 0, 1, -1)
    rounds = np.array(list(approach(points, labels)))
    lengths = np.linalg.norm(rounds @ (labels[:, None] * points), axis=1)
    assert np.all(np.diff(lengths) < 0)


def test_points_that_are_not_support_vectors_do_not_matter():
    points, labels = separable(31, 4, seed=3)
    plane = hard_margin(points, labels)
    support = np.flatnonzero(plane.multipliers)
    assert len(support) < 10
    alone = hard_margin(points[support], labels[support])
    assert_allclose(alone.weight, plane.weight)
    assert_allclose(alone.multipliers, plane.multipliers[support])
    for out in support:
        rest = np.arange(31) != out
        wider = hard_margin(points[rest], labels[rest])
        assert np.linalg.norm(wider.weight) < np.linalg.norm(plane.weight) - 1e-6


def test_street_moves_and_turns_with_the_points():
    points, labels = separable(17, 3, seed=4)
    weight, bias, multipliers = hard_margin(points, labels)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turned = hard_margin(points @ turn + 50, labels)
    assert_allclose(turned.weight, weight @ turn, rtol=1e-6)
    assert_allclose(turned.bias, bias - 50 * turned.weight.sum(), rtol=1e-6)
    far = hard_margin(points + 2.0**20, labels)
    assert_allclose(far.weight, weight)
    shrunk = hard_margin(points / 1000, -labels)
    assert_allclose(shrunk.weight, -1000 * weight)
    assert_allclose(shrunk.multipliers, 1e6 * multipliers)


def test_six_points_by_hand():
    weight, bias, multipliers = hard_margin(SIX, SIX_LABELS)
    assert_allclose(weight, [2, 2])
    assert_allclose(bias, -3)
    assert_allclose(multipliers.sum(), 8)
    assert_allclose(2 * margin(weight, bias, SIX, SIX_LABELS), math.sqrt(0.5))


def test_features_of_very_different_size():
    """Two parallel hulls, each 10,000 high and 1 wide, 2 apart along the first axis."""
    points = np.array([[0, 5e3], [1, -5e3], [2, 5e3], [3, -5e3]]) + 1e4
    weight, _, _ = hard_margin(points, np.array([-1, -1, 1, 1]))
    assert_allclose(weight, [1, 1e-4])


def test_gap_far_below_the_size_of_the_data_is_refused():
    """A street 1 wide, in data of size 1e10: there, rounding could hide the gap."""
    points = np.array([[0, 0], [0, 1e10], [1, 0], [1, 1e10]])
    with pytest.raises(ValueError, match="points meet, or all but meet"):
        hard_margin(points, np.array([-1, -1, 1, 1]))


def test_margin_is_the_distance_to_the_foot_of_the_perpendicular():
    rng = np.random.default_rng(0)
    points, weight, labels = (
        rng.normal(size=(7, 3)),
        rng.normal(size=3),
        [1, -1] * 3 + [1],
    )
    for bias, scale in itertools.product([-3.0, 0.5], [1, 7]):
        distances = []
        for point, label in zip(points, labels, strict=True):
            value = point @ weight + bias
            foot = point - value / (weight @ weight) * weight
            assert_allclose(foot @ weight, -bias)
            distances.append(math.dist(point, foot) * label * np.sign(value))
        ours = margin(scale * weight, scale * bias, points, np.array(labels))
        assert_allclose(ours, min(distances))


@pytest.mark.parametrize(("samples", "features"), [(7, 2), (19, 3), (30, 11)])
def test_perceptron_agrees_with_scikit_learn(agrees, samples, features):
    points, labels = separable(samples, features, seed=0)
    weight, bias, _ = perceptron(points, labels)
    theirs = Perceptron(shuffle=False, tol=None, max_iter=1000).fit(points, labels)
    agrees(weight, theirs.coef_[0], "sklearn.linear_model.Perceptron")
    agrees(bias, theirs.intercept_[0], "sklearn.linear_model.Perceptron")


def test_mistakes_are_counted_as_the_definition_says(agrees):
    points, labels = separable(11, 2, seed=5)
    points = points + 2
    weight, mistakes, clean, turn = [0.0, 0.0, 0.0], 0, 0, 0
    while clean < 11:
        x, y, label = *points[turn % 11], labels[turn % 11]
        turn, clean = turn + 1, clean + 1
        if label * (weight[0] * x + weight[1] * y + weight[2]) <= 0:
            step = label * x, label * y, label
            weight = [w + s for w, s in zip(weight, step, strict=True)]
            mistakes, clean = mistakes + 1, 0
    ours = perceptron(points, labels)
    assert ours[2] == mistakes > 3
    agrees([*ours[0], ours[1]], weight, "definition as loops")


@bounded
@given(grids())
def test_mistakes_stay_below_the_bound_of_any_separating_hyperplane(data):
    points, labels = data
    try:
        weight, bias, _ = hard_margin(points, labels)
    except ValueError:
        assume(False)
    learned, offset, mistakes = perceptron(points, labels)
    assert margin(learned, offset, points, labels) > 0
    assert mistakes <= mistake_bound(weight, bias, points, labels) + 1e-6
    assert mistakes <= mistake_bound(learned, offset, points, labels) + 1e-6


def test_bound_by_hand():
    """The longest lifted point is (2, 2, 1), w and b together have length sqrt(17)."""
    bound = mistake_bound(np.array([2, 2]), -3.0, SIX, SIX_LABELS)
    assert_allclose(bound, 9 * 17)


def test_leaving_one_out_agrees_with_scikit_learn_and_costs_support_vectors_at_most():
    for seed in range(3):
        points, labels = separable(12, 2, seed)
        predicted = cross_val_predict(HARD, points, labels, cv=LeaveOneOut())
        wrong = leave_one_out(points, labels)
        assert wrong == np.count_nonzero(predicted != labels)
        support = np.count_nonzero(hard_margin(points, labels).multipliers)
        assert wrong <= support
    assert leave_one_out(SIX, SIX_LABELS) == 2


@pytest.mark.parametrize("fit", [hard_margin, perceptron, leave_one_out])
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


def test_what_is_not_separable_is_refused():
    corners = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])
    labels = np.array([1, 1, -1, -1])
    with pytest.raises(ValueError, match="hulls of 2 and 2 points meet"):
        hard_margin(corners, labels)
    with pytest.raises(ValueError, match="mistakes in 50 passes, and no end"):
        perceptron(corners, labels, max_passes=50)
    with pytest.raises(ValueError, match="hulls of 2 and 2 points meet"):
        hard_margin(np.ones((4, 2)), labels)
    with pytest.raises(ValueError, match="does not separate: margin -"):
        mistake_bound(np.array([1, 1]), -1.0, corners, labels)
    with pytest.raises(ValueError, match="a zero weight has no direction"):
        margin(np.zeros(2), 1.0, corners, labels)


def test_an_outlier_does_not_close_the_street():
    points = np.array([[0, 0], [1, 0], [1e6, 0.5]])
    weight, bias, _ = hard_margin(points, np.array([-1, 1, 1]))
    assert_allclose(weight, [2, 0], atol=1e-5)
    assert_allclose(bias, -1)


def test_small_integers_do_not_overflow():
    points = np.array([[100, 100], [-128, -128]], dtype=np.int8)
    labels = np.array([1, -1], dtype=np.int8)
    wide, ones = points.astype(float), np.ones(2, dtype=np.int8)
    assert_allclose(margin(ones, 0.0, points, labels), 200 / math.sqrt(2))
    assert_allclose(perceptron(points, labels)[0], perceptron(wide, labels)[0])
    assert_allclose(
        hard_margin(points, labels).weight, hard_margin(wide, labels).weight
    )
