"""``.. book-map::`` on the first page of a book draws its pages and what they build on.

Above the pages, in reading order, stand those of other books that they build on. The
map is an SVG, once for wide and once for narrow screens; each page is a link.
"""

from dataclasses import replace
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from portal.guide.drawing import Layout, Station, draw
from portal.guide.reading_time import spelled, times
from portal.pages.metadata import Metadata
from portal.pages.per_document import PerDocument
from portal.pages.prerequisites import graph, in_reading_order
from portal.pages.rewrite import changed

LAYOUTS = {"wide": Layout(760, 372), "narrow": Layout(328, 328)}
LEGEND = (
    "Lines lead from a page to those that build on it; dashed, pages of other books."
)
# The documents with a map.
mapped = PerDocument[None]("mapped")


class book_map(nodes.General, nodes.Element):
    """Stands for the map until all pages have been read."""


class drawing(nodes.General, nodes.Element):
    """A drawing, ``svg``, for screens of one ``size``."""


class BookMap(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        if not self.env.docname.endswith("/index"):
            raise self.error("book-map belongs on <book>/index.rst: move it there")
        mapped(self.env)[self.env.docname] = None
        return [book_map("")]


def station(
    env: BuildEnvironment, name: str, page: Metadata, above: tuple[int, ...] | None
) -> Station:
    """A page on the map; one of another book, without lines to it, names its book."""
    book, _, _ = name.partition("/")
    kind = page.level.capitalize()
    if above is None and f"{book}/index" in env.titles:
        kind = env.titles[f"{book}/index"].astext()
    note = f"{kind} · {spelled(times(env)[name])}"
    level = "outside" if above is None else page.level
    title = env.titles[name].astext()
    return Station(title, note, page.summary, name, level, above or ())


def stations(
    env: BuildEnvironment, pages: dict[str, Metadata], book: str
) -> list[Station]:
    """The pages of a book, in reading order, below those of others that they need.

    ``pages`` are those of all books. The address of each station is its document.
    """
    before = graph(pages)
    own = [name for name in pages if name.startswith(f"{book}/")]
    needed = {other for name in own for other in before[name]} - set(own)
    outside = [name for name in pages if name in needed]
    rows = {name: row for row, name in enumerate([*outside, *own])}
    made = [station(env, name, pages[name], None) for name in outside]
    for name in own:
        above = sorted(row for row in map(rows.get, before[name]) if row < rows[name])
        made.append(station(env, name, pages[name], tuple(above)))
    return made


def shown(app: Sphinx, docname: str, found: list[Station]) -> nodes.container:
    """The map, for screens of each size, and how to read it."""
    title = app.env.titles[docname].astext()
    linked = [
        replace(one, uri=app.builder.get_relative_uri(docname, one.uri))
        for one in found
    ]
    made = nodes.container("", classes=["page-map"])
    for size, layout in LAYOUTS.items():
        svg = draw(linked, layout, f"Map of the book {title}")
        made += drawing("", svg=ElementTree.tostring(svg, "unicode"), size=size)
    made += nodes.paragraph("", LEGEND)
    return made


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(book_map)):
        node.replace_self(shown(app, docname, app.env.portal_maps[docname]))


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Documents whose map has changed."""
    pages = in_reading_order(env)
    env.portal_maps = {
        name: stations(env, pages, name.partition("/")[0]) for name in mapped(env)
    }
    return changed(env, "maps", env.portal_maps)


def visit(self: HTML5Translator, node: drawing) -> None:
    self.body.append(self.starttag(node, "div", CLASS=f"map-{node['size']}"))
    self.body.append(f"{node['svg']}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_node(book_map)
    app.add_node(drawing, html=(visit, None))
    app.add_directive("book-map", BookMap)
    mapped.connect(app)
    app.connect("doctree-resolved", resolve)
    app.connect("env-updated", rewrite)
