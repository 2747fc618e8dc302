"""The map of all books: pages, books, curves and how far right a page stands."""

import re
from xml.etree import ElementTree

import pytest

from portal.guide.portal_map import depths

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
        assert [len(link.findall("{*}path")) for link in links] == [0, 0, 2, 1]
        assert len(svg.findall("{*}g/{*}path")) == 3
        small, top, clock = (float(c.get("cx")) for c in svg.findall(".//{*}circle"))
        assert small < clock < top < float(svg.get("width")) / 2


def test_follows_the_pages(books, make_html):
    make_html(books)
    clock = books / "docs/positions/clock.rst"
    clock.write_text(article("Dial", ""))
    (svg, _) = drawings(make_html(books))
    assert "Dial" in [text.text for text in svg.findall(".//{*}text")]
    assert len(svg.findall("{*}g/{*}path")) == 2


def test_depth_does_not_depend_on_the_order():
    before = {"d": ("b", "c"), "c": ("b",), "b": ("a",), "a": (), "e": ("a",)}
    assert depths(before) == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 1}
