"""A build after a change refuses and writes what a clean build does."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

# Pagefind's index differs from build to build: what it is made of is compared instead.
EXEMPT = ("html/pagefind/",)
BUILT = ("build/html", "build/doctrees", "docs/gallery")

INDEX = """\
Site
====

:status:`pages` pages, :reading-time:`attention`.

.. books::

   attention | How positions mix | small.line 2
   positions | Where a word stands

.. newest:: 2

.. toctree::
   :hidden:

   attention/index
   positions/index
   paths
   reproductions
   snippets
   status
   errata
   gallery/index
"""
SMALL = """\
:aliases: tiny

Small
=====

.. _aim:

The aim
-------

It costs :measured:`small.twice | .1f`.

.. math:: y = 2 x
   :label: twice

.. glossary::

   doubling
      Once more the same. See :doc:`two`.

.. snippet:: attention.small.small

.. gallery-figure:: small.line 2

   A line.

.. image:: picture.svg
   :alt: A square.

Take :download:`numbers.csv`.

>>> 1 + 1
2

.. claim:: real
   :reports: It doubles.
   :verdict: reproduced

   twice one: small.twice in 1 3

   It does.

.. bibliography::
   :filter: docname in docnames
"""
TWO = """\
:prose:
:summary: More.
:level: advanced
:prerequisites: attention/small

Two
===

After :doc:`small`, see :ref:`aim`, :eq:`twice`, :term:`doubling`, :any:`aim` and
:func:`snippets.attention.small.small`, by :cite:t:`real`: :measured:`small.twice`.
The portal has :status:`doctests` doctests.
"""
FAR = ":prose:\n:summary: Far.\n:level: advanced\n\nFar\n===\n\nText.\n"
MODULE = '''\
"""Things that are small."""


def small(x):
    """Double a number."""
    return 2 * x
'''
SCRIPT = '''\
"""
Figure
======

One line.
"""

import matplotlib.pyplot as plt

fig, ax = plt.subplots()
ax.plot([0, 1])
fig.set_label("A line that rises.")

# %%
# Another.

fig, ax = plt.subplots()
ax.plot([1, 0])
fig.set_label("A line that falls.")
measured = {"twice": 2.0}
'''
ERRATUM = """
   .. erratum:: attention/two
      :date: 2026-11-30
      :said: This.
      :says: That.
"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
SOURCES = (
    "@misc{{real, author={{A. {}}}, title={{T}}, year=2001}}\n"
    "@misc{{spare, author={{C. Day}}, title={{U}}, year=2002}}\n"
)
REPRODUCTIONS = """\
Reproductions
=============

.. verdicts::

.. reproductions::
"""
BOOK = "{0}\n{1}\n\n{2}.. toctree::\n   :glob:\n   :hidden:\n\n   [!i]*\n"
FILES = {
    "docs/index.rst": INDEX,
    "docs/addresses.txt": "attention/small\n",
    "docs/attention/index.rst": BOOK.format("Attention", "=" * 9, ".. book-map::\n\n"),
    "docs/attention/small.rst": SMALL,
    "docs/attention/two.rst": TWO,
    "docs/attention/picture.svg": PICTURE.format(""),
    "docs/attention/numbers.csv": "1,2\n",
    "docs/positions/index.rst": "Positions\n=========\n\nLater.\n",
    "docs/paths.rst": "Paths\n=====\n\n.. portal-map::\n\n"
    ".. learning-path::\n\n   attention/small\n   attention/two\n",
    "docs/reproductions.rst": REPRODUCTIONS,
    "docs/snippets.rst": "Snippets\n========\n\n.. snippet-index::\n",
    "docs/status.rst": "Status\n======\n\n.. status::\n",
    "docs/errata.rst": "Errata\n======\n\n.. errata::\n",
    "docs/references.bib": SOURCES.format("Bee"),
    "snippets/attention/small.py": MODULE,
    "snippets/attention/plot_small_line.py": SCRIPT,
}


def replaced(path, old, new):
    """Puts text in the place of another that is there once or more."""

    def change(root):
        file = root / path
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")

    return change


def written(path, text):
    def change(root):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, "utf-8")

    return change


def removed(*paths):
    def change(root):
        for path in paths:
            file = root / path
            shutil.rmtree(file) if file.is_dir() else file.unlink()

    return change


def both(*changes):
    def change(root):
        for one in changes:
            one(root)

    return change


