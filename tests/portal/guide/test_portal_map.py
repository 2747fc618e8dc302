"""The map of all books: regions, pages, and the lines between them."""

import re
from xml.etree import ElementTree

import pytest

from portal.guide.map_places import columns

INDEX = """\
Site
====

.. portal-map::

.. toctree::
   :hidden:

   attention/index
   positions/clock
   gallery/index
"""
BOOK = "Attention\n=========\n\n.. toctree::\n   :hidden:\n\n   small\n   top\n"


def article(title, before):
    return (
        f":prose:\n:summary: About {title}.\n:level: advanced\n"
        f":prerequisites: {before}\n\n{title}\n{'=' * len(title)}\n\nText.\n"
    )


@pytest.fixture
def books(site):
    return site(
        files={
            "docs/index.rst": INDEX,
            "docs/attention/index.rst": BOOK,
            "docs/attention/top.rst": article(
                "Top", "attention/small, positions/clock"
            ),
            "docs/positions/clock.rst": article("Clock", "attention/small"),
        }
    )


def drawings(build):
    found = re.findall(r"<svg[^>]*Map of all.*?</svg>", build.page())
    return [ElementTree.fromstring(text) for text in found]


def test_pages_books_and_curves(books, make_html):
    build = make_html(books)
    assert build.status == 0, build.output
    assert len(drawings(build)) == 2
    for svg in drawings(build):
        links = svg.findall("{*}a")
        assert [(link.get("href"), link.get("aria-label")) for link in links] == [
            ("attention/index.html", "Attention, 2 pages, 2 minutes"),
            ("attention/small.html", "Small, Introductory · 1 minute"),
            ("attention/top.html", "Top, Advanced · 1 minute"),
            ("positions/clock.html", "Clock, Advanced · 1 minute"),
        ]
        assert links[2].findtext("{*}title") == "Advanced · 1 minute. About Top."
        sides = {
            link.get("aria-label").partition(",")[0]: [
                path.get("class").rpartition("-")[2] for path in link.findall("{*}path")
            ]
            for link in links
        }
        assert sides == {
            "Attention": [],
            "Small": ["after", "after"],
            "Top": ["before", "before"],
            "Clock": ["before", "after"],
        }
        assert len(svg.findall("{*}g/{*}path")) == 3
        assert len(svg.findall("{*}rect")) == 2


def test_a_line_ends_at_the_page_that_it_leads_to(books, make_html):
    (svg, _) = drawings(make_html(books))
    links = {link.get("href"): link for link in svg.findall("{*}a")}
    stations = {
        name: next(c for c in link.findall("{*}circle") if "station" in c.get("class"))
        for name, link in links.items()
        if name != "attention/index.html"
    }
    (ring,) = (
        circle
        for circle in links["positions/clock.html"].findall("{*}circle")
        if "map-before" in circle.get("class")
    )
    small = stations["attention/small.html"]
    assert (ring.get("cx"), ring.get("cy")) == (small.get("cx"), small.get("cy"))


def test_follows_the_pages(books, make_html):
    make_html(books)
    clock = books / "docs/positions/clock.rst"
    clock.write_text(article("Dial", ""))
    (svg, _) = drawings(make_html(books))
    assert "Dial" in [text.text for text in svg.findall(".//{*}text")]
    assert len(svg.findall("{*}g/{*}path")) == 2


def test_columns_are_as_even_as_the_order_allows():
    assert columns([5, 1, 1, 1, 5], 3) == [0, 1, 1, 1, 2]
    assert columns([5], 4) == [0]
    assert columns([1, 9, 1], 2) in ([0, 1, 1], [0, 0, 1])
