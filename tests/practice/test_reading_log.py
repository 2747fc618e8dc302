"""The log says what the articles say; forecasts, maxima and schedules are right."""

import itertools
import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, directives
from scipy import stats
from sklearn.calibration import calibration_curve

from snippets.practice.best_of_many import expected_best, inflation, shrunk
from snippets.practice.forecasts import from_other_sources, reliability
from snippets.practice.reading_log import (
    DOCS,
    claims,
    load_log,
    read_articles,
    save_log,
    years_of,
)
from snippets.practice.spaced_repetition import Note, review

CLAIM = """
.. claim:: a2020
   :reports: More is
      better.
   :verdict: reproduced

   gain, two
      runs: page.gain | .2f in 0 1
   loss (nats): page.loss | .1f points in 1 2

   A sentence: with a colon | and a bar.

After it.
"""


def test_the_log_is_that_of_the_articles():
    same = load_log() == read_articles()
    assert same, "write the log anew: python -m snippets.practice.reading_log"


def test_the_log_has_every_article_that_quotes_a_claim():
    pages = {record.page for record in load_log()}
    for path in DOCS.glob("*/*.rst"):
        page = path.relative_to(DOCS).with_suffix("").as_posix()
        assert (page in pages) == ("\n.. claim::" in path.read_text()), page


def test_claims_are_read_as_docutils_reads_them():
    seen = []

    class Claim(Directive):
        required_arguments, has_content = 1, True
        option_spec = dict.fromkeys(("reports", "verdict", "control"), str)

        def run(self):
            seen.append((self.arguments[0], self.options))
            return [nodes.paragraph()]

    directives.register_directive("recorded", Claim)  # Sphinx has one of the name
    path = DOCS / "language/token_embeddings.rst"
    publish_doctree(
        path.read_text().replace(".. claim::", ".. recorded::"),
        settings_overrides={"report_level": 5},
    )
    assert len(seen) >= 3
    known = years_of((DOCS / "references.bib").read_text())
    ours = list(claims(path.read_text(), "language/token_embeddings", known))
    assert [
        (source, " ".join(options["reports"].split()), options["verdict"].strip())
        for source, options in seen
    ] == [(record.source, record.reports, record.verdict) for record in ours]


