"""The front page: ``.. books::`` shows the books, ``.. newest::`` the latest pages. ::

    .. books::

       attention | How positions exchange information | attention.efficient_attention 2
       training | From random weights to a model

    .. newest:: 6

A book that has pages is a card with a picture: a figure of its own pages, named as in
``gallery-figure``, a still where it is animated. The others are listed as planned. A
book of one kind that is written as the other stops the build. A page is as new as the
first commit to any of its files; where that is not known, the list says so.
"""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from portal.article.figure import find, pictures, read
from portal.pages.citation import book_title
from portal.pages.history import UNKNOWN, newest_first
from portal.pages.per_document import PerDocument
from portal.pages.rewrite import changed
from portal.text.hint import hint

logger = logging.getLogger(__name__)
# The documents that show books or pages.
showing = PerDocument[None]("showing")


class book(nodes.General, nodes.Element):
    """A book, ``name``, with what is said of it, and its picture if it has one."""


class newest(nodes.General, nodes.Element):
    """Stands for the list of the latest pages, ``count`` of them."""


class Books(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        showing(self.env)[self.env.docname] = None
        cards = nodes.container(classes=["books"])
        planned = nodes.bullet_list(classes=["books-planned"])
        for line in filter(None, self.content):
            name, _, rest = (part.strip() for part in line.partition("|"))
            said, _, figure = (part.strip() for part in rest.partition("|"))
            made = book("", name=name, said=said, planned=not figure)
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
        showing(self.env)[self.env.docname] = None
        return [newest("", count=directives.positive_int(self.arguments[0]))]


def link(app: Sphinx, docname: str, target: str) -> nodes.reference:
    uri = app.builder.get_relative_uri(docname, target)
    title = app.env.titles[target].astext()
    return nodes.reference("", title, refuri=uri, internal=True)


def state(env: BuildEnvironment) -> tuple:
    """What the front page shows of other pages."""
    books = {
        name: len(pages)
        for name, pages in env.toctree_includes.items()
        if name.endswith("/index") and not name.startswith("gallery/")
    }
    titles = {name: title.astext() for name, title in env.titles.items()}
    latest = [(n, c.date) for n, c in newest_first(env, -1) if n in titles]
    shown = [titles[name] for name in (*sorted(books), *dict(latest))]
    return books, latest, shown, env.portal_history


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Documents that show books or pages, when these are others."""
    env.portal_front = state(env)
    books, *others = env.portal_front
    view = (sorted(books.items()), *others)
    return changed(env, "front", dict.fromkeys(showing(env), view))


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


def shown_book(app: Sphinx, docname: str, node: book) -> list[nodes.Node]:
    """A card with its picture, or the words on a book that is planned."""
    name = node["name"]
    start = f"{name}/index"
    if start not in app.env.titles:
        books = (known.removesuffix("/index") for known in app.env.portal_front[0])
        text = "no book %s: there is no docs/%s.rst; %s"
        logger.warning(text, name, start, hint(name, books), location=node)
        return []
    count = app.env.portal_front[0].get(start, 0)
    if wrong := problem(name, count, node["planned"]):
        logger.warning(wrong, location=node)
    title = link(app, docname, start)
    if node["planned"]:
        return [nodes.paragraph("", "", title, nodes.Text(f": {node['said']}"))]
    pages = f"{count} page{'s' * (count != 1)}"
    return [
        nodes.container("", *node.children, classes=["book-picture"]),
        nodes.paragraph("", "", title, classes=["book-title"]),
        nodes.paragraph("", node["said"]),
        nodes.paragraph("", pages, classes=["book-pages"]),
    ]


def shown_newest(app: Sphinx, docname: str, node: newest) -> nodes.Element:
    if app.env.portal_history:
        return nodes.paragraph("", f"When they were added: {UNKNOWN}.")
    listed = nodes.bullet_list(classes=["newest"])
    for name, date in app.env.portal_front[1][: node["count"]]:
        title = book_title(app.env, name.partition("/")[0])
        place = nodes.inline("", f"{title}, {date}", classes=["newest-date"])
        text = nodes.paragraph("", "", link(app, docname, name), nodes.Text(" "), place)
        listed += nodes.list_item("", text)
    return listed


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(book)):
        node.replace_self(shown_book(app, docname, node))
    for node in list(doctree.findall(newest)):
        node.replace_self(shown_newest(app, docname, node))


def setup(app: Sphinx) -> None:
    app.add_node(book)
    app.add_node(newest)
    app.add_directive("books", Books)
    app.add_directive("newest", Newest)
    showing.connect(app)
    app.connect("env-updated", rewrite)
    app.connect("doctree-resolved", resolve)
