"""Drawings of a small tensor: its cells as a grid, and its storage as a row.

The tensor is the input of the page on tensor operations, three tokens of four features.
A number in a cell is its place in that input's storage, and its color is its token.
"""

from collections.abc import Callable, Container

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from snippets.foundations.tensor_operations import Layout, elements

STORAGE = list(range(12))
ROWS = [STORAGE[i : i + 4] for i in (0, 4, 8)]
ARROW = {"arrowstyle": "->", "color": "C3"}


def token_color(number: int) -> str:
    """The color of the token that the number belongs to."""
    return f"C{number // 4}"


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Axes without a frame, in units of one cell, ``y`` from 0 downward."""
    fig, ax = plt.subplots(figsize=(6.2, 6.2 * height / width))
    ax.set(xlim=(-0.2, width - 0.2), ylim=(-height + 0.4, 0.4), aspect="equal")
    ax.axis("off")
    return fig, ax


def note(ax: Axes, x: float, y: float, text: object, **style) -> None:
    """Text that is centered unless ``style`` says otherwise."""
    ax.text(x, y, text, **{"ha": "center", "va": "center", "fontsize": 12, **style})


def cell(ax: Axes, x: float, y: float, **style) -> None:
    """One square whose lower left corner is at ``x, y``."""
    ax.add_patch(Rectangle((x, y), 0.94, 0.94, **style))


def frame(ax: Axes, x: float, y: float) -> None:
    """A frame around a cell."""
    cell(ax, x, y, fill=False, ec="C3", lw=2.5)


def cells(
    ax: Axes,
    rows: list[list],
    left: float = 0.0,
    top: float = 0.0,
    color: Callable[[int], str] = token_color,
    framed: Container = (),
) -> None:
    """A grid of numbers; a number that was there already is faint."""
    seen = set()
    for down, row in enumerate(rows):
        for right, number in enumerate(row):
            x, y = left + right, -top - down - 1
            if isinstance(number, int):
                alpha = 0.12 if number in seen else 0.35
                cell(ax, x, y, fc=color(number), alpha=alpha)
                seen.add(number)
            if number in framed:
                frame(ax, x, y)
            note(ax, x + 0.47, y + 0.44, number, fontsize=13)


def matrices(layout: Layout, storage: list = STORAGE) -> list[list[list]]:
    """The matrices of a layout with three axes, each as a list of rows."""
    _, rows, columns = layout.shape
    flat = elements(storage, layout)
    lines = [flat[i : i + columns] for i in range(0, len(flat), columns)]
    return [lines[i : i + rows] for i in range(0, len(lines), rows)]
