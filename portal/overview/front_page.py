"""The front page: ``.. books::`` shows the books, ``.. newest::`` the latest pages. ::

    .. books::

       attention | How positions exchange information | efficient_attention.step
       training | From random weights to a model

    .. newest:: 6

A book that has pages is a card with a picture: a figure of its own pages, named as in
``gallery-figure``, a still where it is animated. The others are listed as planned. A
book of one kind that is written as the other stops the build. A page is as new as the
first commit to any of its files; where that is not known, the list says so.
"""

from collections.abc import Collection
from typing import NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from portal.article.figure import pictures
from portal.article.figure_files import find, read
from portal.pages.history import UNKNOWN, newest_first
from portal.pages.late import connect, late
from portal.pages.titles import book_title, link, title
from portal.text.hint import hint

logger = logging.getLogger(__name__)


class book(late):
    """Stands for a book, with what is said of it, and its picture if it has one."""


class newest(late):
    """Stands for the list of that many of the latest pages."""


class Book(NamedTuple):
    """What is known of a book: its title, how many pages it has, or what is wrong."""

    title: str
    count: int
    problem: str


class Page(NamedTuple):
    docname: str
    title: str
    place: str


class Books(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        cards = nodes.container(classes=["books"])
        planned = nodes.bullet_list(classes=["books-planned"])
        for line in filter(None, self.content):
            name, _, rest = (part.strip() for part in line.partition("|"))
            said, _, figure = (part.strip() for part in rest.partition("|"))
            made = book("", of=name, said=said, planned=not figure)
            self.set_source_info(made)
            if figure:
                made += self._picture(figure)
                cards += nodes.container("", made, classes=["book"])
            else:
                planned += nodes.list_item("", made)
        later = nodes.paragraph("", "Planned", classes=["books-later"])
        return [cards, *([later, planned] if planned.children else [])]

    def _picture(self, figure: str) -> list[nodes.Node]:
        try:
            drawn = find(self.env, figure)
        except LookupError as problem:
            raise self.error(str(problem)) from problem
        about = read(self.env, drawn)
        return pictures(drawn, {**about, "frames": 1, "alt": ""})


class Newest(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [newest("", of=directives.positive_int(self.arguments[0]))]


def problem(name: str, count: int, planned: bool) -> str:
    """What is wrong with how a book is listed; empty if nothing is.

    >>> problem("graphs", 0, planned=False)
    'the book graphs has no pages yet: remove its picture'
    """
    if count and planned:
        picture = f"{name} | ... | {name}.page 1"
        return f"the book {name} has pages: add a figure of one, `{picture}`"
    if not count and not planned:
        return f"the book {name} has no pages yet: remove its picture"
    return ""


def books(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, Book]:
    pages = {
        name: len(listed)
        for name, listed in env.toctree_includes.items()
        if name.endswith("/index") and not name.startswith("gallery/")
    }
    found = {}
    for name in wanted:
        start = f"{name}/index"
        if start in env.titles:
            found[name] = Book(title(env, start), pages.get(start, 0), "")
        else:
            like = hint(name, [known.removesuffix("/index") for known in pages])
            text = f"no book {name}: there is no docs/{start}.rst; {like}"
            found[name] = Book("", 0, text)
    return found


def shown_book(app: Sphinx, docname: str, node: book, view: Book) -> list[nodes.Node]:
    """A card with its picture, or the words on a book that is planned."""
    wrong = view.problem or problem(node["of"], view.count, node["planned"])
    if wrong:
        logger.warning("%s", wrong, location=node)
    if view.problem:
        return []
    first = link(app, docname, f"{node['of']}/index", view.title)
    if node["planned"]:
        return [nodes.paragraph("", "", first, nodes.Text(f": {node['said']}"))]
    pages = f"{view.count} page{'s' * (view.count != 1)}"
    return [
        nodes.container("", *node.children, classes=["book-picture"]),
        nodes.paragraph("", "", first, classes=["book-title"]),
        nodes.paragraph("", node["said"]),
        nodes.paragraph("", pages, classes=["book-pages"]),
    ]


def latest(
    env: BuildEnvironment, wanted: Collection[int]
) -> dict[int, list[Page] | None]:
    """The latest pages; nothing where the history is not known."""
    if env.portal_history:
        return dict.fromkeys(wanted)
    pages = [
        Page(
            name,
            title(env, name),
            f"{book_title(env, name.partition('/')[0])}, {commit.date}",
        )
        for name, commit in newest_first(env, -1)
        if name in env.titles
    ]
    return {count: pages[:count] for count in wanted}


def shown_newest(
    app: Sphinx, docname: str, node: newest, pages: list[Page] | None
) -> nodes.Element:
    if pages is None:
        return nodes.paragraph("", f"When they were added: {UNKNOWN}.")
    listed = nodes.bullet_list(classes=["newest"])
    for page in pages:
        place = nodes.inline("", page.place, classes=["newest-date"])
        name = link(app, docname, page.docname, page.title)
        text = nodes.paragraph("", "", name, nodes.Text(" "), place)
        listed += nodes.list_item("", text)
    return listed


def setup(app: Sphinx) -> None:
    app.add_directive("books", Books)
    app.add_directive("newest", Newest)
    connect(app, book, books, shown_book)
    connect(app, newest, latest, shown_newest)
