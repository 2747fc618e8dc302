"""``.. portal-map::`` draws all pages of all books, and what builds on what.

Pages stand below each other, farther right the more they build on. A curve leads to
each page from those that it builds on, also across books, in the color of the book that
it comes from. Pages and books are links, with tooltips.
"""

import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.guide.book_map import shown
from portal.guide.drawing import COLORS, RADIUS, canvas, element, texts
from portal.guide.reading_time import spelled, times
from portal.pages.late import connect, late
from portal.pages.prerequisites import Graph, graph, in_reading_order, way
from portal.pages.titles import title

WIDTHS = {"wide": 760, "narrow": 328}
LEGEND = (
    "Lines lead from a page to those that build on it, in the color of the book that "
    "they come from. Farther right, more lies below a page; a fuller circle is harder."
)
ROW, LINE, HEAD = 24.0, 16.0, 44.0  # heights of a page, a further line, a book's title
LETTER = 7.9  # width


class portal_map(late):
    """Stands for the map."""


class PortalMap(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [portal_map("", of="all")]


@dataclass(frozen=True)
class Star:
    """A page or, if ``depth`` is negative, the title of a book."""

    docname: str
    title: str
    note: str
    summary: str
    level: str
    depth: int


def depths(before: Graph) -> dict[str, int]:
    """How many pages there are below each, one building on the other.

    >>> depths({"c": ("a", "b"), "b": ("a",), "a": ()})
    {'a': 0, 'b': 1, 'c': 2}
    """
    found: dict[str, int] = {}
    seen: set[str] = set()
    for name in before:
        if name not in seen:
            seen.add(name)
            for one in [*way(before, name, seen), name]:
                found[one] = 1 + max(
                    (found.get(o, -1) for o in before[one]), default=-1
                )
    return found


def draw(
    stars: list[Star], before: Graph, uris: Mapping[str, str], width: int
) -> ElementTree.Element:
    """The map, ``width`` pixels wide."""
    step = 0.4 * width / max(1, *(star.depth + 1 for star in stars))
    xs = [round(RADIUS + 4 + step * max(star.depth, 0)) for star in stars]
    titles = [
        textwrap.wrap(star.title, int((width - x - 16) / LETTER))
        for star, x in zip(stars, xs, strict=True)
    ]
    ys, bottom = [], 0.0
    for star, lines in zip(stars, titles, strict=True):
        head = star.depth < 0
        ys.append(bottom + (HEAD - 14 if head else ROW / 2))
        bottom += HEAD if head else ROW + LINE * (len(lines) - 1)
    places = {star.docname: row for row, star in enumerate(stars)}
    books = list(dict.fromkeys(star.docname.partition("/")[0] for star in stars))
    svg = canvas(width, bottom, "Map of all books")
    curves = element(svg, "g", "map-far")
    for row, star in enumerate(stars):
        link = element(svg, "a", href=uris[star.docname])
        link.set("aria-label", f"{star.title}, {star.note}")
        if star.depth < 0:
            texts(link, "map-head", 1, ys[row], ROW, [star.title])
            continue
        element(link, "title").text = f"{star.note}. {star.summary}"
        for other in before[star.docname]:
            above = places[other]
            color = books.index(other.partition("/")[0]) % COLORS
            path = curve(xs[above], ys[above], xs[row], ys[row])
            element(curves, "path", f"map-line map-line-{color}", d=path)
            element(link, "path", f"map-line map-line-{color} map-near", d=path)
        box = {"x": xs[row] + 9, "y": ys[row] - ROW / 2 + 1, "rx": 4}
        height = ROW + LINE * (len(titles[row]) - 1) - 2
        element(
            link, "rect", "map-box", width=width - xs[row] - 10, height=height, **box
        )
        kind = f"map-station map-{star.level}"
        element(link, "circle", kind, cx=xs[row], cy=ys[row], r=RADIUS)
        texts(link, "map-name", xs[row] + 14, ys[row] + 4.5, LINE, titles[row])
    return svg


def curve(*ends: float) -> str:
    """From a page to one that builds on it: off vertically, and in from the left.

    >>> curve(9, 20, 40, 60.4)
    'M9 20C9 40 9 60 40 60'
    """
    x, y, right, down = map(round, ends)
    return f"M{x} {y}C{x} {(y + down) // 2} {x} {down} {right} {down}"


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
            made.append(Star(start, title(env, start), note, "", "", -1))
        for name in own:
            level, summary = pages[name].level, pages[name].summary
            note = f"{level.capitalize()} · {spelled(times(env)[name])}"
            made.append(Star(name, title(env, name), note, summary, level, depth[name]))
    return made, before


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, tuple]:
    return dict.fromkeys(wanted, stars(env))


def render(
    app: Sphinx, docname: str, node: portal_map, view: tuple[list[Star], Graph]
) -> nodes.container:
    found, before = view
    names = [star.docname for star in found]
    uris = {name: app.builder.get_relative_uri(docname, name) for name in names}
    svgs = {size: draw(found, before, uris, width) for size, width in WIDTHS.items()}
    return shown(svgs, LEGEND)


def setup(app: Sphinx) -> None:
    app.add_directive("portal-map", PortalMap)
    connect(app, portal_map, views, render)
