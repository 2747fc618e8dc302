"""Errata: listed, checked, and shown on the page that was wrong."""

import pytest

LIST = """\
:orphan:

Errata
======

.. errata::

   .. erratum:: attention/small
      :date: 2026-11-30
      :said: Twice.
      :says: Three times, :math:`3`.

      Found by a reader.
"""
EMPTY = LIST.partition("   .. erratum")[0]


def test_an_erratum_is_listed_and_the_page_links_to_it(site, make_html):
    build = make_html(site(files={"docs/errata.rst": LIST}))
    assert build.status == 0, build.output
    listed = build.page("errata")
    assert "It said: Twice." in listed
    assert "Found by a reader." in listed
    assert 'href="attention/small.html"' in listed
    assert "Corrected on 2026-11-30" in build.page("attention/small")
    assert "Corrected" not in build.page("index")


def test_the_page_follows_the_list(site, make_html):
    root = site(files={"docs/errata.rst": LIST})
    make_html(root)
    (root / "docs/errata.rst").write_text(EMPTY)
    build = make_html(root)
    assert "Corrected" not in build.page("attention/small")
    assert "None so far" in build.page("errata")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("2026-11-30", "30.11.2026", "errata.rst:8: ERROR"),
        ("      :said: Twice.\n", "", "erratum attention/small needs :said:"),
        ("attention/small", "attention/smal", "did you mean /attention/small?"),
        (":says:", ":sais:", 'unknown option: "sais"'),
    ],
)
def test_a_wrong_entry_stops_the_build(site, make_html, right, wrong, message):
    build = make_html(site(files={"docs/errata.rst": LIST.replace(right, wrong)}))
    assert build.status != 0
    assert message in build.output
    assert "errata.rst:8" in build.output
