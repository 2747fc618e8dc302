"""Places of the map of all books, and where they and the lines between them lie."""

from dataclasses import dataclass
from itertools import combinations, pairwise

ROW, LINE, HEAD = 24, 16, 38  # heights of a page, a further line, a book's title
GAP, PADDING = 34, 16  # between regions and, at the left, within them


@dataclass(frozen=True)
class Place:
    """A page, or the first one of a book, whose level is empty."""

    docname: str
    title: str
    note: str
    summary: str
    level: str


Region = list[Place]


@dataclass(frozen=True)
class Spot:
    """Where a place is drawn, in a box up to ``right``, with its title in lines."""

    x: int
    y: int
    right: int
    lines: list[str]


def columns(heights: list[int], count: int) -> list[int]:
    """The column of each region, in order, so that the highest one is least high.

    >>> columns([3, 1, 2, 2], 2)
    [0, 0, 1, 1]
    """
    count = min(count, len(heights))

    def highest(cuts: tuple[int, ...]) -> int:
        ends = pairwise((0, *cuts, len(heights)))
        return max(sum(heights[start:end]) for start, end in ends)

    cuts = min(combinations(range(1, len(heights)), count - 1), key=highest)
    return [sum(cut <= place for cut in cuts) for place in range(len(heights))]


def height(place: Place, lines: list[str]) -> int:
    return (ROW if place.level else HEAD) + LINE * (len(lines) - 1)


def curve(one: Spot, other: Spot) -> str:
    """Between two places: off the right edge of the left one, or along the margin.

    >>> curve(Spot(9, 20, 50, []), Spot(99, 60, 140, []))
    'M50 20C74 20 74 60 99 60'
    >>> curve(Spot(9, 20, 50, []), Spot(9, 60, 50, []))
    'M9 20C-1 20 -1 60 9 60'
    """
    left, right = sorted((one, other), key=lambda spot: spot.x)
    start, bend = left.right, (left.right + right.x) // 2
    if left.x == right.x:
        start, bend = (
            left.x,
            left.x - min(PADDING + GAP // 2, abs(one.y - other.y) // 4),
        )
    return f"M{start} {left.y}C{bend} {left.y} {bend} {right.y} {right.x} {right.y}"