def older(change):
    """The same by a file that is older than the build, as ``mv`` and ``cp -p`` do."""

    def aged(root):
        before = {path: path.stat().st_mtime_ns for path in root.glob("docs/*/*")}
        change(root)
        for path, moment in before.items():
            if path.stat().st_mtime_ns != moment:
                os.utime(path, (1e9, 1e9))

    return aged


def commit(*options):
    def change(root):
        run_git(root, "add", "-A", "docs/attention", "tests")
        run_git(root, "commit", "-q", *options)

    return change


def shallow(root):
    """As a hosting service checks out: the newest commit alone."""
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=root)
    (root / ".git/shallow").write_bytes(head)


def run_git(root, *arguments):
    date = "2021-01-01T00:00:00Z"
    environment = {
        "PATH": os.environ["PATH"],
        **{f"GIT_{who}_NAME": "a" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "a@example.org" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": date for who in ("AUTHOR", "COMMITTER")},
    }
    subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, env=environment
    )


A, D = "docs/attention/", "docs/"
LINE = "plot_small_line.py"
CODE = "snippets/attention/"
CHANGES = {
    "label gone": replaced(f"{A}small.rst", ".. _aim:\n\n", ""),
    "label elsewhere": both(
        replaced(f"{A}small.rst", ".. _aim:\n\n", ""),
        replaced(f"{A}two.rst", "Two\n===\n", "Two\n===\n\n.. _aim:\n\nNow\n---\n"),
    ),
    "heading": replaced(f"{A}small.rst", "The aim\n", "The end\n"),
    "title": replaced(f"{A}small.rst", "Small\n=====", "Large\n====="),
    "title of the last page": replaced(f"{A}two.rst", "Two\n===", "Too\n==="),
    "equation gone": replaced(f"{A}small.rst", "   :label: twice\n", ""),
    "equation before": replaced(
        f"{A}small.rst", ".. math:: y", ".. math:: x\n   :label: x\n\n.. math:: y"
    ),
    "term gone": replaced(f"{A}small.rst", "   doubling\n", "   trebling\n"),
    "listing gone": replaced(f"{A}small.rst", ".. snippet:: attention.small.small", ""),
    "function renamed": replaced(f"{CODE}small.py", "def small", "def large"),
    "function added": replaced(
        f"{CODE}small.py", "def small", "def more(x):\n    return x\n\n\ndef small"
    ),
    "docstring": replaced(f"{CODE}small.py", "Double a", "Add it to a"),
    "docstring of the module": replaced(f"{CODE}small.py", "that are", "which are"),
    "code": replaced(f"{CODE}small.py", "2 * x", "x + x"),
    "figure": replaced(f"{CODE}{LINE}", "[0, 1]", "[0, 2]"),
    "shown figure": replaced(f"{CODE}{LINE}", "[1, 0]", "[2, 0]"),
    "description of a figure": replaced(f"{CODE}{LINE}", "that falls", "down"),
    "title of the figures": replaced(
        f"{CODE}{LINE}", "Figure\n======", "Graphs\n======"
    ),
    "figure gone": replaced(
        f"{CODE}{LINE}", 'fig, ax = plt.subplots()\nax.plot([1, 0])\n', ""
    ),
    "measured value": replaced(f"{CODE}{LINE}", "2.0}", "2.2}"),
    "measured name": replaced(f"{CODE}{LINE}", '"twice"', '"double"'),
    "measured values gone": both(
        replaced(f"{CODE}{LINE}", 'measured = {"twice": 2.0}\n', ""),
        replaced(f"{A}small.rst", ":measured:`small.twice | .1f`", "two"),
        replaced(f"{A}small.rst", ".. claim:: real", ".. comment"),
        replaced(f"{A}two.rst", ": :measured:`small.twice`", ""),
    ),
    "measured by two scripts": written(
        f"{CODE}plot_small_more.py", SCRIPT.replace("[0, 1]", "[0, 3]")
    ),
    "script added": written(
        f"{CODE}plot_small_more.py", SCRIPT.replace("measured", "others")
    ),
    "script renamed": both(
        removed(f"{CODE}{LINE}"), written(f"{CODE}plot_small_lines.py", SCRIPT)
    ),
    "script of no page": written(f"{CODE}plot_more.py", SCRIPT),
    "measured and not shown": replaced(f"{CODE}{LINE}", "2.0}", '2.0, "more": 1}'),
    "measured out of band": replaced(f"{CODE}{LINE}", "2.0}", "4.0}"),
    "verdict": replaced(f"{A}small.rst", "reproduced", "contradicted"),
    "label of a value": replaced(f"{A}small.rst", "twice one", "two times one"),
    "verdicts no longer explained": replaced(
        f"{D}reproductions.rst", ".. verdicts::", "Text."
    ),
    "claim gone": replaced(f"{A}small.rst", ".. claim:: real", ".. comment"),
    "tests": written(
        "tests/attention/test_small.py", '"""By hand."""\n\n\ndef test_a():\n    pass\n'
    ),
    "doctest": replaced(f"{A}small.rst", ">>> 1 + 1\n2", ">>> 1 + 1\n2\n>>> 1\n1"),
    "length": replaced(f"{A}small.rst", "It costs", "It costs " + "much " * 900),
    "source": written(f"{D}references.bib", SOURCES.format("Wasp")),
    "source gone": written(
        f"{D}references.bib", SOURCES.format("Bee").partition("\n")[2]
    ),
    "source cited": replaced(f"{A}small.rst", "It costs", ":cite:t:`spare`:"),
    "image": written(f"{A}picture.svg", PICTURE.format("<g/>")),
    "image gone": removed(f"{A}picture.svg"),
    "image unused": replaced(f"{A}small.rst", "image:: picture", "comment picture"),
    "download": written(f"{A}numbers.csv", "3,4\n"),
    "download gone": removed(f"{A}numbers.csv"),
    "download unused": replaced(f"{A}small.rst", ":download:", ""),
    "style": replaced(f"{D}_static/portal.css", "{", "{ "),
    "script": replaced(f"{D}_static/reproductions.js", ";", "; "),
    "static file added": written(f"{D}_static/more.txt", "More."),
    "static file gone": removed(f"{D}_static/spare.txt"),
    "template": replaced(f"{D}_templates/page.html", "{{ page_foot }}", "<hr>"),
    "template gone": removed(f"{D}_templates/page.html"),
    "setting": replaced("conf.py", 'html_title = "', 'html_title = "My '),
    "setting of reading": replaced("conf.py", "numfig = False", "numfig = True"),
    "address moved": written(f"{D}addresses.txt", "attention/small\nold attention/two"),
    "address unknown": written(f"{D}addresses.txt", "attention/none\n"),
    "page added": written(f"{A}zeta.rst", FAR),
    "page added to a book without": both(
        written(f"{D}positions/far.rst", FAR),
        written(f"{D}positions/index.rst", BOOK.format("Positions", "=" * 9, "")),
    ),
    "page of no table of contents": written(f"{D}far.rst", "Far\n===\n"),
    "page gone": removed(f"{A}two.rst"),
    "listed page gone": removed(f"{D}errata.rst"),
    "page with code gone": both(
        removed(f"{A}small.rst", f"{CODE}small.py", f"{CODE}{LINE}"),
        removed("tests/attention/test_small.py"),
        written(f"{D}addresses.txt", ""),
    ),
    "part of a page gone": removed("tests/attention/test_small.py"),
    "summary": replaced(f"{A}two.rst", "More.", "Less."),
    "level": replaced(f"{A}small.rst", ":level: introductory", ":level: advanced"),
    "alias": replaced(f"{A}small.rst", "tiny", "little"),
    "alias taken": replaced(f"{A}two.rst", ":level:", ":aliases: tiny\n:level:"),
    "prerequisite": replaced(f"{A}two.rst", ":prerequisites: attention/small\n", ""),
    "circle": replaced(
        f"{A}small.rst", ":aliases:", ":prerequisites: attention/two\n:aliases:"
    ),
    "title of a book": replaced(f"{A}index.rst", "Attention\n", "Attending\n"),
    "order of a book": replaced(f"{A}index.rst", "   [!i]*\n", "   two\n   small\n"),
    "order of books": replaced(
        f"{D}index.rst",
        "   attention/index\n   positions/index\n",
        "   positions/index\n   attention/index\n",
    ),
    "header of the gallery": replaced(
        f"{CODE}GALLERY_HEADER.rst", "Attention\n", "Attending\n"
    ),
    "erratum": replaced(f"{D}errata.rst", "errata::\n", f"errata::\n{ERRATUM}"),
    "page of a path unknown": replaced(f"{D}paths.rst", "ion/two", "ion/three"),
    "text, by an older file": older(replaced(f"{A}two.rst", "After", "Before")),
    "image, by an older file": older(
        written(f"{A}picture.svg", PICTURE.format("<g/>"))
    ),
    "commit": commit("-m", "Two"),
    "commit with another message": commit("--amend", "-m", "Other"),
    "history gone": removed(".git"),
    "history cut": shallow,
}  # fmt: skip


