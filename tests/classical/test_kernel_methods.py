"""Kernel methods against scikit-learn's ``SVC``, ``LinearSVC`` and pairwise kernels,
SciPy's constrained minimization, and the separating hyperplane of the page before.

``SVC`` keeps its kernel in single precision. Gram matrices that single precision holds
exactly let us ask for agreement to the default tolerance.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, make_moons
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.svm import SVC, LinearSVC

from snippets.classical.kernel_methods import (
    Machine,
    check_gram,
    gaussian,
    most_gain,
    objectives,
    optimize,
    pegasos,
    quadratic,
    random_features,
    soft_margin,
    steepest,
)
from snippets.classical.support_vector_machines import hard_margin

bounded = settings(max_examples=40, deadline=None, derandomize=True)
PAIR = np.array([[1.0, -1.0], [-1.0, 1.0]])
SIDES = np.array([1, -1])


def moons(samples: int, seed: int = 0):
    points, kinds = make_moons(samples, noise=0.3, random_state=seed)
    return points, 2 * kinds - 1


def single(gram):
    """The nearest matrix in single precision that stays positive definite."""
    return (gram + np.eye(len(gram)) / 1024).astype(np.float32).astype(float)


def sklearn_machine(gram, labels, cap, tolerance=1e-3) -> Machine:
    theirs = SVC(kernel="precomputed", C=cap, tol=tolerance).fit(gram, labels)
    signed = np.zeros(len(labels))
    signed[theirs.support_] = theirs.dual_coef_[0]
    return Machine(signed, float(theirs.intercept_[0]))


@st.composite
def grids(draw):
    """Few points on a small grid: ties, repeated points, one point on both sides."""
    samples, features = draw(st.integers(2, 9)), draw(st.integers(1, 3))
    coordinates = st.lists(st.integers(-2, 2), min_size=features, max_size=features)
    rows = draw(st.lists(coordinates, min_size=samples, max_size=samples))
    signs = st.lists(st.sampled_from([-1, 1]), min_size=samples, max_size=samples)
    labels = np.array(draw(signs))
    assume(abs(labels.sum()) < samples)
    return np.array(rows, dtype=float), labels, draw(st.sampled_from([0.1, 1.0, 30.0]))


@pytest.mark.parametrize(("cap", "gamma"), [(0.1, 1), (1, 1), (10, 0.05), (100, 3)])
def test_machine_agrees_with_libsvm(agrees, cap, gamma):
    points, labels = moons(61)
    gram = single(gaussian(points, points, gamma))
    ours = soft_margin(gram, labels, cap, tolerance=1e-11)
    theirs = sklearn_machine(gram, labels, cap, tolerance=1e-11)
    agrees(ours.signed, theirs.signed, "sklearn.svm.SVC")
    agrees(ours.bias, theirs.bias, "sklearn.svm.SVC")
    agrees(
        objectives(gram, labels, cap, ours),
        objectives(gram, labels, cap, theirs),
        "sklearn.svm.SVC",
    )


@pytest.mark.parametrize(("cap", "gamma"), [(1, 1), (10, 0.05)])
def test_objective_and_predictions_agree_at_the_tolerance_of_libsvm(cap, gamma):
    cells = load_breast_cancer()
    scaled = (cells.data - cells.data.mean(axis=0)) / cells.data.std(axis=0)
    for points, labels in [moons(400), (scaled, 2 * cells.target - 1)]:
        gram = gaussian(points, points, gamma)
        ours, theirs = (
            fit(gram, labels, cap) for fit in (soft_margin, sklearn_machine)
        )
        _, below = objectives(gram, labels, cap, ours)
        _, expected = objectives(gram, labels, cap, theirs)
        assert_allclose(below, expected, rtol=1e-6)
        values = [gram @ machine.signed + machine.bias for machine in (ours, theirs)]
        assert np.mean(np.sign(values[0]) == np.sign(values[1])) > 0.995


def test_linear_machine_agrees_with_libsvm_on_a_grid_of_points(agrees):
    points, labels = moons(47)
    points = np.round(64 * points) / 64
    ours = soft_margin(points @ points.T, labels, 0.5, tolerance=1e-11)
    theirs = SVC(kernel="linear", C=0.5, tol=1e-11).fit(points, labels)
    agrees(ours.signed @ points, theirs.coef_[0], "sklearn.svm.SVC")


def test_dual_agrees_with_general_purpose_minimization(agrees):
    points, labels = moons(13)
    gram, cap = quadratic(points, points), 0.7
    found = minimize(
        lambda signed: signed @ gram @ signed / 2 - signed @ labels,
        np.zeros(13),
        jac=lambda signed: gram @ signed - labels,
        bounds=[(0, cap) if label > 0 else (-cap, 0) for label in labels],
        constraints={"type": "eq", "fun": np.sum, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    machine = soft_margin(gram, labels, cap, tolerance=1e-10)
    below = objectives(gram, labels, cap, machine)[1]
    agrees(below, -found.fun, "scipy.optimize.minimize", rtol=1e-6)


def test_high_price_gives_the_hard_margin_in_the_space_of_the_kernel():
    """The rows of a square root of a Gram matrix are vectors with these products."""
    points, labels = moons(29)
    gram = gaussian(points, points, 2)
    values, vectors = np.linalg.eigh(gram)
    images = vectors * np.sqrt(np.maximum(values, 0))
    hard = hard_margin(images, labels)
    cap = 10 * hard.multipliers.max()
    soft = soft_margin(gram, labels, cap, tolerance=1e-9)
    assert_allclose(soft.signed, labels * hard.multipliers, rtol=1e-4, atol=1e-4)
    assert_allclose(soft.bias, hard.bias, atol=1e-6)


@bounded
@given(grids())
def test_price_meets_its_bound_and_each_point_its_condition(data):
    points, labels, cap = data
    gram = quadratic(points, points)
    machine = soft_margin(gram, labels, cap, tolerance=1e-8)
    multipliers = labels * machine.signed
    assert 0 <= multipliers.min() <= multipliers.max() <= cap
    assert abs(machine.signed.sum()) < 1e-9 * len(labels) * cap
    above, below = objectives(gram, labels, cap, machine)
    assert_allclose(above, below, rtol=1e-5, atol=1e-5)
    reached = labels * (gram @ machine.signed + machine.bias)
    assert np.all(reached[multipliers < cap] > 1 - 1e-6)
    assert np.all(reached[multipliers > 0] < 1 + 1e-6)


@bounded
@given(grids(), st.sampled_from([most_gain, steepest]))
def test_every_step_moves_two_and_raises_the_dual_below_every_price(data, pick):
    points, labels, cap = data
    gram = gaussian(points, points, 0.5)
    steps = list(itertools.islice(optimize(gram, labels, cap, pick), 30))
    bounds = [objectives(gram, labels, cap, Machine(s.signed, 0.0))[1] for s in steps]
    for before, after in itertools.pairwise(steps):
        assert np.count_nonzero(before.signed != after.signed) <= 2
        assert_allclose(after.wanted, labels - gram @ after.signed, atol=1e-9)
    assert np.all(np.diff(bounds) > -1e-9)
    assert max(bounds) <= cap * len(labels) + 1e-9  # the price of doing nothing


def test_first_step_by_hand():
    """Each wants the border on its own edge; they meet halfway, or at the cap."""
    first, second, *_ = optimize(PAIR, SIDES, 10.0)
    assert (first.at_least, first.at_most) == (1.0, -1.0)
    assert_allclose(second.signed, [0.5, -0.5])
    assert_allclose(second.wanted, [0, 0])
    assert_allclose(soft_margin(PAIR, SIDES, 0.2).signed, [0.2, -0.2])


def test_gain_of_the_partner_is_the_largest_of_all_uncapped_steps():
    points, labels = moons(17)
    gram = gaussian(points, points, 1)
    for signed, wanted, *_ in itertools.islice(optimize(gram, labels, 50.0), 12):
        i, may_fall = int(np.argmax(wanted)), np.arange(17) % 3 > 0
        gains = {}
        for j in np.flatnonzero(may_fall & (wanted < wanted[i])):
            direction = np.eye(17)[i] - np.eye(17)[j]
            tried = signed + np.linspace(0, 10, 20001)[:, None] * direction
            duals = tried @ labels - ((tried @ gram) * tried).sum(axis=1) / 2
            gains[int(j)] = duals.max()
        chosen = gains[most_gain(wanted, may_fall, i, gram)]
        assert_allclose(chosen, max(gains.values()))
        partner = steepest(wanted, may_fall, i, gram)
        assert wanted[partner] == wanted[may_fall].min()


def test_same_points_with_both_labels_are_given_up():
    points, labels = np.zeros((4, 2)), np.array([1, 1, -1, -1])
    machine = soft_margin(gaussian(points, points, 1.0), labels, cap=3.0)
    assert_allclose(np.abs(machine.signed), 3)
    assert_allclose(machine.bias, 0)


def test_constant_in_every_product_changes_nothing_but_rounding():
    points, labels = moons(31)
    gram = gaussian(points, points, 1)
    plain = soft_margin(gram, labels, 5.0, tolerance=1e-9)
    raised = soft_margin(gram + 7, labels, 5.0, tolerance=1e-9)
    assert_allclose(raised.signed, plain.signed, atol=1e-5)
    assert_allclose(raised.bias, plain.bias, atol=1e-5)


def test_kernels_agree_with_scikit_learn(agrees):
    rng = np.random.default_rng(0)
    points, others = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
    theirs = rbf_kernel(points, others, gamma=0.7)
    agrees(gaussian(points, others, 0.7), theirs, "sklearn.metrics.rbf_kernel")
    theirs = polynomial_kernel(points, others, degree=2, gamma=1, coef0=1)
    agrees(quadratic(points, others), theirs, "sklearn.metrics.polynomial_kernel")


def test_gaussian_does_not_depend_on_where_the_origin_is(agrees):
    rng = np.random.default_rng(0)
    points, others = rng.integers(-9, 9, size=(2, 6, 3)) / 8
    rows = [[math.exp(-2 * math.dist(x, z) ** 2) for z in others] for x in points]
    far = gaussian(points + 2.0**30, others + 2.0**30, 2)
    agrees(far, np.array(rows), "definition as loops")
    assert_allclose(gaussian(points, points, 2).diagonal(), 1)


def test_quadratic_kernel_is_a_dot_product_in_six_features():
    def images(points):
        x, y = points.T
        root = math.sqrt(2)
        parts = [x * x, y * y, root * x * y, root * x, root * y, np.ones(len(x))]
        return np.stack(parts, axis=1)

    points, others = np.random.default_rng(0).normal(size=(2, 5, 2))
    assert_allclose(quadratic(points, others), images(points) @ images(others).T)


@bounded
@given(grids(), st.sampled_from([0.01, 1.0, 50.0]))
def test_kernels_pass_the_check_and_violations_do_not(data, gamma):
    points, labels, cap = data
    for gram in [gaussian(points, points, gamma), quadratic(points, points)]:
        check_gram(gram)
        lowest = np.linalg.eigvalsh(gram)[0]
        broken = gram - (lowest + 0.01) * np.eye(len(gram))
        with pytest.raises(ValueError, match=r"would have squared length -0\.01"):
            check_gram(broken)
        with pytest.raises(ValueError, match="no dot product"):
            soft_margin(broken, labels, cap)


def test_violation_by_hand():
    """tanh(1) + tanh(9) - 2 tanh(3) < 0 is the squared distance of 1 and 3."""
    points = np.array([[1.0], [3.0]])
    with pytest.raises(ValueError, match=r"mostly \[[01], [01]\]"):
        check_gram(np.tanh(points @ points.T))
    with pytest.raises(ValueError, match=r"squared length -0\.76"):
        check_gram(np.tanh(np.array([[-1.0]])))


def test_pegasos_comes_close_to_dual_coordinate_descent():
    points, labels = moons(50)
    judge = LinearSVC(loss="hinge", C=0.1, fit_intercept=False, tol=1e-9)
    theirs = judge.fit(points, labels).coef_[0]
    ours = pegasos(points, labels, 0.1, 30_000, np.random.default_rng(0))
    assert_allclose(ours, theirs, atol=0.03)


def test_first_steps_of_pegasos_by_hand():
    """The first point is missed, and its step is the whole of cap times samples."""
    points, labels = np.array([[1.0], [1.0]]), np.array([1, -1])
    rng = np.random.default_rng(0)
    first, second = np.random.default_rng(0).integers(2, size=2)
    weight = 2 * labels[first]
    weight = weight / 2 + (labels[second] * weight < 1) * labels[second]
    assert_allclose(pegasos(points, labels, 1.0, 2, rng), [weight])


def test_random_features_have_the_kernel_as_their_mean():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9, 3))
    waves = random_features(points, 0.5, 20_000, rng)
    assert_allclose(waves @ waves.T, gaussian(points, points, 0.5), atol=0.04)
    assert_allclose((waves**2).sum(axis=1), 1)


def test_malformed_data_are_refused():
    with pytest.raises(ValueError, match="2 points but 3 labels"):
        soft_margin(PAIR, np.array([1, -1, 1]), 1.0)
    with pytest.raises(ValueError, match=r"both of them, not \[0, 1\]"):
        soft_margin(PAIR, np.array([1, 0]), 1.0)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) is not symmetric"):
        soft_margin(np.ones((2, 3)), SIDES, 1.0)
    with pytest.raises(ValueError, match=r"shape \(2, 2\) is not symmetric"):
        soft_margin(np.array([[1.0, 0.5], [0.0, 1.0]]), SIDES, 1.0)
    for values in (np.full((2, 2), math.nan), np.empty((0, 0))):
        with pytest.raises(ValueError, match="empty or not finite"):
            check_gram(values)
    with pytest.raises(ValueError, match=r"points of shape \(2, 1\) are empty or not"):
        pegasos(np.array([[1.0], [math.inf]]), SIDES, 1.0, 5, np.random.default_rng(0))


@pytest.mark.parametrize("cap", [0.0, -1.0, math.inf, math.nan])
def test_impossible_prices_are_refused(cap):
    with pytest.raises(ValueError, match=f"cap={cap}"):
        soft_margin(PAIR, SIDES, cap)
    with pytest.raises(ValueError, match=f"cap={cap}"):
        pegasos(PAIR, SIDES, cap, 5, np.random.default_rng(0))


def test_impossible_settings_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="tolerance=0"):
        soft_margin(PAIR, SIDES, 1.0, tolerance=0.0)
    for gamma in (0.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"gamma={gamma} must be positive"):
            gaussian(PAIR, PAIR, gamma)
        with pytest.raises(ValueError, match=f"gamma={gamma} must be positive"):
            random_features(PAIR, gamma, 4, rng)
    with pytest.raises(ValueError, match="drawn=5 must be even"):
        random_features(PAIR, 1.0, 5, rng)
    with pytest.raises(ValueError, match="steps=0"):
        pegasos(PAIR, SIDES, 1.0, 0, rng)
    points, labels = moons(40)
    with pytest.raises(ValueError, match=r"disagree by .* after 3 steps"):
        soft_margin(gaussian(points, points, 1), labels, 10.0, max_steps=3)


def test_gaussian_of_two_far_pairs():
    """Squares of 2^31 would drown the distance of neighbors."""
    points = np.array([[0.0], [1.0], [2.0**31], [2.0**31 + 1]])
    near = math.exp(-1)
    expected = np.kron(np.eye(2), [[1, near], [near, 1]])
    assert_allclose(gaussian(points, points, gamma=1), expected)


def test_small_integers_do_not_overflow():
    points = np.array([[100, -100], [-128, 127]], dtype=np.int8)
    for kernel in (quadratic, lambda x, z: gaussian(x, z, 1e-5)):
        wide = points.astype(float)
        assert_allclose(kernel(points, points), kernel(wide, wide))


@pytest.mark.parametrize("scale", [1e-20, 1e-6, 1e6])
def test_a_machine_moves_with_the_units_of_the_gram_matrix(scale):
    """Points that are s times as long have multipliers that are s squared smaller."""
    points, labels = moons(41)
    gram = gaussian(points, points, 1)
    plain = soft_margin(gram, labels, 10.0, tolerance=1e-9)
    other = soft_margin(scale * gram, labels, 10.0 / scale, tolerance=1e-9)
    assert_allclose(scale * other.signed, plain.signed, atol=1e-7)
    assert_allclose(other.bias, plain.bias, atol=1e-7)


def test_a_small_gram_matrix_that_is_not_symmetric_is_refused():
    with pytest.raises(ValueError, match="not symmetric"):
        check_gram(1e-10 * np.array([[2.0, 1.0], [0.0, 2.0]]))


def test_points_that_are_all_zero_cost_what_they_miss():
    machine = soft_margin(np.zeros((2, 2)), SIDES, cap=3.0)
    assert_allclose(machine.signed, [3.0, -3.0])
