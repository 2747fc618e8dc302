"""Claims on pages, the list of all of them, and what the verdicts ask for."""

import html as markup
import json
import re

import jsonschema
import pytest

from portal.article.claim_values import band

CLAIM = """\
.. claim:: real
   :reports: It halves :math:`x^2`.
   :verdict: {verdict}
{options}
   {values}

   It does *here* too.

.. bibliography::
"""
VALUE = "small ratio, at scale 1:2 (:math:`n = 1`): small.ratio | .2f times in 0.4 0.6"
LIST = """\
Reproductions
=============

.. verdict-squares::

.. verdicts::

.. reproductions::
"""


@pytest.fixture
def claiming(site, script):
    """A site whose front page makes one claim on what its script measured."""

    def claiming(
        values=VALUE, verdict="reproduced", ratio=0.5, options="", listing=LIST
    ):
        code = f"{script}\nmeasured = {{'ratio': {ratio}, 'other': 3}}\n"
        body = CLAIM.format(values=values, verdict=verdict, options=options)
        body += "\n:measured:`small.ratio` and :measured:`small.other`.\n"
        body += "\n.. toctree::\n   :hidden:\n\n   reproductions\n"
        script_file = {"snippets/attention/plot_small_line.py": code}
        return site(body, script_file | {"docs/reproductions.rst": listing})

    return claiming


def texts(page):
    """The text of a page, without markup."""
    return " ".join(markup.unescape(re.sub(r"<[^>]*>", "", page)).split())


def box(build):
    assert build.status == 0, build.output
    return build.page().split('<div class="claim ')[1].split('<div class="citation')[0]


def test_claim_on_its_page(claiming, make_html):
    shown = box(make_html(claiming()))
    assert shown.startswith("claim-reproduced ")
    assert "Bee [" in shown
    assert "<p><span>small ratio, at scale 1:2 (<span" in shown
    assert ': </span><strong class="measured">0.50 times</strong></p>' in shown
    assert 'href="reproductions.html#verdict-reproduced">reproduced</a>' in shown
    assert "<p>It does <em>here</em> too.</p>" in shown
    fold = shown.split("<details")[1]
    assert "0.4 to 0.6" in fold
    assert "0.4 to 0.6" not in shown.split("<details")[0]


def test_each_paragraph_and_list_of_its_reason_stays_one(claiming, make_html):
    root = claiming()
    page = root / "docs/index.rst"
    more = "too.\n\n   It must:\n\n   * one\n   * two\n"
    page.write_text(page.read_text().replace("too.", more))
    shown = box(make_html(root)).split("<details")[0]
    assert "<em>here</em> too.</p>\n<p>It must:</p>" in shown
    assert shown.count("<li>") == 3


def test_list_of_all_claims_and_its_file(claiming, make_html):
    values = "one:\n     small.ratio | .0% in 0 1\n   two: small.other | d in 2 4"
    build = make_html(claiming(values))
    assert build.status == 0, build.output
    page = build.page("reproductions")
    assert "1 claim: 1 reproduced." in page
    assert 'href="index.html#claim-1"' in page
    assert "one: 50%" in texts(page)
    assert "two: 3" in texts(page)
    assert ":math:" not in page
    assert page.count('id="verdict-') == 6
    plain = (build.html / "reproductions.txt").read_text()
    assert "reproduced in part" in plain
    assert "reproduced: Site" not in plain
    assert "reproductions.js" in page
    assert "reproductions.js" not in build.page()
    (claim,) = json.loads((build.html / "reproductions.json").read_text())
    assert claim["reports"] == "It halves x²."
    assert claim["why"] == "It does here too."
    assert claim["values"][0]["band"] == "0% to 100%"
    assert claim["values"][1]["label"] == "two"
    assert claim["values"][1]["value"] == 3
    assert claim["verdict"] == "reproduced"


def test_each_claim_is_a_square_of_its_book(claiming, make_html):
    page = make_html(claiming()).page("reproductions")
    (square,) = re.findall(r'<a class="square[^>]*>[^<]*</a>', page)
    assert "verdict-reproduced" in square
    assert 'href="index.html#claim-1"' in square
    assert 'title="Site: It halves x²."' in square
    assert square.endswith(">reproduced: Site</a>")


def test_a_claim_is_shown_on_another_page(claiming, make_html):
    listing = f"{LIST}\n.. example-claim:: index 1\n"
    build = make_html(claiming(listing=listing))
    assert build.status == 0, build.output
    page = build.page("reproductions")
    shown = page.split('<div class="claim ')[1]
    assert 'Reported</span> by <a class="reference internal" href="index.html' in shown
    assert "0.50 times" in shown
    assert "It does here too." in texts(shown)
    assert "1 claim: 1 reproduced." in page


def test_a_claim_to_be_shown_must_exist(claiming, make_html):
    listing = f"{LIST}\n.. example-claim:: index 2\n"
    build = make_html(claiming(listing=listing))
    assert build.status != 0
    assert "reproductions.rst:" in build.output
    assert "docs/index.rst has no claim 2" in build.output


