"""A map of stations below each other, with lines from pages to what builds on them.

Every station is a link with a tooltip, so the drawing works by keyboard; its colors
come from classes, so it follows the theme.
"""

import textwrap
from dataclasses import dataclass
from xml.etree import ElementTree

NAMESPACE = "http://www.w3.org/2000/svg"
LANE, RAIL = 13.0, 90.0  # pixels between two lines, and of all of them at most
RADIUS = 5.5  # of a station
TITLE, NOTE = 19.0, 16.0  # heights of lines of text
WIDE, SLIM = 9.2, 7.2  # widths of a letter in them, in the widest of usual fonts
PADDING = 9.0
COLORS = 6


@dataclass(frozen=True)
class Station:
    """A page on a map; lines lead to it from the stations ``before``, all above it."""

    title: str
    note: str
    summary: str
    uri: str
    level: str  # or `outside`: a page of another book
    before: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The width of a map, and where summaries begin beside the titles."""

    width: int
    beside: int


def lanes(before: list[tuple[int, ...]]) -> dict[int, int]:
    """The lane, counted from the stations, of each station with lines past the next.

    >>> lanes([(), (0,), (1,), (0, 1)])
    {1: 0, 0: 1}
    """
    ends = {
        above: row
        for row, rows in enumerate(before)
        for above in rows
        if row > above + 1
    }
    taken: list[list[tuple[int, int]]] = []
    found = {}
    for start, end in sorted(ends.items(), key=lambda pair: (pair[1] - pair[0], pair)):
        fits = (
            lane
            for lane, others in enumerate(taken)
            if all(end < first or last < start for first, last in others)
        )
        found[start] = next(fits, len(taken))
        if found[start] == len(taken):
            taken.append([])
        taken[found[start]].append((start, end))
    return found


def line(x: float, left: float, top: float, bottom: float) -> str:
    """The path from the station at ``top`` to that at ``bottom``, by way of ``left``.

    >>> line(50, 50, 10, 40)
    'M50 15.5V34.5'
    """
    if left == x:
        return f"M{x:g} {top + RADIUS:g}V{bottom - RADIUS:g}"
    bend = min(LANE / 2, x - RADIUS - left)
    start, end = left + bend, x - RADIUS
    return (
        f"M{end:g} {top:g}H{start:g}Q{left:g} {top:g} {left:g} {top + bend:g}"
        f"V{bottom - bend:g}Q{left:g} {bottom:g} {start:g} {bottom:g}H{end:g}"
    )


def element(
    parent: ElementTree.Element | None, tag: str, name: str = "", **attributes: object
) -> ElementTree.Element:
    """A part of the drawing, of the class ``name``."""
    given = {
        key: f"{value:g}" if isinstance(value, float) else str(value)
        for key, value in attributes.items()
    }
    if name:
        given["class"] = name
    if parent is None:
        return ElementTree.Element(tag, given)
    return ElementTree.SubElement(parent, tag, given)


def canvas(width: int, height: float, label: str) -> ElementTree.Element:
    """An empty drawing; ``label`` says what it is."""
    size = {"width": width, "height": height, "viewBox": f"0 0 {width} {height:g}"}
    svg = element(None, "svg", role="group", xmlns=NAMESPACE, **size)
    svg.set("aria-label", label)
    return svg


def texts(
    parent: ElementTree.Element,
    name: str,
    x: float,
    y: float,
    step: float,
    lines: list[str],
) -> None:
    """Lines of text, the first on the base line ``y``."""
    for number, text in enumerate(lines):
        element(parent, "text", name, x=x, y=y + step * number).text = text


def draw(stations: list[Station], layout: Layout, label: str) -> ElementTree.Element:
    """The map; ``label`` says what it is a map of."""
    lane = lanes([station.before for station in stations])
    count = max(lane.values(), default=-1) + 1
    step = min(LANE, RAIL / max(count, 1))
    x = step * count + RADIUS + 4
    blocks = [words(station, layout, x) for station in stations]
    heights = [
        max(TITLE * len(titles) + NOTE, NOTE * len(summary)) + 2 * PADDING
        for titles, summary in blocks
    ]
    tops = [sum(heights[:row]) for row in range(len(heights) + 1)]
    middles = [top + PADDING + TITLE / 2 for top in tops]
    svg = canvas(layout.width, tops[-1], label)
    for row, station in enumerate(stations):
        link = element(svg, "a", href=station.uri)
        link.set("aria-label", f"{station.title}, {station.note}")
        element(link, "title").text = station.summary
        box = {"width": layout.width - x - 11, "height": heights[row] - 4}
        element(link, "rect", "map-box", x=x + 10, y=tops[row] + 2, rx=4, **box)
        for above in station.before:
            left = x - 3 - step * (lane[above] + 1) if row > above + 1 else x
            color = f"map-line map-line-{above % COLORS}"
            element(link, "path", color, d=line(x, left, middles[above], middles[row]))
        kind = f"map-station map-{station.level}"
        element(link, "circle", kind, cx=x, cy=middles[row], r=RADIUS)
        y, (titles, summary) = tops[row] + PADDING + 14, blocks[row]
        texts(link, "map-title", x + 18, y, TITLE, titles)
        below = y + TITLE * len(titles) - 1
        texts(link, "map-note", x + 18, below, NOTE, [station.note])
        texts(link, "map-note", layout.beside, y - 1, NOTE, summary)
    return svg


def words(station: Station, layout: Layout, x: float) -> tuple[list[str], list[str]]:
    """The lines of the title and those of the summary beside it, if there is room."""
    title = textwrap.wrap(station.title, int((layout.beside - x - 24) / WIDE))
    room = (layout.width - layout.beside) / SLIM
    return title, textwrap.wrap(station.summary, int(room)) if room > 1 else []
