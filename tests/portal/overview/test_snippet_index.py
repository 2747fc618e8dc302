"""The index of snippets: what is listed, where it leads, and when it is made again."""

import re

import pytest

INDEX = """\
Site
====

.. toctree::
   :hidden:

   snippets
   attention/small
   gallery/index
"""
MODULE = '''\
def small(x: int, *, factor=2) -> int:
    """Multiplies ``x`` by a :func:`factor`.

    More about it.
    """
    return factor * x


class Pair:
    def __init__(self, left: float):
        self.left = left


def _hidden(): ...
'''
ARTICLE = "Small\n=====\n\n.. snippet:: attention.small.small\n"


@pytest.fixture
def files(script):
    """A page that shows one of its two objects; a module that its script imports."""
    line = "from snippets.attention.aside import helper\n"
    return {
        "docs/index.rst": INDEX,
        "docs/snippets.rst": "Snippets\n========\n\n.. snippet-index::\n",
        "docs/attention/small.rst": ARTICLE,
        "snippets/attention/small.py": MODULE,
        "snippets/attention/aside.py": "def helper():\n    '''Helps.'''\n",
        "snippets/attention/alone.py": "def lonely(): ...\n",
        "snippets/attention/plot_small_line.py": script.replace(
            "import matplotlib", f"{line}import matplotlib"
        )
        + "helper()\n",
    }


@pytest.fixture
def built(site, make_html, files):
    root = site(files=files)
    build = make_html(root)
    assert build.status == 0, build.output
    return root, build.page("snippets")


def entry(page, anchor):
    """The text and the links of one entry."""
    found = re.search(rf'<dt id="{re.escape(anchor)}".*?</dd>', page, re.DOTALL)[0]
    return re.sub(r"\s+", " ", re.sub("<.*?>", "", found)), re.findall(
        r'href="([^"#][^"]*)"', found
    )


def test_an_entry_has_signature_summary_and_leads_to_its_listing(built):
    text, links = entry(built[1], "attention.small.small")
    assert "small(x: int, *, factor=2) -&gt; int" in text
    assert "Multiplies x by a factor." in text
    assert (
        '<code class="docutils literal notranslate"><span class="pre">x</span>'
        in (built[1])
    )
    assert "More about it" not in text
    assert links == ["attention/small.html#snippets.attention.small.small"]


def test_entries_stand_below_their_page(built):
    page = built[1].partition('id="book-attention"')[2]
    first = re.search(r'class="snippet-page.*?<a[^>]*>([^<]*)</a>', page, re.S)
    assert first[1] == "Small"
    assert 'id="attention.small.Pair"' in page
    assert "_hidden" not in page


def test_what_no_page_shows_is_listed_only_of_a_pages_own_module(built):
    text, links = entry(built[1], "attention.small.Pair")
    assert "Pair(left: float)" in text
    assert links == []
    assert "attention.aside.helper" not in built[1]
    assert "attention.alone.lonely" not in built[1]


def test_a_changed_or_new_module_is_listed_in_the_next_build(built, make_html):
    root, _ = built
    small = root / "snippets/attention/small.py"
    small.write_text(small.read_text().replace("Multiplies", "Scales"))
    assert "Scales" in make_html(root).page("snippets")
    (root / "snippets/attention/late.py").write_text("def late(): ...\n")
    article = root / "docs/attention/small.rst"
    before = article.read_text()
    article.write_text(f"{before}\n.. snippet:: attention.late.late\n")
    build = make_html(root)
    assert build.status == 0, build.output
    assert 'id="attention.late.late"' in build.page("snippets")
    article.write_text(before)
    (root / "snippets/attention/late.py").unlink()
    assert "attention.late" not in make_html(root).page("snippets")


def test_a_new_title_of_the_page_is_shown_above_its_entries(built, make_html):
    root, _ = built
    article = root / "docs/attention/small.rst"
    renamed = article.read_text().replace("Small\n=====", "Larger\n======")
    article.write_text(renamed)
    build = make_html(root)
    assert build.status == 0, build.output
    page = build.page("snippets")
    assert ">Larger</a>" in page.partition('class="snippet-page')[2]


def test_a_build_without_a_change_does_not_make_the_index_again(built, make_html):
    root, _ = built
    page = root / "build/html/snippets.html"
    before = page.stat().st_mtime_ns
    assert make_html(root).status == 0
    assert page.stat().st_mtime_ns == before


def test_a_module_that_is_not_python_stops_the_build_with_its_line(
    site, make_html, files
):
    files["snippets/attention/alone.py"] = "x = 1\ndef (\n"
    build = make_html(site(files=files))
    assert build.status != 0
    assert "snippets/attention/alone.py:2: ERROR: invalid syntax" in build.output
