"""``.. snippet-index::`` lists every public function and class of ``snippets/``.

By book and from A to Z: its signature, the first line of its docstring, and the page
that shows it. An entry whose listing stands on
no page leads to the article of its module, or else to one whose code imports it.
"""

import re
from collections import Counter
from collections.abc import Collection
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.overview.snippet_entries import Entry, entries, files, modules, tree, users
from portal.pages.late import connect, late
from portal.pages.per_document import PerDocument
from portal.pages.titles import link, title

# The files whose functions each document with the index lists.
indexed = PerDocument[list[Path]]("indexed")


class shown_on(late):
    """Stands for the link to the page of one entry: its name, and a user's page."""


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


def item(entry: Entry, user: str) -> nodes.definition_list_item:
    name = nodes.strong("", entry.name)
    code = nodes.literal("", "", name, nodes.Text(entry.signature))
    page = shown_on("", of=(f"snippets.{entry.anchor}", user))
    said = nodes.paragraph("", "", *shown(f"{entry.summary} " if entry.summary else ""))
    said += nodes.inline("", "", page)
    term = nodes.term("", "", code, ids=[entry.anchor])
    return nodes.definition_list_item("", term, nodes.definition("", said))


def section(title: str, anchor: str, *children: nodes.Node) -> nodes.section:
    return nodes.section("", nodes.title("", title), *children, ids=[anchor])


def alphabet(found: list[Entry]) -> nodes.definition_list:
    """Links to all entries by first letter; a name of two modules is told apart."""
    ordered = sorted(found, key=lambda entry: (entry.name.lower(), entry.module))
    counts = Counter(entry.name for entry in ordered)
    made = nodes.definition_list(classes=["snippet-letters"])
    for letter, group in groupby(ordered, key=lambda entry: entry.name[0].upper()):
        links = nodes.paragraph()
        for entry in group:
            twin = f" ({entry.module})" if counts[entry.name] > 1 else ""
            links += nodes.reference("", entry.name + twin, refid=entry.anchor)
            links += nodes.Text(" ")
        term, text = nodes.term("", letter), nodes.definition("", links)
        made += nodes.definition_list_item("", term, text)
    return made


class SnippetIndex(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir).parent
        indexed(self.env)[self.env.docname] = files(root)
        for file in files(root):
            self.env.note_dependency(file)
        try:
            found = [
                entry
                for module, path in modules(root).items()
                for entry in entries(module, tree(path))
            ]
            used = users(root)
        except SyntaxError as problem:
            place = f"{problem.filename}:{problem.lineno}"
            raise self.error(f"snippet-index: {place}: {problem.msg}") from problem
        made = [section("A to Z", "a-to-z", alphabet(found))]
        for book, group in groupby(found, key=lambda entry: entry.book):
            items = [item(entry, used.get(entry.module, "")) for entry in group]
            listed = nodes.definition_list("", *items, classes=["snippet-index"])
            made.append(section(book.capitalize(), f"book-{book}", listed))
        return made


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
) -> list[str]:
    """The index, when a file has come or gone; others are its dependencies."""
    found = files(Path(env.srcdir).parent)
    return [name for name, listed in indexed(env).items() if listed != found]


def views(
    env: BuildEnvironment, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Page, anchor there and title of each entry; nothing where no page shows it."""
    listings = env.domains.python_domain.objects
    found = {}
    for name, user in wanted:
        shown = listings.get(name)
        page, anchor = (shown.docname, shown.node_id) if shown else (user, "")
        known = page in env.titles
        found[name, user] = (page, anchor, title(env, page)) if known else ()
    return found


def render(
    app: Sphinx, docname: str, node: shown_on, view: tuple[str, str, str]
) -> list[nodes.Node]:
    if not view:
        return []
    page, anchor, text = view
    return [link(app, docname, page, text, anchor)]


def setup(app: Sphinx) -> None:
    app.add_directive("snippet-index", SnippetIndex)
    indexed.connect(app)
    connect(app, shown_on, views, render)
    app.connect("env-get-outdated", outdated)
