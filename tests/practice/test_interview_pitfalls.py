"""Interview pitfalls against scikit-learn (pipelines, target encoding, priors, metrics)
and SciPy (normal probabilities of a box, the integral of the mixture).

The published numbers are Pocock's thresholds and the rates of Julious and Mullee.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import binomtest, multivariate_normal, norm
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_score, roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

from snippets.practice.feature_screening import (
    error_selected_before,
    error_selected_inside,
    nearest_labels,
    strongest_features,
)
from snippets.practice.interview_pitfalls import (
    out_of_fold_means,
    precision_from_rates,
    standardized_rates,
    undo_undersampling,
)
from snippets.practice.repeated_looks import (
    always_valid_p_values,
    constant_threshold,
    false_positive_rate,
)

STONES = np.array([[81, 192], [234, 55]]), np.array([[87, 263], [270, 80]])


def table(rows: int = 35, features: int = 60, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(rows) % 2)
    X = rng.normal(size=(rows, features))
    X[:, :3] += y[:, None]
    return X, y, rng.permutation(np.arange(rows) % 5)


@pytest.mark.parametrize("seed", range(3))
def test_both_selections_agree_with_scikit_learn(agrees, seed):
    X, y, fold = table(seed=seed)
    select, nearest = SelectKBest(f_classif, k=7), KNeighborsClassifier(1)
    split = PredefinedSplit(fold)
    leaky = cross_val_score(nearest, select.fit_transform(X, y), y, cv=split)
    name = "sklearn.model_selection.cross_val_score"
    agrees(np.array(error_selected_before(X, y, fold, 7)), 1 - leaky.mean(), name)
    honest = cross_val_score(make_pipeline(select, nearest), X, y, cv=split)
    agrees(np.array(error_selected_inside(X, y, fold, 7)), 1 - honest.mean(), name)


@pytest.mark.parametrize("count", [1, 7, 60])
def test_strongest_features_agree_with_select_k_best(count):
    X, y, _ = table()
    theirs = SelectKBest(f_classif, k=count).fit(X, y).get_support(indices=True)
    assert_array_equal(strongest_features(X, y, count), theirs)
    assert_array_equal(strongest_features(X * [1e6, *[1e-6] * 59], y, count), theirs)


def test_strongest_features_with_ties_constants_and_small_types():
    y = np.array([0, 0, 1, 1])
    X = np.column_stack([[0.1] * 4, [1, 0, 1, 0], [3, 3, 5, 5], [5, 5, 3, 3]])
    assert_array_equal(strongest_features(X, y, 1), [2])
    assert_array_equal(strongest_features(X, y, 3), [0, 2, 3])
    far = np.array([[0, 100], [1, 101], [0, 126], [1, 127]], dtype=np.int8)
    assert_array_equal(strongest_features(far, y, 1), [1])
    half = np.array([[0, 300], [1, 301], [0, 400], [1, 401]], dtype=np.float16)
    assert_array_equal(strongest_features(half, y, 1), [1])


def test_nearest_labels_far_from_the_origin():
    X, new = np.array([[0.0], [1.0], [2.0]]), np.array([[0.4], [1.6]])
    for offset in (0, 1e8):
        assert_array_equal(
            nearest_labels(X + offset, np.array([7, 8, 9]), new + offset), [7, 9]
        )


def test_held_out_labels_do_not_matter_inside():
    """Swap the labels of a fold: its right answers become wrong ones, no more."""
    X, y, fold = table()
    swapped = np.where(fold == 2, 1 - y, y)
    alone = np.where(fold == 2, 0, 1)

    def errors(labels):
        train = fold != 2
        chosen = X[:, strongest_features(X[train], labels[train], 7)]
        return nearest_labels(chosen[train], labels[train], chosen[~train])

    assert_array_equal(errors(y), errors(swapped))
    assert error_selected_inside(X, y, alone, 7) != error_selected_before(
        X, y, alone, 7
    )


@pytest.mark.parametrize("seed", range(3))
def test_out_of_fold_means_agree_with_target_encoder(agrees, seed):
    rng = np.random.default_rng(seed)
    category, y = rng.integers(0, 20, 53), rng.normal(size=53)
    fold = rng.permutation(53) % 4
    encoded = np.empty(53)
    for k in range(4):
        train, test = fold != k, fold == k
        encoder = TargetEncoder(smooth=0.0, target_type="continuous")
        encoder.fit(category[train, None], y[train])
        encoded[test] = encoder.transform(category[test, None])[:, 0]
    name = "sklearn.preprocessing.TargetEncoder"
    agrees(out_of_fold_means(category, y, fold), encoded, name)


def test_own_target_never_matters_to_out_of_fold_means():
    rng = np.random.default_rng(0)
    category, y, fold = np.arange(30) // 6, rng.normal(size=30), np.arange(30) % 3
    before = out_of_fold_means(category, y, fold)
    y[fold == 1] += 100
    after = out_of_fold_means(category, y, fold)
    assert_allclose(after[fold == 1], before[fold == 1])
    assert np.all(after[fold != 1] > before[fold != 1])


def test_out_of_fold_means_of_unseen_categories_and_small_types():
    y = np.array([60_000, 60_000, 60_000], dtype=np.float16)
    means = out_of_fold_means(np.array([1, 2, 3]), y, np.array([0, 1, 2]))
    assert_allclose(means, 60_000, rtol=1e-3)


@pytest.mark.parametrize("kept", [1.0, 0.25, 0.02])
def test_undo_undersampling_agrees_with_the_priors_of_naive_bayes(agrees, kept):
    X, y, _ = table(features=4)
    positive = 0.01
    share = positive / (positive + kept * (1 - positive))
    sampled = GaussianNB(priors=[1 - share, share]).fit(X, y).predict_proba(X)
    full = GaussianNB(priors=[1 - positive, positive]).fit(X, y).predict_proba(X)
    ours = undo_undersampling(sampled[:, 1], kept)
    agrees(ours, full[:, 1], "sklearn.naive_bayes.GaussianNB")
    assert roc_auc_score(y, ours) == roc_auc_score(y, sampled[:, 1])


def test_undo_undersampling_in_half_precision():
    sampled = np.array([0.0, 0.5, 1.0], dtype=np.float16)
    assert_allclose(undo_undersampling(sampled, 1e-6), [0, 1e-6 / (1 + 1e-6), 1])


def test_precision_agrees_with_scikit_learn(agrees):
    y = np.repeat([1, 1, 0, 0], [9, 1, 99, 891])
    alarm = np.repeat([1, 0, 1, 0], [9, 1, 99, 891])
    theirs = precision_score(y, alarm)
    name = "sklearn.metrics.precision_score"
    agrees(np.array(precision_from_rates(0.9, 0.1, 0.01)), np.array(theirs), name)
    assert precision_from_rates(1, 0, 0.5) == 1
    assert precision_from_rates(0.3, 0.3, 0.2) == pytest.approx(0.2)


def test_standardized_rates_agree_with_loops_and_with_the_paper():
    successes, trials = STONES
    total = trials.sum()
    for ours, won, tried in zip(
        standardized_rates(successes, trials), successes, trials, strict=True
    ):
        expected = 0.0
        for s in range(2):
            expected += won[s] / tried[s] * (trials[0, s] + trials[1, s]) / total
        assert_allclose(ours, expected)
    assert_allclose((successes / trials).round(2), [[0.93, 0.73], [0.87, 0.69]])
    assert_allclose((successes.sum(1) / trials.sum(1)).round(2), [0.78, 0.83])
    small = standardized_rates(successes[:, :1], trials[:, :1])
    assert_allclose(small, successes[:, 0] / trials[:, 0])


def test_standardized_rates_of_small_integers():
    won, tried = np.full((2, 2), 100, np.int8), np.full((2, 2), 125, np.int8)
    assert_allclose(standardized_rates(won, tried), 0.8)


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_false_positive_rate_agrees_with_scipy(agrees, looks):
    n = np.arange(1, looks + 1)
    covariance = np.sqrt(np.minimum(n, n[:, None]) / np.maximum(n, n[:, None]))
    limit = np.full(looks, 1.7)
    inside = multivariate_normal(cov=covariance).cdf(limit, lower_limit=-limit, rng=0)
    agrees(
        np.array(false_positive_rate(looks, 1.7)),
        1 - inside,
        "scipy.stats.multivariate_normal",
        rtol=1e-5,
        atol=1e-6,
    )


def test_false_positive_rate_agrees_with_simulation():
    """Within 4 standard errors; 10 independent tests are ruled out."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20_000, 10)).cumsum(axis=1) / np.sqrt(np.arange(1, 11))
    found = int((np.abs(z) > 1.96).any(axis=1).sum())
    rate = false_positive_rate(10, 1.96)
    assert abs(found - 20_000 * rate) < 4 * math.sqrt(20_000 * rate * (1 - rate))
    assert binomtest(found, 20_000, 1 - 0.95**10).pvalue < 1e-6


