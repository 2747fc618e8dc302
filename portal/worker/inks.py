"""The colors in which a figure draws: each with what it colors, and how to set it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

UNDRAWN = (None, "None", "none", " ", "")
PARTS = {
    Text: ("color",),
    Line2D: ("color", "markeredgecolor", "markerfacecolor"),
    Patch: ("edgecolor", "facecolor"),
    Collection: ("edgecolor", "facecolor"),
}


@dataclass(frozen=True)
class Ink:
    """One of the colors, or lists of colors, of something drawn."""

    artist: Artist
    part: str

    @property
    def colors(self) -> np.ndarray:
        """Those that can be seen at all, with their opacity."""
        colors = to_rgba_array(getattr(self.artist, f"get_{self.part}")())
        return colors[colors[:, 3] > 0]

    @property
    def name(self) -> str:
        if isinstance(self.artist, Text):
            return f"the text {self.artist.get_text()!r}"
        label = str(self.artist.get_label())
        kind = type(self.artist).__name__
        return f"a {kind}" if label.startswith("_") or not label else f"{label!r}"

    @property
    def has_black(self) -> bool:
        return bool((self.colors[:, :3] == 0).all(axis=1).any())

    def replace_black(self, ink: str) -> None:
        colors = to_rgba_array(getattr(self.artist, f"get_{self.part}")())
        black = (colors[:, :3] == 0).all(axis=1) & (colors[:, 3] > 0)
        colors[black, :3] = to_rgb(ink)
        new = colors if isinstance(self.artist, Collection) else colors[0]
        getattr(self.artist, f"set_{self.part}")(new)


def drawn(artist: Artist) -> Iterator[Artist]:
    """It and all that is drawn with it."""
    if artist.get_visible():
        yield artist
        parts = [*artist.get_children()]
        if isinstance(artist, Axes) and not artist.axison:
            parts = [part for part in parts if not isinstance(part, Axis)]
        if isinstance(artist, Text):
            parts += [artist.get_bbox_patch(), getattr(artist, "arrow_patch", None)]
        for part in filter(None, parts):
            yield from drawn(part)


def inks(figure: Figure) -> Iterator[Ink]:
    """The colors of everything but images and data with a color map."""
    for artist in drawn(figure):
        for kind, parts in PARTS.items():
            if isinstance(artist, kind):
                made = (Ink(artist, part) for part in parts)
                yield from (ink for ink in made if is_used(ink) and len(ink.colors))


def is_used(ink: Ink) -> bool:
    """Whether anything is drawn in it."""
    match ink.artist:
        case Text():
            return bool(ink.artist.get_text().strip())
        case Line2D() if ink.part == "color":
            return ink.artist.get_linestyle() not in UNDRAWN
        case Line2D():
            return ink.artist.get_marker() not in UNDRAWN
        case Collection():
            return ink.artist.get_array() is None
    return ink.part == "facecolor" or ink.artist.get_linewidth() > 0
