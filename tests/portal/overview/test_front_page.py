"""The front page: books as cards or planned, the newest pages, all of it up to date."""

import re
import subprocess

import pytest

CARD = "attention | How positions mix | small.line"
INDEX = """\
Site
====

.. books::

   {attention}
   training | From noise to weights

.. newest:: 2

.. toctree::
   :hidden:

   attention/index
   training/index
   gallery/index
"""
BOOK = "Attention\n=========\n\n.. toctree::\n\n   small\n"


@pytest.fixture
def files():
    return {
        "docs/index.rst": INDEX.format(attention=CARD),
        "docs/attention/index.rst": BOOK,
        "docs/training/index.rst": "Training\n========\n",
    }


def text(page, name):
    found = re.search(rf'class="[^"]*\b{name}\b[^"]*".*?</(?:ul|section)>', page, re.S)
    return re.sub(r"\s+", " ", re.sub("<.*?>", " ", found[0].partition(">")[2])).strip()


def commit(root, message, *paths):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", *paths], ["commit", "-qm", message]):
        subprocess.run([*git, *command], cwd=root, check=True)


def test_a_book_with_pages_is_a_card_with_a_still_the_others_are_planned(
    site, make_html, files
):
    build = make_html(site(files=files))
    assert build.status == 0, build.output
    page = build.page()
    cards = page.partition('class="books docutils')[2].partition("<ul")[0]
    assert re.findall(r"sphx_glr_plot_small_line_001(\w*)\.svg", cards) == ["", "_dark"]
    assert 'href="attention/index.html"' in cards
    assert "How positions mix" in cards
    assert "1 page<" in cards
    assert text(page, "books-planned") == "Training : From noise to weights"


@pytest.mark.parametrize(
    ("attention", "problem"),
    [
        ("attention | Mixing", "the book attention has pages: add a figure of one"),
        ("tension | Mixing", "no book tension: there is no docs/tension/index.rst"),
        (
            "attention | Mixing | small.line 7",
            "no figure small.line 7",
        ),
    ],
)
def test_what_does_not_fit_the_books_stops_the_build_with_its_line(
    site, make_html, files, attention, problem
):
    files["docs/index.rst"] = INDEX.format(attention=attention)
    build = make_html(site(files=files))
    assert build.status != 0
    assert re.search(rf"docs/index.rst:\d+: .*{problem}", build.output)


def test_a_planned_book_with_a_picture_stops_the_build(site, make_html, files):
    planned = "training | From noise | small.line"
    files["docs/index.rst"] = INDEX.format(attention=f"{CARD}\n   {planned}").replace(
        "   training | From noise to weights\n", ""
    )
    build = make_html(site(files=files))
    assert build.status != 0
    assert "the book training has no pages yet: remove its picture" in build.output


def test_the_newest_pages_come_first_with_the_date_of_their_first_commit(
    site, make_html, files, page_files
):
    files["docs/attention/index.rst"] = f"{BOOK}   late\n   later\n"
    pages = {**page_files("attention", "late"), **page_files("attention", "later")}
    root = site(files={**files, **pages})
    commit(root, "Add all but two", "docs/attention/small.rst")
    assert text(make_html(root).page(), "newest").startswith("Small Attention, ")
    commit(root, "Add one", "docs/attention/late.rst")
    commit(root, "Add another", "docs/attention/later.rst")
    with (root / "docs/attention/small.rst").open("a") as article:
        article.write("Mended.\n")
    commit(root, "Mend", "docs/attention/small.rst")
    build = make_html(root)
    assert build.status == 0, build.output
    newest = text(build.page(), "newest")
    assert re.fullmatch(r"later Attention, \S{10} late Attention, \S{10}", newest)
    article = root / "docs/attention/later.rst"
    article.write_text(article.read_text().replace("later\n=====", "Last\n===="))
    assert text(make_html(root).page(), "newest").startswith("Last Attention, ")


def test_the_front_page_follows_titles_and_counts_and_nothing_else(
    site, make_html, files, page_files
):
    root = site(files=files)
    assert make_html(root).status == 0
    front = root / "build/html/index.html"
    before = front.stat().st_mtime_ns
    assert make_html(root).status == 0
    assert front.stat().st_mtime_ns == before
    renamed = BOOK.replace("Attention\n=", "Attending\n=") + "   late\n"
    (root / "docs/attention/index.rst").write_text(renamed)
    late = page_files("attention", "late")
    late["docs/attention/late.rst"] = (root / "docs/attention/small.rst").read_text()
    for path, written in late.items():
        (root / path).write_text(written)
    build = make_html(root)
    assert build.status == 0, build.output
    assert "2 pages<" in build.page()
    assert "Attending" in build.page()
