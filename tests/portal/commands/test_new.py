"""``make new``: what it writes builds, lints and passes."""

import subprocess
import sys
from pathlib import Path

import pytest

from portal.__main__ import main
from portal.commands.new import new, texts, with_entry
from portal.pages.draft import marks

BOOK = "Attention\n=========\n"
FRONT = """\
Site
====

.. toctree::

   attention/index
   attention/small
   gallery/index
"""


def files(page):
    """Article, module, script and test of a new page."""
    return list(texts("attention", page, "Title"))


@pytest.fixture
def book(site):
    return site(files={"docs/attention/index.rst": BOOK})


def test_writes_the_page_and_its_entry(book):
    written = new("attention/ring_attention", "Ring attention", book)
    assert set(files("ring_attention")) < set(written)
    index = (book / "docs/attention/index.rst").read_text()
    assert index == f"{BOOK}\n.. toctree::\n   :hidden:\n\n   ring_attention\n"


def finish(root):
    """Replace what is marked, as an author does."""
    for place in files("ring_attention"):
        file = root / place
        file.write_text(file.read_text().replace("TODO: ", "A "))


def test_a_draft_builds_and_names_what_is_still_to_write(book, make_html):
    new("attention/ring_attention", "Ring attention", book)
    (book / "docs/index.rst").write_text(FRONT)
    build = make_html(book)
    assert build.status != 0
    marked = [
        f"{file}:{number}: WARNING: still to write in this draft: {task} [draft]"
        for file in (book / place for place in files("ring_attention"))
        for number, task in marks(file.read_text())
    ]
    assert len(marked) >= 9
    warnings = [line for line in build.output.splitlines() if "WARNING" in line]
    assert warnings == marked
    assert "TODO: the idea in words" in build.page("attention/ring_attention")
    finish(book)
    build = make_html(book)
    assert build.status == 0, build.output


@pytest.mark.parametrize("title", ["Ring attention", "R" * 60])
def test_what_it_writes_lints_and_passes(book, root, title):
    new("attention/ring_attention", title, book)
    python = [str(book / path) for path in files("ring_attention")[1:]]
    article = book / "docs/attention/ring_attention.rst"
    config = ["--config", str(root / "pyproject.toml"), "--no-cache"]
    for lint in (
        ["ruff", "check", *config, *python],
        ["ruff", "format", "--check", *config, *python],
        ["sphinxlint", "--max-line-length", "100", "--enable", "all", article],
    ):
        command = [sys.executable, "-m", *lint]
        subprocess.run(command, check=True, capture_output=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", root / "pyproject.toml", "--rootdir", book]
    command += ["-o", f"pythonpath={book} {root}", *python[2:], article, python[0]]
    run = subprocess.run(command, cwd=book, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "3 passed" in run.stdout


@pytest.mark.parametrize("taken", range(4))
def test_overwrites_nothing(book, taken):
    existing = book / files("rope")[taken]
    existing.write_text("mine")
    before = sorted(book.rglob("*"))
    with pytest.raises(FileExistsError, match="nothing was written"):
        new("attention/rope", "RoPE", book)
    assert existing.read_text() == "mine"
    assert sorted(book.rglob("*")) == before


@pytest.mark.parametrize(
    ("page", "title", "cause"),
    [
        ("rope", "RoPE", "page=rope: write book/page"),
        ("attention/RoPE", "RoPE", "lower-case letters, digits and underscores"),
        ("attention/perceiver-io", "Perceiver", "underscores, as perceiver_io"),
        ("attention/../rope", "RoPE", "lower-case letters, digits and underscores"),
        ("attention/index", "Index", "names like index, plot_... and test_..."),
        ("attention/plot_rope", "RoPE", "names like index, plot_... and test_..."),
        ("attention/lambda", "Lambda", "lambda is a keyword of Python"),
        ("attention/statistics", "Means", "statistics is a module of Python"),
        ("attention/torch", "Torch", "an installed package is called torch"),
        ("attentoin/rope", "RoPE", "no book 'attentoin'; did you mean attention?"),
        ("gallery/foo", "Foo", "there is no book 'gallery'; choose from attention"),
        ("attention/rope", " ", "write title="),
        ("attention/rope", 'The "best"', "write title="),
        ("attention/rope", "R" * 61, "write title="),
    ],
)
def test_bad_request(book, capsys, page, title, cause):
    gallery = book / "docs/gallery/index.rst"
    gallery.parent.mkdir()
    gallery.write_text(BOOK)
    before = contents(book)
    assert main(["new", page, title], book) == 1
    assert cause in capsys.readouterr().err
    assert contents(book) == before


def contents(root):
    """The text of each file that a page could touch."""
    files = (
        file
        for top in ("docs", "snippets", "tests")
        for file in root.glob(f"{top}/[!_]*/*")
    )
    return {file: file.read_text() for file in files}


@pytest.mark.parametrize("blocked", range(4))
def test_all_is_as_it_was_when_a_file_cannot_be_written(book, monkeypatch, blocked):
    name = files("rope")[blocked].name
    write = Path.write_text

    def full(path, text, *arguments):
        write(path, text[:9], *arguments)
        if path.name == name:
            raise OSError("disk full")

    before = contents(book)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="disk full"):
        new("attention/rope", "RoPE", book)
    assert contents(book) == before


def test_name_of_another_book_is_taken(book):
    (book / "docs/positions").mkdir()
    (book / "docs/positions/index.rst").write_text(BOOK)
    with pytest.raises(FileExistsError, match=r"attention/small.rst exists"):
        new("positions/small", "Small", book)


LISTED = f"{BOOK}\n.. toctree::\n   :hidden:\n\n   gqa\n   MLA <mla>\n\nAfter\n"


@pytest.mark.parametrize(
    ("after", "entries"),
    [
        ("", "gqa MLA <mla> rope"),
        ("gqa", "gqa rope MLA <mla>"),
        ("mla", "gqa MLA <mla> rope"),
    ],
)
def test_entry_goes_after_the_page_that_is_named_or_last(after, entries):
    index = with_entry(LISTED, "rope", after)
    assert index.split() == LISTED.replace("gqa\n   MLA <mla>", entries).split()
    assert "\n   rope\n" in index


def test_unknown_page_to_stand_after(book, capsys):
    (book / "docs/attention/index.rst").write_text(LISTED)
    before = contents(book)
    arguments = ["new", "attention/rope", "RoPE", "--after"]
    assert main([*arguments, "attention/gqaa"], book) == 1
    assert "the book does not list it; did you mean gqa?" in capsys.readouterr().err
    assert contents(book) == before
    assert main([*arguments, "attention/gqa"], book) == 0
