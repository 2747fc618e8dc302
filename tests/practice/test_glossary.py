"""Each metric of the glossary equals that of a library, with ties and at the edges."""

import ast
import inspect
import math
import re
from pathlib import Path

import nltk
import numpy as np
import pytest
import torch
from nltk.translate.bleu_score import sentence_bleu
from scipy import spatial, stats
from sklearn import metrics
from sklearn.metrics.pairwise import rbf_kernel

from snippets.practice.classification_metrics import (
    accuracy,
    average_precision,
    brier_score,
    cohen_kappa,
    counts,
    f_score,
    log_loss,
    matthews,
    precision,
    recall,
    roc_auc,
)
from snippets.practice.clustering_metrics import (
    adjusted_rand_index,
    contingency,
    normalized_mutual_information,
    silhouette,
)
from snippets.practice.divergences import (
    js_divergence,
    kl_divergence,
    squared_mmd,
    wasserstein_1,
)
from snippets.practice.glossary import METRICS
from snippets.practice.ranking_metrics import (
    dcg,
    hit_rate,
    mean_average_precision,
    ndcg,
    reciprocal_rank,
)
from snippets.practice.regression_metrics import (
    errors,
    mean_absolute_percentage_error,
    pinball_loss,
    r_squared,
    root_mean_squared_error,
)
from snippets.practice.text_metrics import bleu, longest_common, perplexity, rouge_l

PAGE = Path(__file__).parents[2] / "docs/practice/glossary.rst"
SEEDS = range(20)


def lines(function):
    """Lines of the body, without the docstring."""
    text = inspect.getsource(function).splitlines()
    (node,) = ast.parse("\n".join(text)).body
    first = node.body[1 if ast.get_docstring(node) else 0]
    return len([line for line in text[first.lineno - 1 :] if line.strip()])


def labels_and_scores(seed, levels=6):
    """Labels of both kinds, and scores of few levels: many are equal."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 30)
    labels[:2] = 0, 1
    return labels, rng.integers(0, levels, 30) / levels


def close(ours, theirs):
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12)


def compare(agrees, ours, theirs, inputs):
    """Both functions on all inputs, the second being scikit-learn's."""
    pairs = [(ours(*each), theirs(*each)) for each in inputs]
    agrees(*np.array(pairs).T, f"sklearn.metrics.{theirs.__name__}")


def test_every_metric_has_few_lines():
    sizes = {name: lines(metric) for name, metric in METRICS.items()}
    assert {name: size for name, size in sizes.items() if size > 8} == {}


def entries():
    """The names and the definition of each entry of the page."""
    found, inside = [], False
    for line in PAGE.read_text().splitlines():
        if line.strip():
            inside = line == ".. glossary::" or (inside and line[0] == " ")
        if not inside or line == ".. glossary::" or line == "   :sorted:":
            continue
        if re.match(r" {3}\S", line):
            if not found or found[-1][1]:
                found.append(([], []))
            found[-1][0].append(line.strip())
        elif line:
            found[-1][1].append(line.strip())
    return [(names, "\n".join(body)) for names, body in found]


def test_every_metric_is_shown_in_its_entry():
    known = {name: body for names, body in entries() for name in names}
    for name, metric in METRICS.items():
        module = metric.__module__.removeprefix("snippets.")
        assert f".. snippet:: {module}.{metric.__name__}\n" in known[name], name


def test_the_page_that_an_entry_leads_to_uses_the_word():
    assert len(entries()) >= 150
    for names, body in entries():
        words = [re.sub(r" \(.*", "", name).lower() for name in names]
        for page in re.findall(r":doc:`/([^`]+)`", body):
            text = " ".join((PAGE.parents[1] / f"{page}.rst").read_text().split())
            assert any(word in text.lower() for word in words), (names, page)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (accuracy, metrics.accuracy_score),
        (precision, metrics.precision_score),
        (recall, metrics.recall_score),
        (f_score, metrics.f1_score),
        (matthews, metrics.matthews_corrcoef),
        (cohen_kappa, metrics.cohen_kappa_score),
    ],
)
def test_metrics_of_predicted_classes_agree_with_scikit_learn(agrees, ours, theirs):
    drawn = [labels_and_scores(seed) for seed in SEEDS]
    inputs = [(labels, (scores > 0.5).astype(int)) for labels, scores in drawn]
    compare(agrees, ours, theirs, inputs)