def snapshot(build):
    """All files that a build left, by path."""
    folder = build.html.parent
    files = [*build.html.rglob("*"), *folder.glob("doctrees/search/pages/**/*")]
    named = {path.relative_to(folder).as_posix(): path for path in files}
    found = {
        name: path.read_bytes()
        for name, path in named.items()
        if path.is_file() and not name.startswith(EXEMPT)
    }
    name = "html/searchindex.js"
    return {**found, name: searched(found[name])}


def searched(index):
    """What Sphinx's own search finds, whose index is not quite that of a clean build.

    It keeps a word that was on some page, with no page to show, and forgets the entries
    for a printed index of pages that were not written again, which we do not print.
    """
    text = index.decode().removeprefix("Search.setIndex(").removesuffix(")")
    known = json.loads(text)
    del known["indexentries"]
    for kind in ("terms", "titleterms"):
        known[kind] = {word: on for word, on in known[kind].items() if on != []}
    return known


def problems(build):
    """The messages of a build, one a line."""
    return set(re.findall(r".*(?:WARNING|ERROR|CRITICAL): .*", build.output))


def outcome(build):
    """How a build ended, what it said and, where it was whole, what it wrote."""
    whole = build.status == 0
    return build.status, problems(build), snapshot(build) if whole else {}


