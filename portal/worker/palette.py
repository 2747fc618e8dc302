"""The colors of the style, and how a drawing is put into those of the dark theme."""

import re
from typing import TypeVar

import numpy as np
from matplotlib.colors import to_rgb

DARK = {  # light color: dark color
    "#1f2328": "#e4e6ea",  # text and axes
    "#d5d8dd": "#454a52",  # grid
    "#2563b0": "#7db3f5",
    "#c2500a": "#f2a05f",
    "#1d7a4a": "#6fcf97",
    "#a3278f": "#e58fd6",
    "#8a6a00": "#dcbc4e",
    "#0f7a8a": "#63cfdf",
}
FOREGROUND, GRID, *CYCLE = DARK
LIGHT_RGB = np.array([to_rgb(color) for color in DARK])
DARK_RGB = np.array([to_rgb(color) for color in DARK.values()])

Color = TypeVar("Color", tuple, np.ndarray, None)


def darken(svg: str) -> str:
    """The same drawing in the colors of the dark theme.

    >>> darken('<path style="fill: #1f2328"/>')
    '<path style="fill: #e4e6ea"/>'
    """
    return re.sub("|".join(DARK), lambda match: DARK[match[0]], svg)


def darkened(color: Color) -> Color:
    """A color as Matplotlib draws it, or an array of them, in the dark theme.

    Opacity stays, and so does a color that is none of the style.

    >>> from matplotlib.colors import to_hex, to_rgba
    >>> to_hex(darkened(to_rgba("#1f2328", 0.5)), keep_alpha=True)
    '#e4e6ea80'
    >>> darkened((1.0, 0.0, 0.0)), darkened(None)
    ((1.0, 0.0, 0.0), None)
    """
    if color is None or not len(color):
        return color
    found = np.atleast_2d(np.array(color, dtype=float))
    near = abs(found[:, None, :3] - LIGHT_RGB).max(axis=2) < 1 / 512
    row, swap = near.nonzero()
    if not len(row):
        return color
    found[row, :3] = DARK_RGB[swap]
    return found if isinstance(color, np.ndarray) else tuple(found[0])