@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0])
def test_f_beta_agrees_with_scikit_learn(beta):
    labels, scores = labels_and_scores(0)
    predicted = (scores > 0.5).astype(int)
    expected = metrics.fbeta_score(labels, predicted, beta=beta)
    close(f_score(labels, predicted, beta), expected)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (log_loss, metrics.log_loss),
        (brier_score, metrics.brier_score_loss),
        (roc_auc, metrics.roc_auc_score),
        (average_precision, metrics.average_precision_score),
    ],
)
def test_metrics_of_scores_agree_with_scikit_learn_and_scores_tie(agrees, ours, theirs):
    inputs = [labels_and_scores(seed) for seed in SEEDS]
    assert all(len(set(scores)) < len(scores) for _, scores in inputs)
    compare(agrees, ours, theirs, inputs)


def test_probabilities_of_0_and_1_are_clipped_as_scikit_learn_does():
    labels = np.array([0, 1, 1])
    for dtype in (np.float32, np.float64):
        certain = np.array([1.0, 1.0, 0.5], dtype)
        expected = metrics.log_loss(labels, certain)
        assert log_loss(labels, certain) == pytest.approx(expected, rel=1e-6)


def test_classes_are_taken_as_probabilities_as_scikit_learn_does():
    labels = np.array([0, 1, 1, 0])
    for predicted in (np.array([0, 1, 0, 0]), np.array([0, 1, 0, 0], np.uint8)):
        close(log_loss(labels, predicted), metrics.log_loss(labels, predicted))
        expected = metrics.brier_score_loss(labels, predicted)
        close(brier_score(labels.astype(np.uint8), predicted), expected)


def test_labels_may_be_booleans():
    labels, scores = labels_and_scores(0)
    predicted = scores > 0.5
    for metric in (roc_auc, average_precision, log_loss, brier_score):
        assert metric(labels == 1, scores) == metric(labels, scores)
    for metric in (accuracy, f_score, matthews, cohen_kappa):
        close(metric(labels == 1, predicted), metric(labels, predicted.astype(int)))


def test_classes_may_have_names():
    first, second = np.array(["a", "b", "b"]), np.array(["a", "b", "c"])
    assert accuracy(first, second) == 2 / 3
    close(cohen_kappa(first, second), metrics.cohen_kappa_score(first, second))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float16, np.float32])
def test_scores_of_small_types_rank_as_those_of_large_ones(dtype):
    labels, scores = labels_and_scores(0)
    large, small = scores * 6, (scores * 6).astype(dtype)
    for metric in (roc_auc, average_precision, dcg, ndcg, reciprocal_rank):
        assert metric(labels, small) == metric(labels, large)
    hits = [[hit_rate(i, s, 7) for i in range(30)] for s in (small, large)]
    assert hits[0] == hits[1]


def test_log_probabilities_of_minus_infinity_tie():
    labels, scores = np.array([1, 0, 1, 0]), np.array([-math.inf, -math.inf, 0.0, -1.0])
    finite = scores.clip(-9)
    for metric in (roc_auc, average_precision, dcg, ndcg, reciprocal_rank):
        assert metric(labels, scores) == metric(labels, finite)


def test_equal_scores_make_an_auc_of_one_half_and_a_precision_of_the_base_rate():
    labels, scores = np.array([1, 0, 0, 0]), np.ones(4)
    assert roc_auc(labels, scores) == 0.5
    assert average_precision(labels, scores) == 0.25


def test_what_cannot_be_divided_is_zero():
    zeros, ones = np.zeros(3, int), np.ones(3, int)
    assert precision(ones, zeros) == recall(zeros, ones) == 0
    assert f_score(zeros, zeros) == matthews(ones, ones) == 0
    assert average_precision(zeros, np.arange(3.0)) == 0
    assert math.isnan(cohen_kappa(ones, ones))


def test_one_example_is_enough():
    one = np.array([1])
    assert counts(one, one) == (1, 0, 0, 0)
    assert f_score(one, one) == accuracy(one, one) == 1


