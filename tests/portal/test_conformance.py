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


@pytest.fixture
def built(site, make_html):
    sources = BIB % ("real", "Bee") + BIB % ("other", "Cee")
    caption = (
        ".. toctree::\n   :caption: Part\n\n   attention/small\n   gallery/index\n"
    )
    index = f"Site\n====\n\n{caption}\n{PAGE}"
    build = make_html(
        site(files={"docs/index.rst": index, "docs/references.bib": sources})
    )
    assert build.status == 0, build.output
    return build


def test_frame_and_content(built):
    page = built.page()
    assert page.count('id="numbers"') == 1
    assert re.search('<table[^>]* id="numbers"', page)
    lists = re.findall(
        '<div role="list" class="citation-list">(.*?)</section>', page, re.S
    )
    assert [part.count('role="listitem"') for part in lists] == [2]
    assert "doc-biblioentry" not in page
    assert 'class="caption" role="heading" aria-level="2"' in page
    names = re.findall('<(?:aside|nav) [^>]*aria-label="([^"]+)"', page)
    assert len(names) == len(set(names)) == 4
    assert "<h1>Search</h1>" in built.page("search")
    gallery = built.page("gallery/attention/index")
    assert re.search('class="sphx-glr-thumbcontainer" title="One line."', gallery)
    assert " tooltip=" not in gallery
    assert "sg-tag-list" not in built.page("gallery/index")