@pytest.fixture(scope="module")
def base(shared_site, make_html, root):
    """A built site, and what a clean build writes of it; both are left alone."""
    folder = shared_site(files=FILES)
    for name in ("_extra", "_static", "_templates"):
        (folder / "docs" / name).unlink()
        shutil.copytree(root / "docs" / name, folder / "docs" / name)
    written("docs/_static/spare.txt", "Spare.\n")(folder)
    run_git(folder, "init", "-q")
    commit("-m", "One")(folder)
    written("tests/attention/new", "A file that is not committed yet.")(folder)
    build = make_html(folder)
    assert build.status == 0, build.output
    spare = folder.with_name("spare")
    shutil.copytree(folder, spare, symlinks=True)
    return folder, spare, outcome(build)


@pytest.fixture
def built(base):
    """The built site as it was before any change; a test that passes leaves it so."""
    folder, spare, _ = base
    dirty = folder.with_name("dirty")
    if dirty.exists():
        shutil.rmtree(folder)
        shutil.copytree(spare, folder, symlinks=True)
    dirty.touch()
    return folder


@pytest.fixture
def clean(make_html):
    """What a clean build does; that of the site before comes back afterwards."""

    def clean(root):
        aside = root / "aside"
        for name in BUILT:
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).rename(aside / name)
        try:
            return outcome(make_html(root))
        finally:
            for name in BUILT:
                shutil.rmtree(root / name, ignore_errors=True)
                (aside / name).rename(root / name)
            shutil.rmtree(aside)

    return clean


def differences(one, other):
    return sorted(
        name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
    )


def assert_same(found, wanted):
    assert found[:2] == wanted[:2]
    assert differences(found[2], wanted[2]) == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_and_its_taking_back(base, built, make_html, clean, change):
    change(built)
    assert_same(outcome(make_html(built, "-j", "2")), clean(built))
    for name in ("conf.py", "docs", "snippets", "tests", ".git"):
        restore(base[1] / name, built / name)
    assert_same(outcome(make_html(built, "-j", "2")), base[2])
    built.with_name("dirty").unlink()


def restore(source: Path, target: Path):
    """Give files back what they held, as an editor does: those that differ are new."""
    if source.is_file():
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.write_bytes(source.read_bytes())
        return
    if source.name == "gallery":
        return
    names = {path.name for folder in (source, target) for path in folder.glob("*")}
    for name in names:
        if (source / name).exists():
            restore(source / name, target / name)
        elif name != "gallery":
            removed(name)(target)


def test_a_build_without_a_change_writes_no_page(built, make_html):
    pages = {page: page.stat().st_mtime_ns for page in built.rglob("html/*/*.html")}
    build = make_html(built)
    assert build.status == 0, build.output
    assert pages == {page: page.stat().st_mtime_ns for page in pages}


def test_files_written_anew_with_the_same_content_are_not_read_again(built, make_html):
    shutil.rmtree(built / "docs/gallery")
    for article in built.glob("docs/*/*.rst"):
        article.touch()
    build = make_html(built)
    assert build.status == 0, build.output
    assert "0 added, 0 changed, 0 removed" in build.output


def test_files_of_someone_else_stay(built, make_html):
    own = built / "build/html/CNAME"
    own.write_text("ml.example.org")
    for _ in range(2):
        assert make_html(built).status == 0
    assert own.read_text() == "ml.example.org"