@pytest.mark.parametrize("k", [None, 1, 3, 30])
def test_gains_agree_with_scikit_learn_and_scores_tie(agrees, k):
    results = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        relevance, scores = rng.integers(0, 4, 12), rng.integers(0, 5, 12) / 4
        for ours, theirs in ((dcg, metrics.dcg_score), (ndcg, metrics.ndcg_score)):
            pair = ours(relevance, scores, k), theirs([relevance], [scores], k=k)
            results.append(pair)
    agrees(*np.array(results).T, "sklearn.metrics.dcg_score, ndcg_score")


def test_reciprocal_rank_is_the_label_ranking_precision_of_one_label():
    rng = np.random.default_rng(0)
    for wanted in range(8):
        relevance = np.eye(8, dtype=int)[wanted]
        scores = rng.integers(0, 4, 8) / 4
        expected = metrics.label_ranking_average_precision_score([relevance], [scores])
        close(reciprocal_rank(relevance, scores), expected)
    assert reciprocal_rank(np.zeros(3, int), np.arange(3.0)) == 0


def test_hit_rate_is_the_top_k_accuracy_and_scores_tie():
    rng = np.random.default_rng(0)
    scores, wanted = rng.integers(0, 4, (40, 6)) / 4, rng.integers(0, 6, 40)
    expected = metrics.top_k_accuracy_score(wanted, scores, k=2, labels=range(6))
    hits = [hit_rate(int(one), row, 2) for one, row in zip(wanted, scores, strict=True)]
    close(np.mean(hits), expected)


def test_mean_average_precision_is_the_mean_over_queries():
    pairs = [labels_and_scores(seed) for seed in range(5)]
    expected = np.mean([metrics.average_precision_score(*pair) for pair in pairs])
    close(mean_average_precision(*zip(*pairs, strict=True)), expected)


def test_mean_average_precision_knows_relevant_or_not_only():
    scores, grades = np.array([0.9, 0.8, 0.7]), np.array([3, 0, 1])
    expected = metrics.average_precision_score(grades > 0, scores)
    close(mean_average_precision([grades], [scores]), expected)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (r_squared, metrics.r2_score),
        (root_mean_squared_error, metrics.root_mean_squared_error),
        (mean_absolute_percentage_error, metrics.mean_absolute_percentage_error),
        (pinball_loss, metrics.mean_pinball_loss),
    ],
)
def test_metrics_of_numbers_agree_with_scikit_learn(agrees, ours, theirs):
    inputs = [np.random.default_rng(seed).standard_normal((2, 25)) for seed in SEEDS]
    for values, _ in inputs:
        values[3] = 0.0  # a percentage of nothing
    compare(agrees, ours, theirs, inputs)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float16])
def test_small_types_do_not_overflow(dtype):
    values, predicted = np.array([[1, 250, 3, 7], [250, 0, 4, 9]]).astype(dtype)
    for metric in (
        r_squared,
        root_mean_squared_error,
        mean_absolute_percentage_error,
        pinball_loss,
    ):
        wide = metric(values.astype(float), predicted.astype(float))
        close(metric(values, predicted), wide)
    close(root_mean_squared_error(np.int32([0]), np.int32([10**5])), 1e5)
    close(mean_absolute_percentage_error(np.int8([-128]), np.int8([-64])), 0.5)


@pytest.mark.parametrize("quantile", [0.0, 0.1, 0.9, 1.0])
def test_pinball_loss_agrees_at_other_quantiles(quantile):
    values, predicted = np.random.default_rng(0).standard_normal((2, 25))
    expected = metrics.mean_pinball_loss(values, predicted, alpha=quantile)
    close(pinball_loss(values, predicted, quantile), expected)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (adjusted_rand_index, metrics.adjusted_rand_score),
        (normalized_mutual_information, metrics.normalized_mutual_info_score),
    ],
)
def test_metrics_of_clusters_agree_with_scikit_learn(agrees, ours, theirs):
    drawn = [np.random.default_rng(seed).integers(0, 4, (2, 30)) for seed in SEEDS]
    one, many = np.zeros(5, int), np.arange(5)
    edges = [(one, one), (many, many), (one, many), (one[:1], one[:1])]
    compare(agrees, ours, theirs, [*drawn, *edges])


