"""``.. snippet-index::`` lists every public function and class of ``snippets/``.

By book and from A to Z: its signature, the first line of its docstring, and the page
that shows it. An entry whose listing stands on
no page leads to the article of its module, or else to one whose code imports it.
"""

from collections import Counter
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.overview.snippet_entries import Entry, entries, files, modules, tree, users
from portal.pages.per_document import PerDocument
from portal.pages.rewrite import changed

# The documents with the index.
indexed = PerDocument[None]("indexed")


class shown_on(nodes.Inline, nodes.Element):
    """Stands for the link to the page of one entry until all pages have been read."""


def item(entry: Entry, user: str) -> nodes.definition_list_item:
    name = nodes.strong("", entry.name)
    code = nodes.literal("", "", name, nodes.Text(entry.signature))
    link = shown_on("", dotted=f"snippets.{entry.anchor}", user=user)
    said = nodes.paragraph("", f"{entry.summary} " if entry.summary else "")
    said += nodes.inline("", "", link)
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
        indexed(self.env)[self.env.docname] = None
        root = Path(self.env.srcdir).parent
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
    new = [str(file) for file in files(Path(app.confdir))]
    old, env.portal_snippet_files = getattr(env, "portal_snippet_files", []), new
    return list(indexed(env)) if old != new else []


def places(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Page and anchor of each listing, by its dotted name."""
    return {
        name: (found.docname, found.node_id)
        for name, found in env.domains.python_domain.objects.items()
        if name.startswith("snippets.")
    }


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The index, when a listing has moved or a title has changed."""
    titles = {name: title.astext() for name, title in sorted(env.titles.items())}
    shown = (sorted(places(env).items()), titles)
    return changed(env, "snippet-index", dict.fromkeys(indexed(env), shown))


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    found = places(app.env) if docname in indexed(app.env) else {}
    for node in list(doctree.findall(shown_on)):
        page, anchor = found.get(node["dotted"], (node["user"], ""))
        if page not in app.env.titles:
            node.parent.remove(node)
            continue
        uri = app.builder.get_relative_uri(docname, page) + f"#{anchor}" * bool(anchor)
        title = app.env.titles[page].astext()
        node.replace_self(nodes.reference("", title, refuri=uri, internal=True))


def setup(app: Sphinx) -> None:
    app.add_node(shown_on)
    app.add_directive("snippet-index", SnippetIndex)
    indexed.connect(app)
    app.connect("env-get-outdated", outdated)
    app.connect("env-updated", rewrite)
    app.connect("doctree-resolved", resolve)