def test_false_positive_rate_does_not_depend_on_the_nodes():
    exact = false_positive_rate(60, 1.96)
    assert_allclose(false_positive_rate(60, 1.96, nodes=300), exact, rtol=1e-9)


def test_wide_intervals_get_more_nodes():
    """Fewer than one node per unit would give wrong rates: 200 nodes, 3000 looks."""
    for looks, threshold in ((60, 1.96), (200, 2.5)):
        exact = false_positive_rate(looks, threshold)
        few = false_positive_rate(looks, threshold, nodes=2)
        assert_allclose(few, exact, rtol=1e-6)


@pytest.mark.parametrize(("looks", "pocock"), [(2, 2.178), (5, 2.413), (10, 2.555)])
def test_constant_threshold_is_that_of_pocock(looks, pocock):
    assert_allclose(constant_threshold(looks), pocock, atol=6e-4)
    assert_allclose(constant_threshold(1, 0.2), norm.isf(0.1))


def test_always_valid_p_values_agree_with_the_integral(agrees):
    """Of the likelihood ratio over the means, drawn from N(0, tau^2)."""
    values = np.random.default_rng(0).normal(0.8, 1.3, size=6)

    def ratio(n):
        def weighted(mean):
            logs = norm.logpdf(values[:n], mean, 1.3) - norm.logpdf(values[:n], 0, 1.3)
            return math.exp(logs.sum()) * norm.pdf(mean, 0, 0.7)

        return quad(weighted, -8, 8, epsabs=1e-13, epsrel=1e-12)[0]

    ratios = np.maximum.accumulate([1.0] + [ratio(n) for n in range(1, 7)])
    ours = always_valid_p_values(values, sigma=1.3, tau=0.7)
    agrees(ours, 1 / ratios[1:], "scipy.integrate.quad")


