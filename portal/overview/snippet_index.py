"""``.. snippet-index::`` lists the public functions and classes that pages show.

By book and page: the signature, the first line of the docstring, and a link to the
listing. Of a page's own module all that is public is listed, of the other modules what
a page shows. A script, loaded on this page alone, filters the list.
"""

import re
from collections import defaultdict
from collections.abc import Collection
from itertools import chain
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.overview.snippet_entries import Entry, entries, modules, tree
from portal.pages.late import add_script, connect, late
from portal.pages.per_document import PerDocument
from portal.pages.titles import link, title

# The modules that each document with the index could list, and what is public there.
indexed = PerDocument[dict[str, list[Entry]]]("indexed")


class of_book(late):
    """Stands for the list of one book."""


CODE = re.compile(r"``(.+?)``|:\w+:`~?(.+?)`")


def shown(summary: str) -> list[nodes.Node]:
    """The first line of a docstring, with its code as code.

    >>> [node.astext() for node in shown("As ``x``, by :func:`sum`.")]
    ['As ', 'x', ', by ', 'sum', '.']
    """
    made, end = [], 0
    for code in CODE.finditer(summary):
        made.append(nodes.Text(summary[end : code.start()]))
        made.append(nodes.literal("", code[1] or code[2]))
        end = code.end()
    return [*made, nodes.Text(summary[end:])]


def item(app: Sphinx, docname: str, entry: Entry, listing: str) -> nodes.Node:
    """An entry; its name leads to its listing, if a page has one."""
    page, _, anchor = listing.partition("#")
    name = nodes.strong("", entry.name)
    if anchor:
        name = nodes.strong("", "", link(app, docname, page, entry.name, anchor))
    code = nodes.literal("", "", name, nodes.Text(entry.signature))
    term = nodes.term("", "", code, ids=[entry.anchor])
    said = nodes.paragraph("", "", *shown(entry.summary))
    return nodes.definition_list_item("", term, nodes.definition("", said))


class SnippetIndex(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        found = indexed(self.env)[self.env.docname] = {}
        for module, path in modules(Path(self.env.srcdir).parent).items():
            self.env.note_dependency(path)
            try:
                found[module] = entries(module, tree(path))
            except SyntaxError as problem:
                place = f"{problem.filename}:{problem.lineno}"
                raise self.error(f"snippet-index: {place}: {problem.msg}") from problem
        books = dict.fromkeys(module.partition(".")[0] for module in found)
        return [section(book) for book in books]


def section(book: str) -> nodes.section:
    title, anchor = nodes.title("", book.capitalize()), f"book-{book}"
    return nodes.section("", title, of_book("", of=book), ids=[anchor])


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
) -> list[str]:
    """The index, when a file has come or gone; others are its dependencies."""
    found = list(modules(Path(env.srcdir).parent))
    return [name for name, listed in indexed(env).items() if list(listed) != found]


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, dict]:
    """Of each book its pages with their titles, entries, and where the listings are."""
    listings = env.domains.python_domain.objects
    found: dict[str, dict] = {book: defaultdict(list) for book in wanted}
    public = {m: of for known in indexed(env).values() for m, of in known.items()}
    for entry in chain.from_iterable(public.values()):
        shown = listings.get(f"snippets.{entry.anchor}")
        page = shown.docname if shown else entry.module.replace(".", "/")
        if page in env.titles and entry.book in found:
            place = f"{page}#{shown.node_id}" if shown else page
            found[entry.book][page, title(env, page)].append((entry, place))
    return found


def render(app: Sphinx, docname: str, node: of_book, view: dict) -> list[nodes.Node]:
    made = []
    for (page, text), listed in sorted(view.items(), key=lambda of: of[0][1]):
        name = nodes.paragraph("", "", link(app, docname, page, text))
        items = [item(app, docname, entry, place) for entry, place in listed]
        group = nodes.definition_list("", *items, classes=["snippet-index"])
        made.append(nodes.container("", name, group, classes=["snippet-page"]))
    return made


def setup(app: Sphinx) -> None:
    app.add_directive("snippet-index", SnippetIndex)
    indexed.connect(app)
    connect(app, of_book, views, render)
    app.connect("env-get-outdated", outdated)
    add_script(app, of_book, "snippets.js")
