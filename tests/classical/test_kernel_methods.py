"""Kernel methods against scikit-learn's ``SVC``, ``LinearSVC`` and pairwise kernels,
SciPy's constrained minimization, and the hard margin in feature space.

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
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.svm import SVC

from snippets.classical.kernel_methods import (
    check_gram,
    gaussian,
    kernel_ridge,
    kernel_svm,
    objectives,
    quadratic,
    random_features,
)
from snippets.classical.sequential_minimal_optimization import (
    Solution,
    first_order,
    second_order,
    smo,
    solve_dual,
)
from snippets.classical.support_vector_machines import linear_svm

bounded = settings(max_examples=40, deadline=None, derandomize=True)
PAIR = np.array([[1.0, -1.0], [-1.0, 1.0]])
SIDES = np.array([1, -1])


def moons(samples: int, seed: int = 0):
    points, kinds = make_moons(samples, noise=0.3, random_state=seed)
    return points, 2 * kinds - 1


def single(gram):
    """The nearest matrix in single precision that stays positive definite."""
    return (gram + np.eye(len(gram)) / 1024).astype(np.float32).astype(float)


def libsvm(K, labels, C, tolerance=1e-3) -> Solution:
    theirs = SVC(kernel="precomputed", C=C, tol=tolerance).fit(K, labels)
    multipliers = np.zeros(len(labels))
    multipliers[theirs.support_] = np.abs(theirs.dual_coef_[0])
    return Solution(multipliers, float(theirs.intercept_[0]))


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


@pytest.mark.parametrize(("C", "gamma"), [(0.1, 1), (1, 1), (10, 0.05), (100, 3)])
def test_solution_agrees_with_libsvm(agrees, C, gamma):
    points, labels = moons(61)
    K = single(gaussian(points, points, gamma))
    ours = kernel_svm(K, labels, C, tolerance=1e-11)
    theirs = libsvm(K, labels, C, tolerance=1e-11)
    agrees(ours.multipliers, theirs.multipliers, "sklearn.svm.SVC")
    agrees(ours.bias, theirs.bias, "sklearn.svm.SVC")
    pair = objectives(K, labels, C, ours), objectives(K, labels, C, theirs)
    agrees(*pair, "sklearn.svm.SVC")


@pytest.mark.parametrize(("C", "gamma"), [(1, 1), (10, 0.05)])
def test_objective_and_predictions_agree_at_the_tolerance_of_libsvm(C, gamma):
    cells = load_breast_cancer()
    scaled = (cells.data - cells.data.mean(axis=0)) / cells.data.std(axis=0)
    for points, labels in [moons(400), (scaled, 2 * cells.target - 1)]:
        K = gaussian(points, points, gamma)
        ours, theirs = (fit(K, labels, C) for fit in (kernel_svm, libsvm))
        _, dual = objectives(K, labels, C, ours)
        _, expected = objectives(K, labels, C, theirs)
        assert_allclose(dual, expected, rtol=1e-6)
        values = [K @ (labels * s.multipliers) + s.bias for s in (ours, theirs)]
        assert np.mean(np.sign(values[0]) == np.sign(values[1])) > 0.995


def test_dual_agrees_with_general_purpose_minimization(agrees):
    points, labels = moons(13)
    K, C = quadratic(points, points), 0.7
    Q = labels[:, None] * K * labels
    found = minimize(
        lambda alpha: alpha @ Q @ alpha / 2 - alpha.sum(),
        np.zeros(13),
        jac=lambda alpha: Q @ alpha - 1,
        bounds=[(0, C)] * 13,
        constraints={
            "type": "eq",
            "fun": lambda alpha: labels @ alpha,
            "jac": lambda alpha: labels.astype(float),
        },
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    solution = kernel_svm(K, labels, C, tolerance=1e-10)
    dual = objectives(K, labels, C, solution)[1]
    agrees(dual, -found.fun, "scipy.optimize.minimize", rtol=1e-6)


def test_large_C_gives_the_hard_margin_in_feature_space():
    """The rows of a square root of a Gram matrix are vectors with these products."""
    points, labels = moons(29)
    K = gaussian(points, points, 2)
    values, vectors = np.linalg.eigh(K)
    images = vectors * np.sqrt(np.maximum(values, 0))
    hard = linear_svm(images, labels, tolerance=1e-9)
    soft = solve_dual(K, labels, 10 * hard.multipliers.max(), tolerance=1e-9)
    assert_allclose(soft.multipliers, hard.multipliers, rtol=1e-4, atol=1e-4)
    assert_allclose(soft.bias, hard.bias, atol=1e-6)


@bounded
@given(grids())
def test_primal_meets_dual_and_each_point_its_condition(data):
    points, labels, C = data
    K = quadratic(points, points)
    solution = kernel_svm(K, labels, C, tolerance=1e-8)
    multipliers, bias = solution
    assert 0 <= multipliers.min() <= multipliers.max() <= C
    assert abs(labels @ multipliers) < 1e-9 * len(labels) * C
    primal, dual = objectives(K, labels, C, solution)
    assert_allclose(primal, dual, rtol=1e-5, atol=1e-5)
    reached = labels * (K @ (labels * multipliers) + bias)
    assert np.all(reached[multipliers < C] > 1 - 1e-6)
    assert np.all(reached[multipliers > 0] < 1 + 1e-6)


@bounded
@given(grids(), st.sampled_from([second_order, first_order]))
def test_every_step_moves_two_and_raises_the_dual_below_every_primal(data, select):
    points, labels, C = data
    K = gaussian(points, points, 0.5)
    steps = list(itertools.islice(smo(K, labels, C, select), 30))
    duals = [objectives(K, labels, C, Solution(s[0], 0.0))[1] for s in steps]
    for before, after in itertools.pairwise(steps):
        assert np.count_nonzero(before.multipliers != after.multipliers) <= 2
        expected = labels - K @ (labels * after.multipliers)
        assert_allclose(after.F, expected, atol=1e-9)
    assert np.all(np.diff(duals) > -1e-9)
    assert max(duals) <= C * len(labels) + 1e-9  # the primal objective of zero


def test_first_step_by_hand():
    """Each wants the bias on its own edge; they meet halfway, or at C."""
    first, second, *_ = smo(PAIR, SIDES, 10.0)
    assert (first.lower, first.upper) == (1.0, -1.0)
    assert_allclose(second.multipliers, [0.5, 0.5])
    assert_allclose(second.F, [0, 0])
    assert_allclose(solve_dual(PAIR, SIDES, 0.2).multipliers, [0.2, 0.2])


def test_gain_of_the_partner_is_the_largest_of_all_steps_without_limits():
    points, labels = moons(17)
    K = gaussian(points, points, 1)
    for multipliers, F, *_ in itertools.islice(smo(K, labels, 50.0), 12):
        i, low = int(np.argmax(F)), np.arange(17) % 3 > 0
        gains = {}
        for j in np.flatnonzero(low & (F[i] > F)):
            direction = np.eye(17)[i] - np.eye(17)[j]
            start = labels * multipliers
            tried = start + np.linspace(0, 10, 20001)[:, None] * direction
            duals = tried @ labels - ((tried @ K) * tried).sum(axis=1) / 2
            gains[int(j)] = duals.max()
        assert_allclose(gains[second_order(F, low, i, K)], max(gains.values()))
        assert F[first_order(F, low, i, K)] == F[low].min()


def test_same_points_with_both_labels_have_multipliers_of_C():
    points, labels = np.zeros((4, 2)), np.array([1, 1, -1, -1])
    solution = kernel_svm(gaussian(points, points, 1.0), labels, C=3.0)
    assert_allclose(solution.multipliers, 3)
    assert_allclose(solution.bias, 0)


def test_constant_in_every_product_changes_nothing_but_rounding():
    points, labels = moons(31)
    K = gaussian(points, points, 1)
    plain = kernel_svm(K, labels, 5.0, tolerance=1e-9)
    raised = kernel_svm(K + 7, labels, 5.0, tolerance=1e-9)
    assert_allclose(raised.multipliers, plain.multipliers, atol=1e-5)
    assert_allclose(raised.bias, plain.bias, atol=1e-5)


@pytest.mark.parametrize("penalty", [0.01, 3])
def test_ridge_agrees_with_scikit_learn(agrees, penalty):
    points, labels = moons(23)
    targets = points[:, 0] + 0.1 * labels
    K = gaussian(points, points, 0.5)
    theirs = KernelRidge(kernel="rbf", gamma=0.5, alpha=penalty).fit(points, targets)
    ours = kernel_ridge(K, targets, penalty)
    agrees(ours, theirs.dual_coef_, "sklearn.kernel_ridge.KernelRidge")


def test_no_other_function_of_the_space_has_a_lower_ridge_objective():
    """Centers beside the training points do not help: the representer theorem."""
    rng = np.random.default_rng(0)
    points, _ = moons(19)
    targets, penalty = rng.normal(size=19), 0.3
    centers = np.vstack([points, rng.normal(size=(7, 2))])
    K = gaussian(centers, centers, 1)
    best = np.append(kernel_ridge(K[:19, :19], targets, penalty), np.zeros(7))

    def objective(coefficients):
        errors = K[:19] @ coefficients - targets
        return errors @ errors + penalty * coefficients @ K @ coefficients

    for scale in (1e-4, 1e-2, 1):
        for _ in range(20):
            other = best + scale * rng.normal(size=26)
            assert objective(other) > objective(best)


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
    points, labels, C = data
    for K in [gaussian(points, points, gamma), quadratic(points, points)]:
        check_gram(K)
        broken = K - (np.linalg.eigvalsh(K)[0] + 0.01) * np.eye(len(K))
        with pytest.raises(ValueError, match=r"lowest eigenvalue -0\.01"):
            check_gram(broken)
        with pytest.raises(ValueError, match="not positive semidefinite"):
            kernel_svm(broken, labels, C)


def test_violation_by_hand():
    """A squared length cannot be tanh(-1) = -0.76."""
    with pytest.raises(ValueError, match=r"lowest eigenvalue -0\.76"):
        check_gram(np.tanh(np.array([[-1.0]])))


def test_random_features_have_the_kernel_as_their_mean():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9, 3))
    waves = random_features(points, 0.5, 20_000, rng)
    assert_allclose(waves @ waves.T, gaussian(points, points, 0.5), atol=0.04)
    assert_allclose((waves**2).sum(axis=1), 1)


def test_malformed_data_are_refused():
    for fit in (kernel_svm, solve_dual):
        with pytest.raises(ValueError, match="2 points but 3 labels"):
            fit(PAIR, np.array([1, -1, 1]), 1.0)
        with pytest.raises(ValueError, match=r"both of them, not \[0, 1\]"):
            fit(PAIR, np.array([1, 0]), 1.0)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) is not symmetric"):
        kernel_svm(np.ones((2, 3)), SIDES, 1.0)
    with pytest.raises(ValueError, match=r"shape \(2, 2\) is not symmetric"):
        kernel_svm(np.array([[1.0, 0.5], [0.0, 1.0]]), SIDES, 1.0)
    for values in (np.full((2, 2), math.nan), np.empty((0, 0))):
        with pytest.raises(ValueError, match="empty or not finite"):
            check_gram(values)


@pytest.mark.parametrize("C", [0.0, -1.0, math.nan])
def test_impossible_penalties_are_refused(C):
    with pytest.raises(ValueError, match=f"C={C} must be positive"):
        kernel_svm(PAIR, SIDES, C)
    with pytest.raises(ValueError, match=f"penalty={C} must be positive"):
        kernel_ridge(PAIR, np.array([1.0, 2.0]), C)


def test_impossible_settings_are_refused():
    rng = np.random.default_rng(0)
    for tolerance in (0.0, math.inf):
        with pytest.raises(ValueError, match=f"tolerance={tolerance}"):
            kernel_svm(PAIR, SIDES, 1.0, tolerance=tolerance)
    for gamma in (0.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"gamma={gamma} must be positive"):
            gaussian(PAIR, PAIR, gamma)
        with pytest.raises(ValueError, match=f"gamma={gamma} must be positive"):
            random_features(PAIR, gamma, 4, rng)
    with pytest.raises(ValueError, match="n_components=5 must be even"):
        random_features(PAIR, 1.0, 5, rng)
    points, labels = moons(40)
    with pytest.raises(ValueError, match=r"off by .* after 3 steps"):
        solve_dual(gaussian(points, points, 1), labels, 10.0, max_steps=3)


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
def test_a_solution_moves_with_the_units_of_the_gram_matrix(scale):
    """Points that are s times as long have multipliers that are s squared smaller."""
    points, labels = moons(41)
    K = gaussian(points, points, 1)
    plain = kernel_svm(K, labels, 10.0, tolerance=1e-9)
    other = kernel_svm(scale * K, labels, 10.0 / scale, tolerance=1e-9)
    assert_allclose(scale * other.multipliers, plain.multipliers, atol=1e-7)
    assert_allclose(other.bias, plain.bias, atol=1e-7)


def test_a_small_gram_matrix_that_is_not_symmetric_is_refused():
    with pytest.raises(ValueError, match="not symmetric"):
        check_gram(1e-10 * np.array([[2.0, 1.0], [0.0, 2.0]]))


def test_points_that_are_all_zero_cost_what_they_miss():
    solution = kernel_svm(np.zeros((2, 2)), SIDES, C=3.0)
    assert_allclose(solution.multipliers, 3)


def test_a_small_negative_eigenvalue_beside_a_large_one_is_refused():
    with pytest.raises(ValueError, match=r"lowest eigenvalue -0\.001"):
        check_gram(np.diag([1e6, 1e-4, -1e-3]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_gram_matrices_in_low_precision(dtype):
    """Rounding makes eigenvalues slightly negative; sums would overflow in half."""
    points, labels = moons(31)
    K = gaussian(points, points, 1).astype(dtype)
    check_gram(K)
    wide = kernel_svm(gaussian(points, points, 1), labels, C=1.0)
    low = kernel_svm(K, labels, C=1.0)
    assert low.multipliers.dtype == float
    assert_allclose(low.multipliers, wide.multipliers, atol=0.02)
    ridge = kernel_ridge(K[:1, :1], np.ones(1, dtype), penalty=1)
    assert_allclose(ridge, [0.5])
