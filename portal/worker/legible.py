"""Can everything that a figure draws be seen on both pages, the light and the dark?

The colors of the style have a counterpart on the dark page, and so has pure black
(what one writes for ink), which becomes the foreground of the style. Any other color
of a text or line must stand out from both pages, and a shape that is seen on the light
page must be on the dark one. A text on a filled shape must stand out from the shape;
what lies on an image, and colors that a color map gives to data, are left alone. No
text may reach beyond the edge of the figure.
"""

from collections.abc import Iterator

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from portal.worker.inks import Ink, inks

PAGES = {"light": "#ffffff", "dark": "#131416"}
LEAST = 2.0  # contrast; below it a thin line is lost
SLACK = 2  # dots by which a text's box, which has some air, may leave the figure


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


def replace_black(figure: Figure, ink: str) -> bool:
    """Set what is black and lies on the page itself to be drawn in the foreground.

    The figure has been drawn, so that all is in its place; returns whether it must be
    drawn again.
    """
    found = False
    for one in list(inks(figure)):
        text = one.artist if isinstance(one.artist, Text) else None
        if one.has_black and not on_image(one) and not (text and ground(text)):
            one.replace_black(ink)
            found = True
    return found


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


def unseen_labels(figure: Figure) -> Iterator[Text]:
    """Those of ticks that an axis has in store outside of what it shows."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            scaled = axis.get_transform().transform
            low, high = sorted(scaled(axis.get_view_interval()))
            margin = 1e-6 * (high - low)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                (place,) = scaled(np.array([tick.get_loc()]))
                if not low - margin <= place <= high + margin:
                    yield from (tick.label1, tick.label2)


def cut_off(figure: Figure) -> Iterator[Ink]:
    """Texts that the edge of the figure cuts off."""
    edge, unseen = figure.bbox.padded(SLACK), set(unseen_labels(figure))
    for ink in inks(figure):
        if isinstance(ink.artist, Text) and ink.artist not in unseen:
            box = ink.artist.get_window_extent()
            if not (edge.contains(box.x0, box.y0) and edge.contains(box.x1, box.y1)):
                yield ink


def check(figure: Figure, dark: dict[str, str]) -> None:
    """Want all of a figure, just drawn in its own resolution, to be seen on both pages.

    Raises
    ------
    ValueError
        If something is not; the message names it, its color and the page.
    """
    if cut := [ink.name for ink in cut_off(figure)]:
        advice = "make the figure larger or the text shorter"
        raise ValueError(f"the edge cuts off {', '.join(cut)}: {advice}")
    wrong = [
        f"{ink.name} in {color} cannot be seen on the {theme} page"
        for ink in inks(figure)
        if not on_image(ink)
        for color, theme in lost(ink, dark)
    ]
    if wrong:
        advice = "leave the color out, or take one of C0 to C5, or 0.5"
        raise ValueError(f"{'; '.join(wrong)}: {advice}")