def test_independent_groupings_share_no_information():
    for k in range(2, 9):
        first, second = np.repeat(np.arange(k), 6), np.tile(np.arange(6), k)
        assert 0 <= normalized_mutual_information(first, second) < 1e-14


def test_silhouette_agrees_with_scikit_learn(agrees):
    inputs = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        points, labels = rng.standard_normal((20, 3)), rng.integers(0, 4, 20)
        points[5] = points[6]
        labels[0] = 9  # alone
        inputs.append((points, labels))
    compare(agrees, silhouette, metrics.silhouette_score, inputs)


def test_perplexity_is_that_of_the_cross_entropy_of_pytorch():
    torch.manual_seed(0)
    logits, tokens = torch.randn(7, 5, dtype=torch.float64), torch.randint(5, (7,))
    expected = torch.nn.functional.cross_entropy(logits, tokens).exp().item()
    chosen = logits.log_softmax(1).gather(1, tokens[:, None])[:, 0]
    close(perplexity(chosen.numpy()), expected)
    close(perplexity(np.full(4, -math.log(6))), 6)
    assert perplexity(np.array([-1.0, -math.inf])) == math.inf
    large = perplexity(np.full(4, -12, np.float16))  # above the largest float16
    assert large == pytest.approx(math.exp(12))


def texts(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(6, 14, 2)
    return [[str(token) for token in rng.integers(0, 2, size)] for size in sizes]


def test_bleu_agrees_with_nltk(agrees):
    results = []
    for seed in range(60):
        reference, candidate = texts(seed)
        if bleu(reference, candidate):
            expected = sentence_bleu([reference], candidate)
            results.append((bleu(reference, candidate), expected))
    assert len(results) > 20
    agrees(*np.array(results).T, "nltk sentence_bleu")
    assert bleu(list("abcd"), list("dcba")) == bleu(list("abcd"), []) == 0


def test_the_longest_common_subsequence_follows_from_the_edit_distance_of_nltk():
    for seed in SEEDS:
        first, second = texts(seed)
        edits = nltk.edit_distance(first, second, substitution_cost=2)
        assert longest_common(first, second) == (len(first) + len(second) - edits) / 2
    assert rouge_l(list("abcd"), list("abxd")) == 0.75
    assert rouge_l([], []) == rouge_l([], ["a"]) == 0


def test_divergences_agree_with_scipy(agrees):
    results = []
    for seed in SEEDS:
        p, q = np.random.default_rng(seed).dirichlet(np.ones(5), 2)
        p[0], p[1] = 0.0, p[0] + p[1]
        results.append((kl_divergence(p, q), stats.entropy(p, q)))
        distance = spatial.distance.jensenshannon(p, q)
        results.append((js_divergence(p, q), distance**2))
    agrees(*np.array(results).T, "scipy.stats.entropy, jensenshannon")
    assert kl_divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == math.inf
    close(js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])), math.log(2))
    tenth = np.full(10, 0.1)
    nearly = np.append(tenth[1:], tenth[0] + 1e-16)
    assert 0 <= js_divergence(tenth, nearly) < 1e-15


def test_wasserstein_distance_agrees_with_scipy(agrees):
    results = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, y = rng.integers(0, 6, 9) / 2, rng.integers(0, 6, 14) / 2
        results.append((wasserstein_1(x, y), stats.wasserstein_distance(x, y)))
    low, high = np.array([[-128], [127]], np.int8)
    results.append((wasserstein_1(low, high), 255))
    agrees(*np.array(results).T, "scipy.stats.wasserstein_distance")


def test_mmd_agrees_with_sums_over_kernels_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, 2)), rng.standard_normal((9, 2)) + 1
    xx, yy, xy = (rbf_kernel(a, b, gamma=0.5) for a, b in ((x, x), (y, y), (x, y)))
    off = [np.mean(k[~np.eye(len(k), dtype=bool)]) for k in (xx, yy)]
    close(squared_mmd(x, y), sum(off) - 2 * xy.mean())


