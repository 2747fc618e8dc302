"""What other packages write, corrected: one small site has all of it."""

import re

import pytest

PAGE = """
.. list-table:: Two numbers.
   :name: numbers

   * - 1
     - 2

By :cite:t:`real` and :cite:t:`other`.

.. bibliography::
"""
BIB = "@misc{%s, author={A. %s}, title={T}, year=2001}\n"


@pytest.fixture(scope="module")
def built(new_site, make_html, tmp_path_factory):
    sources = BIB % ("real", "Bee") + BIB % ("other", "Cee")
    caption = (
        ".. toctree::\n   :caption: Part\n\n   attention/small\n   gallery/index\n"
    )
    index = f"Site\n====\n\n{caption}\n{PAGE}"
    site = new_site(tmp_path_factory.mktemp("site"))
    build = make_html(
        site(files={"docs/index.rst": index, "docs/references.bib": sources})
    )
    assert build.status == 0, build.output
    return build


def test_the_id_of_a_table_is_that_of_the_table_alone(built):
    page = built.page()
    assert page.count('id="numbers"') == 1
    assert re.search('<table[^>]* id="numbers"', page)


def test_sources_that_follow_each_other_are_one_list(built):
    page = built.page()
    lists = re.findall(
        '<div role="list" class="citation-list">(.*?)</section>', page, re.S
    )
    assert [part.count('role="listitem"') for part in lists] == [2]
    assert "doc-biblioentry" not in page


def test_captions_of_the_sidebar_are_headings_with_a_level(built):
    assert 'class="caption" role="heading" aria-level="2"' in built.page()


def test_landmarks_have_names_of_their_own(built):
    names = re.findall('<(?:aside|nav) [^>]*aria-label="([^"]+)"', built.page())
    assert len(names) == len(set(names)) == 4


def test_the_search_page_has_a_heading(built):
    assert "<h1>Search</h1>" in built.page("search")


def test_thumbnails_of_the_gallery_have_titles(built):
    gallery = built.page("gallery/attention/index")
    assert re.search('class="sphx-glr-thumbcontainer" title="One line."', gallery)
    assert " tooltip=" not in gallery


def test_the_gallery_has_no_place_for_tags(built):
    assert "sg-tag-list" not in built.page("gallery/index")
