"""No address that was published disappears: ``docs/addresses.txt`` lists them all.

One address a line, without ``.html``; a page that moved is followed by its new place::

    attention/grouped_query_attention
    attention/gqa attention/grouped_query_attention

A listed page that is neither there nor moved stops the build. A page stands where a
moved one was, which leads on to the new place. ``python -m portal addresses`` adds the
pages of the last build to the list; it is run when the site is published.
"""

from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from portal.frame.templates import render
from portal.pages.titles import title

LIST = "addresses.txt"

logger = logging.getLogger(__name__)


def listed(text: str) -> dict[str, tuple[int, str]]:
    """Line and new place, empty if it has not moved, of each address.

    >>> listed("# The list.\\na\\nb a")
    {'a': (2, ''), 'b': (3, 'a')}
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line and not line.startswith("#"):
            address, _, moved = line.partition(" ")
            found[address] = (number, moved.strip())
    return found


def problems(
    addresses: dict[str, tuple[int, str]], pages: set[str]
) -> Iterator[tuple[int, str]]:
    """The line, and what is wrong there.

    >>> list(problems({"a": (1, ""), "b": (2, "c"), "d": (3, "d")}, {"d"}))[0]
    (1, 'the published page a is gone: write its new address after it')
    """
    for address, (line, moved) in addresses.items():
        if moved and address in pages:
            yield line, f"{address} is listed as moved, but the page still exists"
        elif moved and moved not in pages:
            yield line, f"{address} moved to {moved}, which is not a page"
        elif not moved and address not in pages:
            gone = f"the published page {address} is gone"
            yield line, f"{gone}: write its new address after it"


def read(folder: Path) -> dict[str, tuple[int, str]]:
    file = folder / LIST
    return listed(file.read_text("utf-8")) if file.is_file() else {}


def check(app: Sphinx, env: BuildEnvironment) -> None:
    for line, problem in problems(read(Path(app.srcdir)), env.found_docs):
        where = f"{Path(app.srcdir, LIST)}:{line}"
        logger.warning(problem, location=where, type="addresses")


def note(app: Sphinx, doctree: nodes.document) -> None:
    """A mistake in the list is one of the front page, which is then read again."""
    file = Path(app.srcdir, LIST)
    if app.env.docname == app.config.root_doc and file.is_file():
        app.env.note_dependency(file)


def moved_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, str], str]]:
    """A page at each address from which one moved; it leads on by itself."""
    for address, (_, moved) in read(Path(app.srcdir)).items():
        if moved in app.env.found_docs and app.builder.name == "html":
            uri = app.builder.get_relative_uri(address, moved)
            name = title(app.env, moved)
            head, _, body = render("moved.html", uri=uri, title=name).partition("\n")
            yield address, {"title": name, "metatags": head, "body": body}, "page.html"


def publish(root: Path) -> list[str]:
    """Add the pages of the last build to the list; returns the new ones."""
    docs = root / "docs"
    pages = {path.relative_to(docs).with_suffix("") for path in docs.rglob("*.rst")}
    new = sorted({page.as_posix() for page in pages} - {"404"} - read(docs).keys())
    with (docs / LIST).open("a", encoding="utf-8") as file:
        file.writelines(f"{page}\n" for page in new)
    return new


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", note)
    app.connect("env-check-consistency", check)
    app.connect("html-collect-pages", moved_pages)
