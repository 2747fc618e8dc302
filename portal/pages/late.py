"""What a page shows of others is filled in when all pages have been read. ::

    class reading_time(late):                  # a module: stands for a time
    reading_time("", of="attention/rope")      # a directive: for that of this page
    connect(app, reading_time, views, render)  # the module's setup

``views(env, wanted)`` gives what is shown for each ``of`` that pages ask for, as plain
data, and ``render(app, docname, node, view)`` the nodes to show. A page is written
again when one of its views has changed.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.order import Read
from portal.pages.per_document import PerDocument
from portal.pages.rewrite import changed

Views = Callable[[BuildEnvironment, Collection[Any]], Mapping[Any, Any]]
Render = Callable[[Sphinx, str, Any, Any], nodes.Node | list[nodes.Node]]

# What each document asks for, by the kind of node.
asked = PerDocument[dict[str, list[Hashable]]]("asked")


class late(nodes.General, nodes.Inline, nodes.Element):
    """Stands for what follows from other pages until all have been read."""


def note(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what the document that was read asks for."""
    found: dict[str, list[Hashable]] = {}
    for node in doctree.findall(late):
        found.setdefault(node.tagname, []).append(node["of"])
    asked(app.env)[app.env.docname] = found


def holding(env: BuildEnvironment, kind: type[late]) -> list[str]:
    """The documents with a node of a kind."""
    return [name for name, found in asked(env).items() if kind.__name__ in found]


def add_script(app: Sphinx, kind: type[late], file: str) -> None:
    """Have the pages that hold nodes of a kind load a script, and no others."""

    def add(app: Sphinx, pagename: str, _: str, context: dict, *__: object) -> None:
        if pagename in holding(app.env, kind):
            app.add_js_file(file, loading_method="defer")

    app.connect("html-page-context", add)


def connect(app: Sphinx, kind: type[late], views: Views, render: Render) -> None:
    """Have nodes of a kind filled in, and the pages that hold them written again."""
    name = kind.__name__

    def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
        wanted = {page: asked(env)[page][name] for page in holding(env, kind)}
        every = {one for own in wanted.values() for one in own}
        known = views(env, every) if every else {}
        env.__dict__.setdefault("portal_views", {})[name] = known
        shown = {page: [known[one] for one in own] for page, own in wanted.items()}
        return changed(env, name, shown)

    def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
        for node in list(doctree.findall(kind)):
            view = app.env.portal_views[name][node["of"]]
            node.replace_self(render(app, docname, node, view))

    app.add_node(kind)
    app.connect("env-updated", rewrite)
    app.connect("doctree-resolved", resolve)


def setup(app: Sphinx) -> None:
    asked.connect(app)
    app.connect("doctree-read", note, priority=Read.LATE)
