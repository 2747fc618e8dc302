"""``make new``: what it writes builds, lints and passes."""

import subprocess
import sys

import pytest

from portal.__main__ import main
from portal.mirror import places
from portal.new import new, with_entry

BOOK = "Attention\n=========\n"


@pytest.fixture
def book(site):
    return site(files={"docs/attention/index.rst": BOOK})


def test_writes_the_page_and_its_entry(book):
    written = new("attention/ring_attention", "Ring attention", book)
    assert set(places("attention", "ring_attention")) < set(written)
    index = (book / "docs/attention/index.rst").read_text()
    assert index == f"{BOOK}\n.. toctree::\n   :hidden:\n\n   ring_attention\n"


def test_what_it_writes_builds_lints_and_passes(book, make_html, root):
    new("attention/ring_attention", "Ring attention", book)
    (book / "docs/index.rst").write_text(
        "Site\n====\n\n.. toctree::\n\n   attention/index\n   attention/small\n"
        "   gallery/index\n"
    )
    build = make_html(book)
    assert build.status == 0, build.output
    python = [str(book / path) for path in places("attention", "ring_attention")[1:]]
    config = ["--config", str(root / "pyproject.toml")]
    for lint in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *lint, *config, "--no-cache", *python]
        subprocess.run(command, check=True, capture_output=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", root / "pyproject.toml", "--rootdir", book]
    command += ["-o", f"pythonpath={book} {root}", *python[2:]]
    command += [book / "docs/attention/ring_attention.rst", python[0]]
    run = subprocess.run(command, cwd=book, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "3 passed" in run.stdout


@pytest.mark.parametrize("taken", range(4))
def test_overwrites_nothing(book, taken):
    existing = book / places("attention", "rope")[taken]
    existing.write_text("mine")
    before = sorted(book.rglob("*"))
    with pytest.raises(FileExistsError, match="nothing was written"):
        new("attention/rope", "RoPE", book)
    assert existing.read_text() == "mine"
    assert sorted(book.rglob("*")) == before


@pytest.mark.parametrize(
    ("page", "title", "cause"),
    [
        ("rope", "RoPE", "write book/page in lower case"),
        ("attention/RoPE", "RoPE", "write book/page in lower case"),
        ("attention/../rope", "RoPE", "write book/page in lower case"),
        ("nowhere/rope", "RoPE", "there is no book nowhere; the books are attention"),
        ("attention/rope", " ", "a page needs a title"),
    ],
)
def test_bad_request(book, capsys, page, title, cause):
    assert main(["new", page, title], book) == 1
    assert cause in capsys.readouterr().err


def test_name_of_another_book_is_taken(book):
    (book / "docs/positions").mkdir()
    (book / "docs/positions/index.rst").write_text(BOOK)
    with pytest.raises(FileExistsError, match=r"attention/small.rst exists"):
        new("positions/small", "Small", book)


def test_entry_joins_the_existing_table_of_contents():
    index = f"{BOOK}\n.. toctree::\n   :hidden:\n\n   gqa\n\nAfter\n"
    assert with_entry(index, "rope").endswith(":hidden:\n\n   gqa\n   rope\n\nAfter\n")
