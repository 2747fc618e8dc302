"""Claims on pages and the list of all of them."""

import json

import pytest

from portal.article.claim import bands

CLAIM = """\
.. claim:: real
   :reports: It halves.
   :measured: {measured}
   :band: {band}
   :verdict: {verdict}

   It does *here* too.

.. bibliography::
"""
LIST = {
    "docs/reproductions.rst": "Reproductions\n=============\n\n.. reproductions::\n",
}


@pytest.fixture
def claiming(site, script):
    """A site whose front page makes one claim on what its script measured."""

    def claiming(
        measured="small.ratio | .2f", band="0.4 0.6", verdict="confirmed", value=0.5
    ):
        code = f"{script}\nmeasured = {{'ratio': {value}, 'other': 3}}\n"
        body = CLAIM.format(measured=measured, band=band, verdict=verdict)
        body += "\n.. toctree::\n   :hidden:\n\n   reproductions\n"
        return site(body, {"snippets/attention/plot_small.py": code, **LIST})

    return claiming


def test_claim_on_its_page(claiming, make_html):
    build = make_html(claiming())
    assert build.status == 0, build.output
    box = build.page().split('<div class="claim claim-confirmed')[1]
    assert "Bee [" in box
    assert "reports: It halves." in box
    assert "Here: 0.50 (band 0.4 to 0.6)." in box
    assert "<strong>Confirmed.</strong> It does <em>here</em> too." in box


def test_each_paragraph_and_list_of_its_reason_stays_one(claiming, make_html):
    root = claiming()
    page = root / "docs/index.rst"
    more = "too.\n\n   It must:\n\n   * one\n   * two\n"
    page.write_text(page.read_text().replace("too.", more))
    build = make_html(root)
    assert build.status == 0, build.output
    box = build.page().split('<div class="claim claim-confirmed')[1].split("</div>")[0]
    assert "<em>here</em> too.</p>\n<p>It must:</p>" in box
    assert box.count("<li>") == 2


def test_list_of_all_claims_and_its_file(claiming, make_html):
    build = make_html(claiming("small.ratio; small.other | d", "0 1; 2 4"))
    assert build.status == 0, build.output
    page = build.page("reproductions")
    assert "1 claim: 1 confirmed." in page
    assert 'href="index.html#claim-1"' in page
    assert "0.5 (band 0 to 1), 3 (band 2 to 4)" in page
    assert "reproductions.js" in page
    assert "reproductions.js" not in build.page()
    (claim,) = json.loads((build.html / "reproductions.json").read_text())
    assert claim["values"][1]["value"] == 3
    assert claim["verdict"] == "confirmed"


def test_list_follows_a_changed_value(claiming, make_html):
    make_html(claiming(value=0.5))
    build = make_html(claiming(value=0.55))
    assert build.status == 0, build.output
    assert "0.55 (band 0.4 to 0.6)" in build.page("reproductions")


def test_parallel_reading_gives_the_same_list(claiming, make_html):
    build = make_html(claiming(), "-j", "2")
    assert build.status == 0, build.output
    assert "1 claim: 1 confirmed." in build.page("reproductions")


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"value": 0.7}, "small.ratio is 0.7, outside its band 0.4 to 0.6"),
        ({"verdict": "maybe"}, "there is no verdict 'maybe'; choose from confirmed"),
        ({"measured": "small.none"}, "small measured no 'none'"),
        ({"band": "1"}, "the band is '1'; write numbers as :band: low high"),
        ({"band": "2 1"}, "the band begins above its end: 2 to 1"),
        ({"measured": ""}, "argument required"),
    ],
)
def test_mistakes(claiming, make_html, options, cause):
    build = make_html(claiming(**options))
    assert build.status != 0
    assert cause in build.output
    assert "docs/index.rst:10: " in build.output


def test_missing_parts_are_named(site, make_html):
    build = make_html(site(".. claim:: real\n   :reports: It halves."))
    assert "claim real needs :measured:, :band:, :verdict:" in build.output


def test_unknown_source(claiming, make_html):
    root = claiming()
    page = root / "docs/index.rst"
    page.write_text(page.read_text().replace("claim:: real", "claim:: nobody"))
    assert "no source 'nobody' in docs/references.bib" in make_html(root).output


@pytest.mark.parametrize("text", ["0 1", "0 1; 2", "0; 1 2", "0 1; 1 2 3", "0 1; "])
def test_each_value_has_a_band_of_two_bounds(text):
    with pytest.raises(ValueError, match=r":band: low high; low high$"):
        bands(text, 2)


def test_bounds_belong_to_their_band(claiming, make_html):
    build = make_html(claiming("small.ratio; small.ratio", "0.5 0.5; 0.5 1"))
    assert build.status == 0, build.output


def test_infinite_bounds():
    assert bands("-inf inf", 1) == [(float("-inf"), float("inf"))]
