"""The map of a book: its stations, lines and links, and that it follows the pages."""

import re
from xml.etree import ElementTree

import pytest

from portal.guide.drawing import Layout, Station, draw, lanes

BOOK = """\
Attention
=========

.. book-map::

.. toctree::
   :hidden:

   small
   middle
   top
"""
INDEX = """\
Site
====

.. toctree::
   :hidden:

   attention/index
   positions/clock
   gallery/index
"""


def article(title, before, level="advanced"):
    return (
        f":prose:\n:summary: About {title}.\n:level: {level}\n"
        f":prerequisites: {before}\n\n{title}\n{'=' * len(title)}\n\nText.\n"
    )


@pytest.fixture
def book(site):
    return site(
        files={
            "docs/index.rst": INDEX,
            "docs/attention/index.rst": BOOK,
            "docs/attention/middle.rst": article("Middle", "attention/small"),
            "docs/attention/top.rst": article(
                "Top", "positions/clock, attention/small, attention/middle"
            ),
            "docs/positions/clock.rst": article("Clock", ""),
        }
    )


def drawings(build):
    found = re.findall(r"<svg[^>]*Map of.*?</svg>", build.page("attention/index"))
    return [ElementTree.fromstring(text) for text in found]


def links(svg):
    return svg.findall("{*}a")


def test_stations(book, make_html):
    build = make_html(book)
    assert build.status == 0, build.output
    wide, narrow = drawings(build)
    for svg in (wide, narrow):
        assert svg.get("aria-label") == "Map of the book Attention"
        assert [(link.get("href"), link.get("aria-label")) for link in links(svg)] == [
            ("../positions/clock.html", "Clock, Advanced · 1 minute"),
            ("small.html", "Small, Introductory · 1 minute"),
            ("middle.html", "Middle, Advanced · 1 minute"),
            ("top.html", "Top, Advanced · 1 minute"),
        ]
        tips = [link.findtext("{*}title") for link in links(svg)]
        assert tips == ["About Clock.", "What it says.", "About Middle.", "About Top."]
        assert [len(link.findall("{*}path")) for link in links(svg)] == [0, 0, 1, 3]
    assert "About Middle." in [text.text for text in wide.findall(".//{*}text")]
    assert "About Middle." not in [text.text for text in narrow.findall(".//{*}text")]


def test_text_fits(book, make_html):
    build = make_html(book)
    for svg in drawings(build):
        for text in svg.findall(".//{*}text"):
            assert float(text.get("x")) + 6 * len(text.text) < float(svg.get("width"))


@pytest.mark.parametrize(
    ("page", "old", "new"),
    [
        ("positions/clock", "About Clock", "On clocks"),
        ("attention/middle", "advanced", "intermediate"),
        ("attention/top", "attention/small, ", ""),
    ],
)
def test_follows_the_pages(book, make_html, page, old, new):
    before = make_html(book).page("attention/index")
    article = book / f"docs/{page}.rst"
    article.write_text(article.read_text().replace(old, new))
    assert make_html(book).page("attention/index") != before


def test_not_on_an_article(site, make_html):
    build = make_html(site(".. book-map::"))
    assert build.status != 0
    assert "docs/index.rst:" in build.output
    assert "book-map belongs on <book>/index.rst" in build.output


def test_page_before_its_prerequisite(book, make_html):
    index = book / "docs/attention/index.rst"
    index.write_text(BOOK.replace("   middle\n   top\n", "   top\n   middle\n"))
    build = make_html(book)
    assert build.status != 0
    assert (
        "docs/attention/top.rst:4: WARNING: docs/attention/index.rst lists it "
        "before its prerequisite attention/middle: move it below" in build.output
    )


def test_no_line_crosses_another_in_its_lane():
    before = [(), (), (0,), (1,), (0, 2), (3,), (1, 4), (0, 5)]
    lane = lanes(before)
    spans = {
        start: max(row for row, rows in enumerate(before) if start in rows)
        for start in lane
    }
    for one in lane:
        for other in lane:
            if one < other and lane[one] == lane[other]:
                assert spans[one] < other
    assert max(lane.values()) == 4  # five overlap at row 4


def test_many_lines_leave_room_for_the_titles():
    """Stations 0 to 39 lead to 40 to 79: forty lines beside each other."""
    stations = [
        Station(f"Page {n}", "Note", "Text.", "p", "advanced", (n - 40,) * (n >= 40))
        for n in range(80)
    ]
    svg = draw(stations, Layout(328, 328), "Map")
    assert all(float(circle.get("cx")) < 110 for circle in svg.iter("circle"))
    lefts = [
        float(number)
        for path in svg.iter("path")
        for number in re.findall(r"[HQ]([\d.-]+)", path.get("d"))
    ]
    assert min(lefts) >= 0