def test_bad_input_is_named():
    zeros, scores = np.zeros(3, int), np.arange(3.0)
    empty = np.zeros(0)
    for message, call in [
        ("0 labels and 0 predictions", lambda: counts(zeros[:0], zeros[:0])),
        ("3 labels and 2 predictions", lambda: counts(zeros, zeros[:2])),
        ("of 3 and 2 examples", lambda: contingency(zeros, zeros[:2])),
        ("beta -1.0 is neg", lambda: f_score(zeros, zeros, -1.0)),
        ("beta inf is neg", lambda: f_score(zeros, zeros, math.inf)),
        ("0 positives and 3 negatives", lambda: roc_auc(zeros, scores)),
        ("probability 2.0 is not", lambda: log_loss(zeros, scores)),
        ("probability 2.0 is not", lambda: brier_score(zeros, scores)),
        ("relevance -1 is neg", lambda: ndcg(zeros - 1, scores)),
        ("the first -1 items", lambda: hit_rate(0, scores, -1)),
        ("the first 0 items", lambda: dcg(scores, scores, 0)),
        ("no query", lambda: mean_average_precision([], [])),
        ("all values are equal", lambda: r_squared(np.ones(3), scores)),
        ("3 values and 1 pred", lambda: errors(scores, scores[:1])),
        ("quantile 1.5 is not", lambda: pinball_loss(scores, scores, 1.5)),
        ("of 0 and 0 examples", lambda: contingency(zeros[:0], zeros[:0])),
        ("1 clusters of 3", lambda: silhouette(np.ones((3, 1)), zeros)),
        ("3 clusters of 3", lambda: silhouette(np.ones((3, 1)), np.arange(3))),
        ("no token", lambda: perplexity(empty)),
        ("log-probability 2.0 is above 0", lambda: perplexity(scores)),
        ("1 and 2 shares", lambda: kl_divergence(np.ones(1), np.ones(2) / 2)),
        ("that sum to 0.9", lambda: kl_divergence(np.array([0.9]), np.array([1.0]))),
        ("samples of 0 and 3", lambda: wasserstein_1(empty, scores)),
        ("1 and 2 points", lambda: squared_mmd(np.ones((1, 1)), np.ones((2, 1)))),
        ("bandwidth=0.0", lambda: squared_mmd(np.ones((2, 1)), np.ones((2, 1)), 0.0)),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    "metric",
    [log_loss, brier_score, roc_auc, average_precision, dcg, ndcg, reciprocal_rank],
)
def test_no_example_and_scores_that_are_not_numbers_are_refused(metric):
    with pytest.raises(ValueError, match="0 labels"):
        metric(np.zeros(0, int), np.zeros(0))
    with pytest.raises(ValueError, match="a prediction is NaN"):
        metric(np.array([0, 1]), np.array([0.5, math.nan]))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (log_loss, metrics.log_loss),
        (brier_score, metrics.brier_score_loss),
        (roc_auc, metrics.roc_auc_score),
        (average_precision, metrics.average_precision_score),
        (matthews, metrics.matthews_corrcoef),
    ],
)
def test_minus_one_is_a_label_of_negatives(ours, theirs):
    labels = np.array([-1, 1, 1, -1, -1])
    scores = np.array([0.2, 0.3, 0.9, 0.1, 0.5])
    if ours is matthews:
        scores = np.where(scores > 0.4, 1, -1)
    close(ours(labels, scores), theirs(labels, scores))


@pytest.mark.parametrize("metric", [accuracy, cohen_kappa, precision, f_score])
def test_no_example_has_no_classes(metric):
    with pytest.raises(ValueError, match="0 labels and 0 predictions"):
        metric(np.zeros(0, int), np.zeros(0, int))


@pytest.mark.parametrize(
    "metric",
    [
        r_squared,
        root_mean_squared_error,
        mean_absolute_percentage_error,
        pinball_loss,
    ],
)
def test_no_value_has_no_error(metric):
    with pytest.raises(ValueError, match="0 values and 0 predictions"):
        metric(np.zeros(0), np.zeros(0))


def test_values_that_are_equal_but_for_rounding_of_their_mean_are_refused():
    with pytest.raises(ValueError, match="all values are equal"):
        r_squared(np.full(3, 0.1), np.zeros(3))
