"""A page is a path: its files lie at the mirrored places, or the build stops.

::

    docs/<book>/<page>.rst       snippets/<book>/<page>.py
    tests/<book>/test_<page>.py  snippets/<book>/plot_<page>_<figure>.py, one or several

An article whose first line is ``:prose:`` has no code and needs none of the others.
Page names are unique over the whole portal, since figures are named after them, and are
names of Python modules: see ``portal/pages/names.py``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sphinx.application import Sphinx
from sphinx.util import logging

from portal.order import Inited
from portal.pages import names

logger = logging.getLogger(__name__)


class Places(NamedTuple):
    """Where the files of a page lie that are one of a kind."""

    article: Path
    module: Path
    test: Path


def places(book: str, page: str) -> Places:
    return Places(
        Path(f"docs/{book}/{page}.rst"),
        Path(f"snippets/{book}/{page}.py"),
        Path(f"tests/{book}/test_{page}.py"),
    )


def pages(root: Path) -> list[tuple[str, str]]:
    """Book and name of every page, that is, of every article."""
    return sorted(
        (path.parent.name, path.stem)
        for path in (root / "docs").glob("*/*.rst")
        if path.stem != "index" and path.parent.name != "gallery"
    )


def page_of(script: str, own: Iterable[str]) -> str:
    """Which of the pages of a book a script is of; empty if of none.

    >>> page_of("plot_rope_decay", ["rope", "alibi"])
    'rope'
    >>> page_of("plot_rope_scaling_loss", ["rope", "rope_scaling"])
    'rope_scaling'
    """
    found = [page for page in own if script.startswith(f"plot_{page}_")]
    return max(found, key=len, default="")


def all_scripts(root: Path) -> list[Path]:
    found = sorted((root / "snippets").glob("*/plot_*.py"))
    return [path.relative_to(root) for path in found]


def scripts(root: Path) -> dict[tuple[str, str], list[Path]]:
    """The gallery scripts of each page, from ``root``."""
    found: dict[tuple[str, str], list[Path]] = {page: [] for page in pages(root)}
    for script in all_scripts(root):
        book = script.parent.name
        page = page_of(script.stem, [name for other, name in found if other == book])
        if page:
            found[book, page].append(script)
    return found


def problems(root: Path) -> list[tuple[str, str]]:
    """Each breach of the layout: the file that it concerns, and what is wrong."""
    found, known = [], scripts(root)
    for (book, page), own in known.items():
        found += lacks(root, book, page, own)
    found += strays(root, {script for own in known.values() for script in own})
    return [*found, *doubles(root), *misnamed(root)]


def lacks(
    root: Path, book: str, page: str, own: list[Path]
) -> Iterator[tuple[str, str]]:
    """What a page with such scripts needs and has not."""
    article, module, test = places(book, page)
    if is_prose(root / article) or names.problem(page):
        return
    for place in (module, test):
        if not (root / place).is_file():
            yield str(article), f"the page needs {place}: write that file"
    if not own:
        script = f"snippets/{book}/plot_{page}_<figure>.py"
        yield str(article), f"the page needs a script {script}: write that file"


def strays(root: Path, known: set[Path]) -> Iterator[tuple[str, str]]:
    """Scripts of no page: all but those that are known."""
    for script in all_scripts(root):
        if script not in known:
            problem = "call it plot_<page>_<figure>.py, after a page of its book"
            yield str(script), problem


def doubles(root: Path) -> list[tuple[str, str]]:
    """Pages whose name another book has too."""
    counts = Counter(page for _, page in pages(root))
    problem = "another book has a page {} too: rename one of them"
    return [
        (str(places(book, page).article), problem.format(page))
        for book, page in pages(root)
        if counts[page] > 1
    ]


def misnamed(root: Path) -> list[tuple[str, str]]:
    """Each page and module that cannot be called so: its first file, and why."""
    articles = [places(book, page).article for book, page in pages(root)]
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
    app.connect("builder-inited", check, priority=Inited.LAYOUT)
