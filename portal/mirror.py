"""A page is a path: its four files lie at the mirrored places, or the build stops.

::

    docs/<book>/<page>.rst             snippets/<book>/<page>.py
    snippets/<book>/plot_<page>.py     tests/<book>/test_<page>.py

An article whose first line is ``:prose:`` has no code and needs none of the others.
Page names are unique over the whole portal, since Sphinx-Gallery files images by them.
"""

from collections import Counter
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

JUNK = {"common", "helpers", "misc", "tools", "util", "utils"}

logger = logging.getLogger(__name__)


def places(book: str, page: str) -> list[Path]:
    """Where the four files of a page lie."""
    return [
        Path(f"docs/{book}/{page}.rst"),
        Path(f"snippets/{book}/{page}.py"),
        Path(f"snippets/{book}/plot_{page}.py"),
        Path(f"tests/{book}/test_{page}.py"),
    ]


def pages(root: Path) -> list[tuple[str, str]]:
    """Book and name of every page that has an article or a gallery script."""
    articles = {
        (path.parent.name, path.stem)
        for path in (root / "docs").glob("*/*.rst")
        if path.stem != "index" and path.parent.name != "gallery"
    }
    scripts = {
        (path.parent.name, path.stem.removeprefix("plot_"))
        for path in (root / "snippets").glob("*/plot_*.py")
    }
    return sorted(articles | scripts)


def problems(root: Path) -> list[tuple[str, str]]:
    """Each breach of the layout: the file that it concerns, and what is wrong."""
    found = []
    for book, page in pages(root):
        article, *others = places(book, page)
        if is_prose(root / article):
            continue
        for place in [article, *others]:
            if not (root / place).is_file():
                whole = article if place != article else others[1]
                found.append((str(whole), f"page {book}/{page} needs {place}"))
    counts = Counter(page for _, page in pages(root))
    for book, page in pages(root):
        if counts[page] > 1:
            script = str(places(book, page)[2])
            found.append((script, f"the name {page} is taken by another book's page"))
    for module in sorted((root / "snippets").rglob("*.py")):
        if module.stem in JUNK:
            place = str(module.relative_to(root))
            found.append((place, f"{module.stem} names no subject: rename the module"))
    return found


def is_prose(article: Path) -> bool:
    """Whether an article says, in its first line, that it has no code."""
    return article.is_file() and article.read_text("utf-8").startswith(":prose:")


def check(app: Sphinx) -> None:
    for place, problem in problems(Path(app.confdir)):
        logger.warning(problem, location=f"{Path(app.confdir, place)}:1", type="mirror")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", check, priority=300)  # before scripts run
