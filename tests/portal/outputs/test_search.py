"""What is indexed, and when."""

import gzip
import json
import re
import shutil

import pytest

from portal.outputs.search_words import Words

ARTICLE = """\
:summary: What it says.
:level: introductory
:aliases: GQA, shared keys

Small
=====

Said by :cite:t:`real`.

A part
------

.. snippet:: attention.small.small

Pitfalls
--------

**The loss is nan.** A mask hides **everything**.

*"index out of range in self"* comes from ids. Say *so*.

An explanation **in bold** is no symptom.

References
----------

Listed.
"""
BIBLIOGRAPHY = (
    "@misc{real, author={B{\\'e}e, Ann}, title={The {Art}}, year=2001, "
    "eprint={2001.012}, doi={10.1/a_b}}"
)
FILES = {
    "docs/attention/small.rst": ARTICLE,
    "docs/references.bib": BIBLIOGRAPHY,
    "docs/references.rst": "Sources\n=======\n\n.. bibliography::\n   :all:\n",
    "docs/attention/index.rst": "Attention\n=========\n\nStart with the price.\n",
    "docs/index.rst": "Site\n====\n\n.. toctree::\n\n   attention/index\n"
    "   attention/small\n   references\n   gallery/index\n",
}


def indexed(html):
    """What Pagefind keeps of each page, by its address."""
    found = {}
    for file in html.glob("pagefind/fragment/*"):
        page = gzip.decompress(file.read_bytes()).decode()
        page = json.loads(page[page.index("{") :])
        found[page["url"]] = page
    return found


@pytest.fixture
def built(site, make_html):
    root = site(files=FILES)
    build = make_html(root)
    assert build.status == 0, build.output
    return root, build


def test_articles_start_pages_and_scripts_are_found_by_kind_and_book(built):
    pages = indexed(built[1].html)
    kinds = {url: page["filters"]["kind"] for url, page in pages.items()}
    assert kinds == {
        "/attention/index.html": ["Start here"],
        "/attention/small.html": ["Article"],
        "/gallery/attention/plot_small_line.html": ["Gallery"],
        "/references.html": ["Reference"],
    }
    assert pages["/attention/small.html"]["filters"]["book"] == ["Attention"]


def test_an_article_is_known_by_aliases_sources_and_names(built):
    meta = indexed(built[1].html)["/attention/small.html"]["meta"]
    assert meta["title"] == "Small"
    assert meta["aliases"] == "GQA, shared keys"
    assert meta["summary"] == "What it says."
    assert meta["sources"] == "Ann Bée The Art 2001.012 10.1/a_b"
    assert meta["names"] == "small"
    assert meta["full_names"] == "attention.small.small"
    assert meta["symptoms"] == "The loss is nan. “index out of range in self”"


def test_only_the_article_is_indexed_and_its_headings_are_places(built):
    page = indexed(built[1].html)["/attention/small.html"]
    assert page["content"].startswith("Small. ")
    assert "On this page" not in page["content"]
    assert "¶" not in page["content"]
    assert "Listed." not in page["content"]  # the sources are known already
    headings = {anchor["id"]: anchor["text"] for anchor in page["anchors"]}
    assert headings["a-part"] == "A part"


def test_a_script_counts_less_than_the_article_that_shows_the_same():
    page = '<div id="furo-main-content"><p>Words.</p></article>'

    def weight(kind):
        known = Words("T", kind, "", "", "", "", "", "")
        given = re.search(r'data-pagefind-weight="([^"]+)"', known.page(page))
        return float(given[1]) if given else 1

    assert 0 < weight("Gallery") == weight("Snippets") < weight("Article") == 1


def test_the_published_page_carries_nothing_for_the_index(built):
    assert "data-pagefind-meta" not in built[1].page("attention/small")


def marks(html):
    return {file: file.stat().st_mtime_ns for file in html.rglob("pagefind/**/*")}


def test_a_build_without_a_change_does_not_index_again(built, make_html):
    root, build = built
    before = marks(build.html)
    assert make_html(root).status == 0
    assert marks(build.html) == before


def test_an_edit_and_a_new_author_are_indexed_by_the_next_build(built, make_html):
    root, build = built
    sources = root / "docs/references.bib"
    sources.write_text(BIBLIOGRAPHY.replace("Ann", "Ann and Cee, Dan"))
    (root / "docs/attention/index.rst").write_text("Attention\n=========\n\nAnew.\n")
    assert make_html(root).status == 0
    pages = indexed(build.html)
    assert "Cee" in pages["/attention/small.html"]["meta"]["sources"]
    assert "Anew." in pages["/attention/index.html"]["content"]


def test_a_lost_index_is_made_again(built, make_html):
    root, build = built
    shutil.rmtree(build.html / "pagefind")
    assert make_html(root).status == 0
    assert len(indexed(build.html)) == 4


def test_a_removed_page_is_not_found_any_more(built, make_html):
    root, build = built
    (root / "docs/references.rst").unlink()
    index = root / "docs/index.rst"
    index.write_text(index.read_text().replace("   references\n", ""))
    make_html(root)
    assert not (build.html / "references.html").exists()
    assert "/references.html" not in indexed(build.html)


def test_a_failure_of_pagefind_stops_the_build_and_is_not_forgotten(
    site, make_html, monkeypatch
):
    root = site(files=FILES)
    with monkeypatch.context() as patch:
        patch.setattr("portal.outputs.search.get_executable", lambda: "/bin/false")
        build = make_html(root)
    assert build.status != 0
    assert "pagefind failed" in build.output
    assert make_html(root).status == 0
    assert len(indexed(build.html)) == 4
