"""``.. portal-map::`` draws a map: books are regions, their pages places, links both.

Faint lines join a page with those that it builds on. Those of the page that the pointer
or the keyboard is at stand out, in one color to what comes before, in another to what
comes after.
"""

import textwrap
from collections.abc import Collection, Mapping
from itertools import accumulate
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.guide.book_map import shown
from portal.guide.drawing import COLORS, RADIUS, canvas, element, texts
from portal.guide.map_places import (
    GAP,
    HEAD,
    LINE,
    PADDING,
    ROW,
    Place,
    Region,
    Spot,
    columns,
    curve,
    height,
)
from portal.guide.reading_time import spelled, times
from portal.pages.late import connect, late
from portal.pages.prerequisites import followers, graph, in_reading_order
from portal.pages.titles import title

SIZES = {"wide": (1024, 4), "narrow": (328, 1)}  # width, columns
LEGEND = (
    "Each box is a book, each circle a page: empty for introductory pages, gray for "
    "intermediate, full for advanced ones. At a page that you point at or move to by "
    "keyboard, blue lines lead to what it builds on, orange ones to what builds on it."
)
LETTER = 7.2  # width


class portal_map(late):
    """Stands for the map."""


class PortalMap(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [portal_map("", of="all")]


class Map:
    """A drawing of the regions, in columns."""

    def __init__(self, regions: list[Region], width: int, count: int) -> None:
        self.column = (width - GAP * (count - 1)) // count
        letters = int((self.column - 2 * PADDING - 14) / LETTER)
        lines = {
            place.docname: textwrap.wrap(place.title, letters)
            for region in regions
            for place in region
        }
        heights = [
            sum(height(place, lines[place.docname]) for place in region) + PADDING
            for region in regions
        ]
        self.spots: dict[str, Spot] = {}
        self.boxes: list[dict[str, int]] = []
        bottoms: dict[int, int] = {}
        placed = columns([tall + GAP for tall in heights], count)
        for region, tall, column in zip(regions, heights, placed, strict=True):
            left, top = column * (self.column + GAP), bottoms.get(column, 1)
            self.boxes.append({"x": left + 1, "y": top, "height": tall})
            steps = [height(place, lines[place.docname]) for place in region]
            for place, down in zip(region, accumulate(steps, initial=0), strict=False):
                middle = top + down + (HEAD - 12 if not place.level else ROW // 2 + 4)
                name = place.docname
                right = left + self.column - 1
                self.spots[name] = Spot(left + PADDING, middle, right, lines[name])
            bottoms[column] = top + tall + GAP
        self.regions = regions
        self.svg = canvas(width, max(bottoms.values()) - GAP + 1, "Map of all books")

    def draw(
        self, before: Mapping[str, tuple[str, ...]], uris: Mapping[str, str]
    ) -> ElementTree.Element:
        after, spots = followers(before), self.spots
        for number, box in enumerate(self.boxes):
            kind = f"map-region map-region-{number % COLORS}"
            element(self.svg, "rect", kind, width=self.column - 2, rx=8, **box)
        lines = element(self.svg, "g", "map-far")
        for name, others in before.items():
            for other in others:
                element(lines, "path", "map-line", d=curve(spots[other], spots[name]))
        for place in (place for region in self.regions for place in region):
            link = element(self.svg, "a", href=uris[place.docname])
            link.set("aria-label", f"{place.title}, {place.note}")
            near = {"before": before, "after": after}
            for side, others in near.items():
                for other in others.get(place.docname, ()):
                    path = curve(spots[place.docname], spots[other])
                    kind = f"map-line map-near map-{side}"
                    element(link, "path", kind, d=path)
                    end = {"cx": spots[other].x, "cy": spots[other].y, "r": RADIUS + 4}
                    element(link, "circle", kind, **end)
            self.write(link, place)
        return self.svg

    def write(self, link: ElementTree.Element, place: Place) -> None:
        """What one sees of a place."""
        spot = self.spots[place.docname]
        if not place.level:
            texts(link, "map-head", spot.x - 5, spot.y, LINE, spot.lines)
            return
        element(link, "title").text = f"{place.note}. {place.summary}"
        box = {"x": spot.x + 9, "y": spot.y - ROW // 2 + 1, "rx": 4}
        box |= {
            "width": self.column - PADDING - 20,
            "height": height(place, spot.lines),
        }
        element(link, "rect", "map-box", **box)
        station = f"map-station map-{place.level}"
        element(link, "circle", station, cx=spot.x, cy=spot.y, r=RADIUS)
        texts(link, "map-name", spot.x + 14, spot.y + 4.5, LINE, spot.lines)


def regions(env: BuildEnvironment) -> tuple[list[Region], dict[str, tuple[str, ...]]]:
    """All pages, by book, after the first page of it; and what each page builds on."""
    pages = in_reading_order(env)
    books: dict[str, list[str]] = {}
    for name in pages:
        books.setdefault(name.partition("/")[0], []).append(name)
    made = []
    for book, own in books.items():
        start, total = f"{book}/index", sum(times(env)[name] for name in own)
        region = []
        if start in env.titles:
            note = f"{len(own)} pages, {spelled(total)}"
            region.append(Place(start, title(env, start), note, "", ""))
        for name in own:
            level, summary = pages[name].level, pages[name].summary
            note = f"{level.capitalize()} · {spelled(times(env)[name])}"
            region.append(Place(name, title(env, name), note, summary, level))
        made.append(region)
    return made, graph(pages)


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, tuple]:
    return dict.fromkeys(wanted, regions(env))


def render(
    app: Sphinx,
    docname: str,
    node: portal_map,
    view: tuple[list[Region], dict[str, tuple[str, ...]]],
) -> nodes.container:
    found, before = view
    names = [place.docname for region in found for place in region]
    uris = {name: app.builder.get_relative_uri(docname, name) for name in names}
    svgs = {
        size: Map(found, width, count).draw(before, uris)
        for size, (width, count) in SIZES.items()
    }
    made = shown(svgs, LEGEND)
    made.insert(0, made.pop())  # in view with the first books
    return made


def setup(app: Sphinx) -> None:
    app.add_directive("portal-map", PortalMap)
    connect(app, portal_map, views, render)