def test_the_file_of_all_claims_has_its_schema(html, root):
    schema = json.loads((root / "docs/_extra/reproductions.schema.json").read_text())
    claims = json.loads((html / "reproductions.json").read_text())
    assert len(claims) > 100
    jsonschema.validate(claims, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{**claims[0], "verdict": "true"}], schema)


def test_list_follows_a_changed_value(claiming, make_html):
    make_html(claiming(ratio=0.5))
    build = make_html(claiming(ratio=0.55))
    assert build.status == 0, build.output
    assert "0.55 times" in build.page("reproductions")


def test_a_verdict_follows_the_page_that_explains_it(claiming, make_html):
    root = claiming(listing=LIST.replace(".. verdicts::\n\n", ""))
    assert ">reproduced</a>" not in box(make_html(root))
    (root / "docs/reproductions.rst").write_text(LIST)  # the other page stays
    assert ">reproduced</a>" in box(make_html(root))


def test_parallel_reading_gives_the_same_list(claiming, make_html):
    build = make_html(claiming(), "-j", "2")
    assert build.status == 0, build.output
    assert "1 claim: 1 reproduced." in build.page("reproductions")


@pytest.mark.parametrize(
    ("values", "causes"),
    [
        (VALUE.replace("0.6", "0.45"), ["0.5, outside its band 0.4 to 0.45"]),
        ("a: small.none in 0 1", ["small measured no 'none'"]),
        ("a: small.ratio in 0.5 0.5", ["0.5 to 0.5 has no width"]),
        ("a: small.ratio in 2 1", ["the band is 2 to 1; write two numbers"]),
        ("a: small.ratio | q in 0 1", ["Unknown format code 'q'"]),
        (
            f"{VALUE}\n   a: small.ratio in 0 x\n   And so on.\n   b: small.b in 0 1",
            ["", "the band is 0 to x", "'And so on.' is no value", "no 'b'"],
        ),
        ("It is so,\n   and so.", ["'It is so,' is no value; write label: page.value"]),
        (
            f"{VALUE}\n   b: small.other\n     in 0 1",
            ["", "3, outside its band 0 to 1"],
        ),
    ],
)
def test_each_wrong_value_is_reported_at_its_line(claiming, make_html, values, causes):
    build = make_html(claiming(values))
    assert build.status != 0
    found = re.findall(r"docs/index.rst:(\d+): \w+: claim real: (.*)", build.output)
    wrong = [(n, cause) for n, cause in enumerate(causes) if cause]
    assert len(found) == len(wrong)
    for (line, message), (n, cause) in zip(found, wrong, strict=True):
        assert int(line) == 14 + n
        assert cause in message


@pytest.mark.parametrize(
    ("verdict", "values", "cause"),
    [
        ("reproducd", VALUE, "no verdict 'reproducd'; did you mean reproduced?"),
        ("not tested", VALUE, "was not tested but has values"),
        ("not seen at this size", VALUE, "needs :control:"),
    ],
)
def test_what_a_verdict_needs(claiming, make_html, verdict, values, cause):
    build = make_html(claiming(values, verdict))
    assert build.status != 0
    assert "docs/index.rst:10: ERROR: " in build.output
    assert cause in build.output


def test_recomputed_values_may_be_exact(claiming, make_html):
    values = "a: small.other in 3 3"
    assert "exactly 3" in box(make_html(claiming(values, "recomputed")))


def test_what_was_not_tested_shows_its_reason_alone(claiming, make_html):
    shown = box(make_html(claiming("A test takes a day.", "not tested")))
    assert "A test takes a day." in shown
    assert "Here" not in shown
    assert "<details" not in shown


def test_a_control_is_linked(claiming, make_html):
    root = claiming(
        verdict="not seen at this size",
        options="   :control: without it <a-label>\n",
    )
    page = root / "docs/index.rst"
    shown = page.read_text() + "\n.. _a-label:\n\nThe control\n-----------\n\nText.\n"
    page.write_text(shown)
    assert '<a class="reference internal" href="#a-label">' in box(make_html(root))
    page.write_text(shown.replace("<a-label>", "<a-lable>"))
    assert "no label 'a-lable'; did you mean a-label?" in make_html(root).output


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ("\n   Why.", ":reports:, :verdict:"),
        ("   :reports: x\n\n   Why.", ":verdict:"),
        ("   :reports: x\n   :verdict: reproduced\n", "values, a blank line, and a"),
        (
            "   :reports: x\n   :verdict: reproduced\n\n   a: small.b in 0 1",
            "values, a blank line, and a sentence why",
        ),
    ],
)
def test_missing_parts_are_named(site, make_html, written, needs):
    build = make_html(site(f".. claim:: real\n{written}"))
    assert "docs/index.rst:10: ERROR: " in build.output
    assert f"claim real needs {needs}" in build.output


def test_unknown_source(claiming, make_html):
    root = claiming()
    page = root / "docs/index.rst"
    page.write_text(page.read_text().replace("claim:: real", "claim:: nobody"))
    assert "no source 'nobody' in docs/references.bib" in make_html(root).output


def test_a_band_may_be_open():
    assert band("-inf", "inf", exact=False) == (float("-inf"), float("inf"))
