"""``.. learning-path::`` is a list of pages to read in order, with their time. ::

    .. learning-path::

       attention/self_attention
       attention/grouped_query_attention

An unknown page stops the build, and so does one that stands before another on which it
builds, at once or by way of others. What the path takes for granted, pages that it
builds on and does not hold, is said above it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from portal.guide.neighbors import Link, entry, joined, link, reference
from portal.guide.reading_time import spelled
from portal.pages.late import connect, late
from portal.pages.metadata import Metadata
from portal.pages.prerequisites import Graph, graph, in_reading_order, way
from portal.text.hint import hint

logger = logging.getLogger(__name__)


class learning_path(late):
    """Stands for the list of pages."""


@dataclass(frozen=True)
class Shown:
    """What a path shows: what it takes for granted, its pages, what is wrong."""

    granted: tuple[Link, ...]
    pages: tuple[Link, ...]
    problem: str


class LearningPath(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        pages = tuple(line.strip() for line in self.content if line.strip())
        node = learning_path("", of=pages)
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


def shown(
    env: BuildEnvironment,
    pages: dict[str, Metadata],
    before: Graph,
    names: tuple[str, ...],
) -> Shown:
    """What a path shows, of pages that exist."""
    known = [name for name in names if name in pages]
    needed = {other for name in known for other in before[name]} - set(known)
    granted = tuple(link(env, pages, name) for name in pages if name in needed)
    own = tuple(link(env, pages, name) for name in known)
    return Shown(granted, own, problem(before, names))


def views(
    env: BuildEnvironment, wanted: Collection[tuple[str, ...]]
) -> dict[tuple[str, ...], Shown]:
    pages = in_reading_order(env)
    before = graph(pages)
    return {names: shown(env, pages, before, names) for names in wanted}


def render(
    app: Sphinx, docname: str, node: learning_path, view: Shown
) -> nodes.container:
    """The path as a reader sees it."""
    if view.problem:
        text = "learning path: %s"
        logger.warning(text, view.problem, location=node, type="metadata")
    total = spelled(sum(link.minutes for link in view.pages))
    said = nodes.paragraph("", f"{len(view.pages)} pages, {total}.")
    if view.granted:
        links = [reference(app, docname, link) for link in view.granted]
        said += [nodes.Text(" It takes for granted "), *joined(links), nodes.Text(".")]
    steps = [entry(app, docname, link) for link in view.pages]
    listed = nodes.enumerated_list("", *steps)
    return nodes.container("", said, listed, classes=["learning-path"])


def setup(app: Sphinx) -> None:
    app.add_directive("learning-path", LearningPath)
    connect(app, learning_path, views, render)
