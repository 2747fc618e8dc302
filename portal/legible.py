"""Can everything that a figure draws be seen on both pages, the light and the dark?

The colors of the style have a counterpart on the dark page, and so has pure black
(what one writes for ink), which becomes the foreground of the style. Any other color
of a text or line must stand out from both pages, and a shape that is seen on the light
page must be on the dark one. A text on a filled shape must stand out from the shape;
what lies on an image, and colors that a color map gives to data, are left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgb, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

PAGES = {"light": "#ffffff", "dark": "#131416"}
LEAST = 2.0  # contrast; below it a thin line is lost
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

    def replace_black(self, ink: str) -> None:
        colors = to_rgba_array(getattr(self.artist, f"get_{self.part}")())
        black = (colors[:, :3] == 0).all(axis=1) & (colors[:, 3] > 0)
        if black.any():
            colors[black, :3] = to_rgb(ink)
            new = colors if isinstance(self.artist, Collection) else colors[0]
            getattr(self.artist, f"set_{self.part}")(new)


def contrast(first: object, second: object) -> float:
    """That of WCAG 2.1, from 1 to 21.

    >>> contrast("white", "black")
    21.0
    """

    def luminance(color: object) -> float:
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in to_rgb(color)
        ]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    low, high = sorted([luminance(first), luminance(second)])
    return round((high + 0.05) / (low + 0.05), 3)


def drawn(artist: Artist) -> Iterator[Artist]:
    """It and all that is drawn with it."""
    if artist.get_visible():
        yield artist
        parts = [*artist.get_children()]
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


def center(artist: Artist) -> tuple[float, float]:
    """Where it lies on the figure; not a number if it is empty."""
    box = artist.get_window_extent()
    with np.errstate(invalid="ignore"):
        return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def on_image(ink: Ink) -> bool:
    """Whether it lies on an image or on cells of a color map."""
    axes = ink.artist.axes
    if axes is None:
        return False
    maps = [one for one in axes.collections if one.get_array() is not None]
    place = None
    for image in [*axes.images, *maps]:
        if isinstance(image, AxesImage) or image.get_array().ndim == 2:
            place = place or center(ink.artist)
            if image.get_window_extent().contains(*place):
                return True
    return False


def ground(text: Text) -> str | None:
    """The color of the filled shape that a text lies on, if it lies on one."""
    box = text.get_bbox_patch()
    shapes = [] if text.axes is None else [text.axes.patch, *text.axes.patches]
    place, found = center(text), None
    for shape in [*shapes, *([box] if box else [])]:
        color = shape.get_facecolor()
        under = shape is box or shape.get_zorder() <= text.get_zorder()
        if color[3] > 0.5 and under and (shape is box or shape.contains_point(place)):
            found = to_hex(color)
    return found


def replace_black(figure: Figure, ink: str) -> None:
    """Draw in the foreground what is black and lies on the page itself."""
    black = [one for one in inks(figure) if (one.colors[:, :3] == 0).all(1).any()]
    if black:
        figure.draw_without_rendering()  # so that all is in its place
    for one in black:
        text = one.artist if isinstance(one.artist, Text) else None
        if not on_image(one) and not (text and ground(text)):
            one.replace_black(ink)


def stands_out(
    color: np.ndarray, under: str | None, theme: str, dark: dict[str, str]
) -> bool:
    """Whether a color, through its opacity, can be told from what it lies on."""
    swap = dark if theme == "dark" else {}
    full, page = to_hex(color[:3]), PAGES[theme]
    below = np.array(to_rgb(swap.get(under, under) or page))
    own = np.array(to_rgb(swap.get(full, full)))
    return contrast(own * color[3] + below * (1 - color[3]), below) >= LEAST


def lost(ink: Ink, dark: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Colors that cannot be seen, each with the page on which it cannot.

    The fill and the edge of a shape may be as light as the page: one sees that.
    """
    under = ground(ink.artist) if isinstance(ink.artist, Text) else None
    for color in np.unique(ink.colors, axis=0):
        full = to_hex(color[:3])
        if full in dark and (under is None or under in dark):
            continue  # how the colors of the style go together is not the script's part
        light, night = (stands_out(color, under, theme, dark) for theme in PAGES)
        if not light and ink.part == "color":
            yield full, "light"
        elif light and not night:
            yield full, "dark"


def problems(figure: Figure, dark: dict[str, str]) -> Iterator[str]:
    """What cannot be seen on a figure that has been drawn."""
    for ink in inks(figure):
        if not on_image(ink):
            for color, theme in lost(ink, dark):
                yield (
                    f"{ink.name} in {color} cannot be seen on the {theme} page: leave "
                    "its color out, or take one of C0 to C5, or 0.5"
                )