def test_always_valid_p_values_of_several_runs_and_scales():
    values = np.random.default_rng(1).normal(size=(3, 5))
    ours = always_valid_p_values(values, sigma=1.0, tau=0.5)
    for run, p in zip(values, ours, strict=True):
        assert_allclose(always_valid_p_values(run, 1.0, 0.5), p)
    assert_allclose(always_valid_p_values(1e6 * values, 1e6, 5e5), ours)
    assert np.all(np.diff(ours, axis=1) <= 0)
    assert always_valid_p_values(np.zeros(0), 1.0, 1.0).shape == (0,)
    half = np.full(2000, 60_000, dtype=np.float16)
    assert always_valid_p_values(half, 1e5, 1e5)[-1] < 1e-100


def test_always_valid_p_values_rarely_fall_without_an_effect():
    values = np.random.default_rng(2).normal(size=(2000, 300))
    below = always_valid_p_values(values, 1.0, 0.3)[:, -1] <= 0.05
    assert 0 < below.mean() < 0.05


def test_random_labels_reveal_three_leaks():
    """Features chosen first, patients in two folds, target encoding of all rows."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(1000), 2)
    X = np.column_stack([rng.integers(0, 1000, 1000), rng.normal(size=(1000, 500))])
    X, y = X[patient], rng.integers(0, 2, 1000)[patient]

    def columns():
        return make_column_transformer((TargetEncoder(), [0]), remainder="passthrough")

    def area(model, X, cv, groups=None):
        folds = list(cv.split(X, groups=groups))
        return cross_val_score(model, X, y, cv=folds, scoring="roc_auc").mean()

    select, last = SelectKBest(k=5), LogisticRegression()
    pipeline = make_pipeline(columns(), select, last)
    assert abs(area(pipeline, X, GroupKFold(5), patient) - 0.5) < 0.05
    chosen = select.fit_transform(X[:, 1:], y)
    assert area(last, chosen, GroupKFold(5), patient) > 0.55
    assert area(pipeline, X, KFold(5, shuffle=True, random_state=0)) > 0.75
    encoded = columns().fit(X, y).transform(X)
    assert area(make_pipeline(select, last), encoded, GroupKFold(5), patient) > 0.9


def test_bad_folds_and_features_are_refused():
    X, y, fold = table()
    for error in (error_selected_before, error_selected_inside):
        with pytest.raises(ValueError, match="cannot choose 61 of 60"):
            error(X, y, fold, 61)
        with pytest.raises(ValueError, match=r"the folds are \[0\]"):
            error(X, y, fold * 0, 7)
    with pytest.raises(ValueError, match="cannot choose 0"):
        strongest_features(X, y, 0)
    with pytest.raises(ValueError, match=r"all labels are \[0\]"):
        strongest_features(X, y * 0, 7)
    with pytest.raises(ValueError, match="column 4 is not finite"):
        strongest_features(np.where(np.arange(60) == 4, np.nan, X), y, 7)
    with pytest.raises(ValueError, match=r"the folds are \[4\]"):
        out_of_fold_means(np.arange(3), np.arange(3), np.full(3, 4))
    empty = np.zeros(0, dtype=int)
    with pytest.raises(ValueError, match=r"the folds are \[\]"):
        out_of_fold_means(empty, empty, empty)


def test_impossible_rates_are_refused():
    for kept in (0, -0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match=f"kept={kept}"):
            undo_undersampling(np.array([0.5]), kept)
    with pytest.raises(ValueError, match=r"not probabilities: \[1.5, nan\]"):
        undo_undersampling(np.array([0.5, 1.5, math.nan]), 0.5)
    with pytest.raises(ValueError, match=r"1\.2 is not a rate"):
        precision_from_rates(0.5, 0.5, 1.2)
    with pytest.raises(ValueError, match="no alarms: recall=0"):
        precision_from_rates(0, 0, 0.5)
    successes, trials = STONES
    with pytest.raises(ValueError, match="needs trials in each stratum"):
        standardized_rates(successes * 0, trials * [[1, 0], [1, 1]])
    with pytest.raises(ValueError, match="impossible"):
        standardized_rates(trials + 1, trials)


def test_impossible_tests_are_refused():
    with pytest.raises(ValueError, match="looks=0"):
        false_positive_rate(0, 1.96)
    with pytest.raises(ValueError, match="threshold=0"):
        false_positive_rate(3, 0)
    with pytest.raises(ValueError, match="alpha=1"):
        constant_threshold(3, 1.0)
    with pytest.raises(ValueError, match="tau=-1"):
        always_valid_p_values(np.zeros(3), 1.0, -1)
