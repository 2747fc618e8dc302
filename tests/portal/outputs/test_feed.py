"""The feeds: dates of commits, ids that stay, and links to them on every page."""

import re

import pytest
from lxml import etree

ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def committed(site, git, page_files):
    """Two books with a page each, committed one after the other."""
    header = {"snippets/positions/GALLERY_HEADER.rst": "Positions\n---------\n"}
    root = site(files={**header, **page_files("positions", "rope")})
    git(root, "init", "-q")
    git(root, "add", "docs/attention")
    git(root, "commit", "-qm", "One", date="2020-02-03T04:05:06Z")
    git(root, "add", "docs", "snippets")
    git(root, "commit", "-qm", "Two", date="2020-02-04T05:06:07Z")
    return root


def read(build, place="feed.xml"):
    assert build.status == 0, build.output
    return etree.parse(build.html / place)


def texts(tree, path):
    return [str(text) for text in tree.xpath(path, namespaces=ATOM)]


def test_entries_have_the_dates_of_commits(committed, git, make_html):
    test = committed / "tests/attention/test_small.py"
    git(committed, "add", str(test))
    git(committed, "commit", "-qm", "Three", date="2020-02-05T06:07:08Z")
    tree = read(make_html(committed))
    assert texts(tree, "//a:entry/a:title/text()") == ["Small", "rope"]
    assert texts(tree, "//a:entry/a:published/text()") == [
        "2020-02-03T04:05:06+00:00",
        "2020-02-04T05:06:07+00:00",
    ]
    assert texts(tree, "//a:updated/text()")[:2] == ["2020-02-05T06:07:08+00:00"] * 2
    assert texts(tree, "//a:entry/a:summary/text()")[0] == "What it says."


def test_ids_stay_where_the_address_changes(committed, make_html, monkeypatch):
    before = read(make_html(committed))
    monkeypatch.setenv("READTHEDOCS_CANONICAL_URL", "https://ml.example.org/en/")
    after = read(make_html(committed))
    assert texts(before, "//a:id/text()") == texts(after, "//a:id/text()")
    assert len(set(texts(after, "//a:id/text()"))) == 3
    assert texts(after, "//a:entry/a:link/@href") == [
        "https://ml.example.org/en/positions/rope.html",
        "https://ml.example.org/en/attention/small.html",
    ]


def test_each_book_has_its_own_and_pages_announce_both(committed, make_html):
    build = make_html(committed)
    tree = read(build, "positions/feed.xml")
    assert texts(tree, "//a:entry/a:title/text()") == ["rope"]
    links = re.findall(r'atom\+xml" href="([^"]*)"', build.page("positions/rope"))
    assert links == ["../feed.xml", "feed.xml"]
    assert re.findall(r'atom\+xml" href="([^"]*)"', build.page()) == ["feed.xml"]


def test_without_history_there_is_none(site, make_html):
    build = make_html(site())
    assert build.status == 0, build.output
    assert not (build.html / "feed.xml").exists()
    assert "atom+xml" not in build.page("attention/small")
