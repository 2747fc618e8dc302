"""``.. learning-path::`` is a list of pages to read in order, with their time. ::

    .. learning-path::

       attention/self_attention
       attention/grouped_query_attention

An unknown page stops the build, and so does one that stands before another on which it
builds, at once or by way of others. What the path takes for granted, pages that it
builds on and does not hold, is said above it.
"""

from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from portal.guide.neighbors import Link, entry, joined, link, reference
from portal.guide.reading_time import spelled
from portal.pages.per_document import PerDocument
from portal.pages.prerequisites import Graph, graph, in_reading_order, way
from portal.pages.rewrite import changed
from portal.text.hint import hint

logger = logging.getLogger(__name__)
# The pages of each path, by document.
paths = PerDocument[list[tuple[str, ...]]]("paths")


class learning_path(nodes.General, nodes.Element):
    """Stands for the list of ``pages`` until all have been read."""


@dataclass(frozen=True)
class Shown:
    """What a path shows: what it takes for granted, and its pages."""

    granted: tuple[Link, ...]
    pages: tuple[Link, ...]


class LearningPath(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        pages = tuple(line.strip() for line in self.content if line.strip())
        paths(self.env).setdefault(self.env.docname, []).append(pages)
        node = learning_path("", pages=pages)
        self.set_source_info(node)
        return [node]


def problem(before: Graph, pages: tuple[str, ...]) -> str:
    """What is wrong with a path; empty if nothing is.

    >>> before = {"a": (), "b": ("a",), "c": ("b",)}
    >>> problem(before, ("a", "c")), problem(before, ("c", "a"))
    ('', 'c comes before a, which it builds on')
    >>> problem(before, ("a", "d")), problem(before, ("a", "a"))
    ("there is no page 'd'; choose from a, b, c", 'a is listed twice')
    """
    for place, name in enumerate(pages):
        if name not in before:
            return f"there is no page {name!r}; {hint(name, before)}"
        if name in pages[:place]:
            return f"{name} is listed twice"
    for place, name in enumerate(pages):
        if late := set(way(before, name)) & set(pages[place:]):
            return f"{name} comes before {min(late)}, which it builds on"
    return ""


def shown(env: BuildEnvironment, names: tuple[str, ...]) -> Shown:
    """What a path shows, of pages that exist."""
    pages = in_reading_order(env)
    before = graph(pages)
    known = [name for name in names if name in pages]
    needed = {other for name in known for other in before[name]} - set(known)
    granted = tuple(link(env, pages, name) for name in pages if name in needed)
    return Shown(granted, tuple(link(env, pages, name) for name in known))


def listed(app: Sphinx, docname: str, path: Shown) -> list[nodes.Node]:
    """The path as a reader sees it."""
    total = spelled(sum(link.minutes for link in path.pages))
    said = nodes.paragraph("", f"{len(path.pages)} pages, {total}.")
    if path.granted:
        links = [reference(app, docname, link) for link in path.granted]
        said += [nodes.Text(" It takes for granted "), *joined(links), nodes.Text(".")]
    steps = [entry(app, docname, link) for link in path.pages]
    return [said, nodes.enumerated_list("", *steps)]


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(learning_path)):
        if wrong := problem(graph(in_reading_order(app.env)), node["pages"]):
            logger.warning("learning path: %s", wrong, location=node, type="metadata")
        content = listed(app, docname, shown(app.env, node["pages"]))
        node.replace_self(nodes.container("", *content, classes=["learning-path"]))


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Documents with a path that shows something else, or has become wrong."""
    before = graph(in_reading_order(env))
    views = {
        docname: [(shown(env, names), problem(before, names)) for names in own]
        for docname, own in paths(env).items()
    }
    return changed(env, "paths", views)


def setup(app: Sphinx) -> None:
    app.add_node(learning_path)
    app.add_directive("learning-path", LearningPath)
    paths.connect(app)
    app.connect("doctree-resolved", resolve)
    app.connect("env-updated", rewrite)
