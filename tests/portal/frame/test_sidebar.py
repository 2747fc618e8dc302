"""The sidebar: collapsed, and right on all pages after the tree has changed."""

import re

import pytest

INDEX = """\
Site
====

.. toctree::
   :hidden:

   attention/index
   positions/index
   gallery/index
"""
OTHER = ":prose:\n:summary: More.\n:level: advanced\n\nOther\n=====\n"
BOOK = "{title}\n=========\n\n.. toctree::\n   :glob:\n   :hidden:\n\n   [!i]*\n"


@pytest.fixture
def books(site):
    """Two books, of which the first has the page ``small``."""
    return site(
        files={
            "docs/index.rst": INDEX,
            "docs/attention/index.rst": BOOK.format(title="Attention"),
            "docs/positions/index.rst": BOOK.format(title="Positions"),
            "docs/positions/far.rst": ":prose:\n\nFar\n===\n",
        }
    )


def sidebar(build, name):
    page = build.page(name)
    tree = re.search(r'<div class="sidebar-tree">.*?</div>\s*</div>', page, re.DOTALL)[
        0
    ]
    return re.findall(r'<a class="[^"]*" href="[^"]*">([^<]*)</a>', tree)


def test_only_the_branch_one_is_in_is_open(books, make_html):
    build = make_html(books)
    assert build.status == 0, build.output
    assert sidebar(build, "attention/small") == [
        "Attention",
        "Small",
        "Positions",
        "Gallery",
    ]
    assert sidebar(build, "positions/far") == [
        "Attention",
        "Positions",
        "Far",
        "Gallery",
    ]


def marked(build, name):
    return re.findall(
        r'([^>]*) <span class="planned">planned</span></a>', build.page(name)
    )


def test_a_book_without_pages_is_marked_until_it_has_one(books, make_html):
    start, far = books / "docs/positions/index.rst", books / "docs/positions/far.rst"
    kept, page = start.read_text(), far.read_text()
    start.write_text(kept.partition("..")[0])
    far.unlink()
    build = make_html(books)
    assert build.status == 0, build.output
    assert marked(build, "attention/small") == ["Positions"]
    assert marked(build, "positions/index") == ["Positions"]
    start.write_text(kept)
    far.write_text(page)
    build = make_html(books)
    assert build.status == 0, build.output
    assert marked(build, "attention/small") == marked(build, "positions/index") == []


def test_added_renamed_and_removed_pages_show_on_their_siblings(books, make_html):
    make_html(books)
    added = books / "docs/attention/other.rst"
    added.write_text(OTHER)
    (books / "docs/attention/index.rst").touch()
    assert "Other" in sidebar(make_html(books), "attention/small")
    added.write_text(OTHER.replace("Other\n=====", "Renamed\n======="))
    assert "Renamed" in sidebar(make_html(books), "attention/small")
    added.unlink()
    build = make_html(books)
    assert build.status == 0, build.output
    assert "Renamed" not in sidebar(build, "attention/small")


def test_a_new_title_of_a_book_shows_on_every_page(books, make_html):
    make_html(books)
    index = books / "docs/positions/index.rst"
    index.write_text(index.read_text().replace("Positions", "Locations"))
    assert "Locations" in sidebar(make_html(books), "attention/small")


def test_an_edited_page_writes_no_other(books, make_html):
    make_html(books)
    other = books / "build/html/positions/far.html"
    before = other.stat().st_mtime_ns
    article = books / "docs/attention/small.rst"
    article.write_text(article.read_text() + "\nMore.\n")
    build = make_html(books)
    assert "More." in build.page("attention/small")
    assert other.stat().st_mtime_ns == before


def test_tables_of_contents_in_a_circle_are_reported(site, make_html):
    circle = "A\n=\n\n.. toctree::\n\n   /index\n"
    front = "Site\n====\n\n.. toctree::\n\n   a/index\n   attention/small\n"
    files = {"docs/a/index.rst": circle, "docs/index.rst": f"{front}   gallery/index\n"}
    build = make_html(site(files=files))
    assert build.status == 1, build.output
    message = "toctrees in a circle: a/index -> index -> a/index; drop one"
    assert f"docs/a/index.rst:1: ERROR: {message}" in build.output
