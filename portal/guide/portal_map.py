"""``.. portal-map::`` draws all pages of all books, and what builds on what."""

from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.guide.book_map import drawing
from portal.guide.constellation import Star, depths, draw
from portal.guide.reading_time import spelled, times
from portal.pages.per_document import PerDocument
from portal.pages.prerequisites import graph, in_reading_order
from portal.pages.rewrite import changed

WIDTHS = {"wide": 760, "narrow": 328}
LEGEND = (
    "Lines lead from a page to those that build on it, in the color of the book that "
    "they come from. Farther right, more lies below a page; a fuller circle is harder."
)
# The documents with a map of the portal.
mapped = PerDocument[None]("mapped_whole")


class portal_map(nodes.General, nodes.Element):
    """Stands for the map until all pages have been read."""


class PortalMap(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        mapped(self.env)[self.env.docname] = None
        return [portal_map("")]


def stars(env: BuildEnvironment) -> tuple[list[Star], dict[str, tuple[str, ...]]]:
    """All pages, below the titles of their books, and what each builds on."""
    pages = in_reading_order(env)
    before = graph(pages)
    depth = depths(before)
    books: dict[str, list[str]] = {}
    for name in pages:
        books.setdefault(name.partition("/")[0], []).append(name)
    made = []
    for book, own in books.items():
        start, total = f"{book}/index", sum(times(env)[name] for name in own)
        if start in env.titles:
            note = f"{len(own)} pages, {spelled(total)}"
            made.append(Star(start, env.titles[start].astext(), note, "", "", -1))
        for name in own:
            level, summary = pages[name].level, pages[name].summary
            note = f"{level.capitalize()} · {spelled(times(env)[name])}"
            title = env.titles[name].astext()
            made.append(Star(name, title, note, summary, level, depth[name]))
    return made, before


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(portal_map)):
        found, before = stars(app.env)
        uris = {
            star.docname: app.builder.get_relative_uri(docname, star.docname)
            for star in found
        }
        box = nodes.container("", classes=["page-map"])
        for size, width in WIDTHS.items():
            svg = ElementTree.tostring(draw(found, before, uris, width), "unicode")
            box += drawing("", svg=svg, size=size)
        box += nodes.paragraph("", LEGEND)
        node.replace_self(box)


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Documents whose map has changed."""
    return changed(env, "portal-map", dict.fromkeys(mapped(env), stars(env)))


def setup(app: Sphinx) -> None:
    app.add_node(portal_map)
    app.add_directive("portal-map", PortalMap)
    mapped.connect(app)
    app.connect("doctree-resolved", resolve)
    app.connect("env-updated", rewrite)
