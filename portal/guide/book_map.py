"""``.. book-map::`` on the first page of a book draws its pages and what they build on.

Above the pages, in reading order, stand those of other books that they build on. The
map is an SVG, once for wide and once for narrow screens; each page is a link.
"""

from collections.abc import Collection
from dataclasses import replace
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from portal.guide.drawing import Layout, Station, draw
from portal.guide.reading_time import spelled, times
from portal.pages.late import connect, late
from portal.pages.metadata import Metadata
from portal.pages.prerequisites import graph, in_reading_order
from portal.pages.titles import book_title, title

LAYOUTS = {"wide": Layout(760, 372), "narrow": Layout(328, 328)}
LEGEND = (
    "Lines lead from a page to those that build on it. Dashed boxes are pages of other "
    "books."
)


class book_map(late):
    """Stands for the map of a book."""


class drawing(nodes.General, nodes.Element):
    """A drawing, ``svg``, for screens of one ``size``."""


class BookMap(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        book, _, page = self.env.docname.rpartition("/")
        if page != "index" or not book:
            raise self.error("book-map belongs on <book>/index.rst: move it there")
        return [book_map("", of=book)]


def station(
    env: BuildEnvironment, name: str, page: Metadata, above: tuple[int, ...] | None
) -> Station:
    """A page on the map; one of another book, without lines to it, names its book."""
    book, _, _ = name.partition("/")
    kind = page.level.capitalize()
    if above is None and f"{book}/index" in env.titles:
        kind = book_title(env, book)
    note = f"{kind} · {spelled(times(env)[name])}"
    level = "outside" if above is None else page.level
    return Station(title(env, name), note, page.summary, name, level, above or ())


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


def views(env: BuildEnvironment, books: Collection[str]) -> dict[str, list[Station]]:
    pages = in_reading_order(env)
    return {book: stations(env, pages, book) for book in books}


def render(
    app: Sphinx, docname: str, node: book_map, found: list[Station]
) -> nodes.container:
    """The map, for screens of each size, and how to read it."""
    label = f"Map of the book {title(app.env, docname)}"
    linked = [
        replace(one, uri=app.builder.get_relative_uri(docname, one.uri))
        for one in found
    ]
    svgs = {size: draw(linked, layout, label) for size, layout in LAYOUTS.items()}
    return shown(svgs, LEGEND)


def shown(svgs: dict[str, ElementTree.Element], legend: str) -> nodes.container:
    """A map, of which each drawing is for screens of one size."""
    made = nodes.container("", classes=["page-map"])
    for size, svg in svgs.items():
        made += drawing("", svg=ElementTree.tostring(svg, "unicode"), size=size)
    made += nodes.paragraph("", legend)
    return made


def visit(self: HTML5Translator, node: drawing) -> None:
    self.body.append(self.starttag(node, "div", CLASS=f"map-{node['size']}"))
    self.body.append(f"{node['svg']}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_node(drawing, html=(visit, None))
    app.add_directive("book-map", BookMap)
    connect(app, book_map, views, render)
