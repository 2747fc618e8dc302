"""A page is a path: its four files lie at the mirrored places, or the build stops.

::

    docs/<book>/<page>.rst             snippets/<book>/<page>.py
    snippets/<book>/plot_<page>.py     tests/<book>/test_<page>.py

An article whose first line is ``:prose:`` has no code and needs none of the others.
Page names are unique over the whole portal, since Sphinx-Gallery files images by them,
and are names of Python modules: see ``portal/pages/names.py``.
"""

from collections import Counter
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

from portal.pages import names

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
        if is_prose(root / article) or names.problem(page):
            continue
        for place in [article, *others]:
            if not (root / place).is_file():
                whole = article if place != article else others[1]
                found.append((str(whole), f"the page needs {place}: write that file"))
    counts = Counter(page for _, page in pages(root))
    for book, page in pages(root):
        if counts[page] > 1:
            script = str(places(book, page)[2])
            problem = f"another book has a page {page} too: rename one of them"
            found.append((script, problem))
    return [*found, *misnamed(root)]


def misnamed(root: Path) -> list[tuple[str, str]]:
    """Each page and module that cannot be called so: its first file, and why."""
    articles = [places(book, page)[0] for book, page in pages(root)]
    modules = [path.relative_to(root) for path in root.glob("snippets/*/[!_]*.py")]
    found = {}
    for file in [*articles, *sorted(modules)]:
        name = file.stem.removeprefix("plot_")
        if (root / file).is_file() and (problem := names.problem(name)):
            found.setdefault(name, (str(file), f"rename the page's files: {problem}"))
    return list(found.values())


def is_prose(article: Path) -> bool:
    """Whether an article says, in its first line, that it has no code."""
    return article.is_file() and article.read_text("utf-8").startswith(":prose:")


def check(app: Sphinx) -> None:
    for place, problem in problems(Path(app.confdir)):
        logger.warning(problem, location=f"{Path(app.confdir, place)}:1", type="mirror")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", check, priority=300)  # before scripts run
