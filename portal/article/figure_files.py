"""Finds the files of a figure by the name that articles give it."""

import re
from pathlib import Path

from sphinx.environment import BuildEnvironment

from portal.evidence import files
from portal.evidence.files import Figure
from portal.pages import mirror
from portal.text.hint import hint

NAME = re.compile(r"(?P<script>\S*)(?: +(?P<number>\d+))?")


def named(root: Path) -> dict[str, Figure]:
    """The figures of all scripts, by the name that articles give them."""
    pages = mirror.pages(root)
    found = {}
    for figure in files.figures(root / "docs"):
        own = [page for book, page in pages if book == figure.book]
        page = mirror.page_of(figure.script, own)
        name = f"{page}.{figure.script.removeprefix(f'plot_{page}_')}"
        found[name if figure.number == 1 else f"{name} {figure.number}"] = figure
    return found


def find(env: BuildEnvironment, name: str) -> Figure:
    """The figure that an article calls ``page.figure``, or ``page.figure 2``.

    The pages of scripts call it ``/book/plot_page_figure 2``.

    Raises
    ------
    LookupError
        If there is no such figure; the message names those that are like it.
    """
    source = Path(env.srcdir)
    parts = NAME.fullmatch(name)
    if parts is None:
        raise LookupError(f"no figure {name}: write page.figure, or page.figure 2")
    script, number = parts["script"], parts["number"]
    book, slash, script = script.removeprefix("/").rpartition("/")
    if not slash:
        book, script = "*", f"plot_{script.replace('.', '_', 1)}"
    figure = Figure(book, script, int(number or 1))
    found = next(source.glob(f"{figure.stem}.json"), None)
    if found is None:
        known = named(source.parent)
        page = name.partition(".")[0]
        own = [other for other in known if other.startswith(f"{page}.")]
        like = f"choose from {', '.join(own)}" if own else hint(name, known)
        raise LookupError(f"no figure {name}; {like}")
    env.note_dependency(found)
    return figure._replace(book=found.parts[-3])


def read(env: BuildEnvironment, figure: Figure) -> dict:
    """Alternative text, width, height, and number of frames."""
    return files.read(files.about(Path(env.srcdir), figure))