def test_a_claim_may_run_over_lines():
    (record,) = claims(CLAIM, "a/b", {"a2020": 2020})
    assert record.reports == "More is better."
    assert record.evidence == ["gain, two runs", "loss (nats)"]
    assert (record.page, record.year, record.verdict) == ("a/b", 2020, "reproduced")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (" a2020", "", "a/b: a claim of no source"),
        ("a2020", "b2020", "a/b: a claim of b2020, of no year"),
        ("reproduced", "true", "a/b: verdict 'true' on a2020"),
        ("   :verdict: reproduced\n", "", "a/b: verdict '' on a2020"),
        (":reports:", ":control:", "a/b: nothing reported of a2020"),
    ],
)
def test_a_record_that_lacks_something_is_named(right, wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        list(claims(CLAIM.replace(right, wrong), "a/b", {"a2020": 2020}))


def test_the_log_is_kept_and_read_again(tmp_path):
    records = list(claims(CLAIM, "a/b", {"a2020": 2020}))
    save_log(records, tmp_path / "log.json")
    assert load_log(tmp_path / "log.json") == records
    assert json.loads((tmp_path / "log.json").read_text())[0]["source"] == "a2020"


def test_years_are_those_of_their_entries():
    text = "@misc{a,\n year = {1999}\n}\n\n@misc{b,\n title = {1984}\n}\n"
    assert years_of(text) == {"a": 1999}


def records(seed=0, n=60):
    rng = np.random.default_rng(seed)
    outcomes = rng.random(n) < 0.4
    sources = [f"s{i}" for i in rng.integers(0, 20, n)]
    return outcomes, sources, [f"g{i}" for i in rng.integers(0, 4, n)]


@pytest.mark.parametrize("grouped", [False, True])
def test_forecasts_are_those_of_a_loop_over_records(grouped):
    outcomes, sources, groups = records()
    found = from_other_sources(outcomes, sources, groups if grouped else None, 3.0)
    for i, forecast in enumerate(found):
        other = [j for j in range(60) if sources[j] != sources[i]]
        base = sum(map(int, outcomes[other])) / len(other)
        alike = [j for j in other if groups[j] == groups[i]]
        mixed = (sum(map(int, outcomes[alike])) + 3 * base) / (len(alike) + 3)
        assert forecast == pytest.approx(mixed if grouped else base)


def test_a_forecast_does_not_change_with_the_outcomes_of_its_own_source():
    outcomes, sources, groups = records()
    own = np.array(sources) == sources[0]
    changed = np.where(own, ~outcomes, outcomes)
    before, after = (
        from_other_sources(o, sources, groups) for o in (outcomes, changed)
    )
    np.testing.assert_array_equal(before[own], after[own])
    assert (before[~own] != after[~own]).any()


def test_reliability_agrees_with_scikit_learn(agrees):
    rng = np.random.default_rng(0)
    forecasts = rng.permutation(np.linspace(0.01, 0.99, 60))
    outcomes = rng.random(60) < forecasts
    share, mean = calibration_curve(outcomes, forecasts, n_bins=5, strategy="quantile")
    ours = reliability(outcomes, forecasts, 5)
    agrees(ours.share, share, "sklearn.calibration.calibration_curve")
    agrees(ours.forecast, mean, "sklearn.calibration.calibration_curve")
    assert ours.records.tolist() == [12] * 5


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_the_expected_best_is_that_of_all_draws(n):
    results = np.random.default_rng(0).integers(0, 5, 12) / 4  # with ties
    values, counts = np.unique(results, return_counts=True)
    below = np.cumsum(counts) / len(results)
    chances = below**n - np.append(0, below[:-1]) ** n
    assert expected_best(results, n) == pytest.approx(values @ chances)


def test_the_expected_best_is_too_low_for_new_trials():
    trials = np.random.default_rng(0).standard_normal((2000, 10))
    found = np.mean([expected_best(row, 8) for row in trials])
    assert found < inflation(8) - 0.1


def test_inflation_agrees_with_order_statistics_of_scipy(agrees):
    ks = (1, 2, 3, 10, 100)
    theirs = [stats.order_statistic(stats.Normal(), r=k, n=k).mean() for k in ks]
    agrees([inflation(k) for k in ks], theirs, "scipy.stats.order_statistic")
    assert inflation(2) == pytest.approx(1 / math.sqrt(math.pi))


def test_shrunk_results_are_least_squares_predictions_of_the_true_values():
    rng = np.random.default_rng(0)
    truth = 2.0 * rng.standard_normal((400, 50))
    results = truth + rng.standard_normal((400, 50))
    error = np.mean((shrunk(results, 2.0) - truth) ** 2)
    for spread in (0.5, 1.0, 4.0):
        assert error < np.mean((shrunk(results, spread) - truth) ** 2)
    np.testing.assert_allclose(shrunk(results, 2.0, noise=0.0), results, rtol=1e-12)


def test_a_schedule_follows_the_rules_of_sm_2():
    note = Note()
    for quality, days, easiness in (
        (3, 1, 2.36),
        (3, 6, 2.22),
        (0, 1, 2.22),  # anew, as easy as before
        (5, 6, 2.32),
        (4, 14, 2.32),
    ):
        note = review(note, quality)
        assert (note.days, round(note.easiness, 2)) == (days, easiness)
    for _ in range(20):
        note = review(note, 3)
    assert note.easiness == 1.3


def test_intervals_are_rounded_up_as_in_exact_arithmetic():
    for answers in itertools.product((3, 4, 5), repeat=6):
        note, easiness, days = Note(), Fraction("2.5"), 0
        for count, quality in enumerate((3, 3, *answers), 1):
            days = {1: 1, 2: 6}.get(count) or math.ceil(days * easiness)
            change = {3: "-0.14", 4: "0", 5: "0.1"}[quality]
            easiness = max(Fraction("1.3"), easiness + Fraction(change))
            note = review(note, quality)
            assert note.days == days, (answers, count)


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("weight 0.0", lambda: from_other_sources(np.ones(2, bool), "ab", None, 0.0)),
        ("2 records of 1 source", lambda: from_other_sources(np.ones(2, bool), "aa")),
        ("3 bins of 2", lambda: reliability(np.ones(2, bool), np.ones(2), 3)),
        ("the best of 0 among 3", lambda: expected_best(np.ones(3), 0)),
        ("the best of 2 among 0", lambda: expected_best(np.ones(0), 2)),
        ("the best of 0 results", lambda: inflation(0)),
        ("spread=-1.0", lambda: shrunk(np.ones(3), -1.0)),
        ("quality 6", lambda: review(Note(), 6)),
    ],
)
def test_bad_input_is_named(message, call):
    with pytest.raises(ValueError, match=message):
        call()
