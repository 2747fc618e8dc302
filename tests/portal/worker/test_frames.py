"""Frames of animations: both themes, drawn once each, everything in its place."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from portal.worker import figures, frames
from portal.worker.palette import DARK, FOREGROUND, darken


@pytest.fixture
def subplots():
    """A figure and its axes in the style of the portal, closed after the test."""
    figures.reset({}, "")
    yield plt.subplots()
    plt.close("all")


@pytest.fixture
def write(tmp_path):
    """Writes an animation; returns its frames in both themes, as arrays of pixels."""

    def write(fig: Figure, update, count: int) -> list[list[np.ndarray]]:
        animation = FuncAnimation(fig, update, range(count))
        paths = [tmp_path / f"{theme}.png" for theme in ("light", "dark")]
        assert frames.write(animation, *paths) == count
        pictures = []
        for path in paths:
            with Image.open(path) as image:
                parts = ImageSequence.Iterator(image)
                pictures.append([np.array(part.convert("RGBA")) for part in parts])
        return pictures

    return write


DRAWN = [
    'ax.plot([0, 1], "C0o--"); ax.set(title="$x$", xlabel="y"); ax.grid(True)',
    'ax.bar([0, 1], [1, 2], hatch="//", edgecolor="C1", alpha=0.5)',
    'ax.scatter([0, 1, 2], [0, 1, 2], s=[20, 50, 90], c=["C0", "C1", "C2"], ec="C3")',
    'ax.scatter([0, 1, 2], [0, 1, 2], c="C4")',
    'ax.hlines([0, 1], 0, 1, colors=["C1", "C2"]); ax.fill_between([0, 1], [1, 2])',
    'ax.pcolormesh([[0, 1], [2, 3]], cmap="gray", edgecolors="C5")',
    'ax.imshow([[0, 1]]); ax.text(0, 0, "a", bbox={"fc": "C0", "ec": "C1"})',
    'ax.annotate("a", (0, 0), (1, 1), arrowprops={"color": "C2"})',
    'ax.plot([0, 1], "#123456"); ax.tripcolor([0, 1, 0], [0, 0, 1], [0, 1, 2])',
]


@pytest.mark.parametrize("code", DRAWN)
def test_the_dark_frame_is_what_dark_colors_would_draw(subplots, write, code):
    fig, ax = subplots
    exec(code, {"ax": ax})
    _, (dark,) = write(fig, lambda frame: None, 1)
    plt.rcParams.update(
        {
            name: DARK.get(value, value) if isinstance(value, str) else value
            for name, value in figures.STYLE.items()
        }
    )
    plt.rcParams["axes.prop_cycle"] = plt.cycler(color=map(darken, figures.CYCLE))
    fig, ax = plt.subplots()
    exec(code, {"ax": ax})
    (expected,), _ = write(fig, lambda frame: None, 1)
    assert np.array_equal(dark, expected)
    assert dark[..., 3].any()


def test_a_frame_is_as_large_as_the_figure_on_the_page(subplots, write):
    fig, _ = subplots
    (light,), _ = write(fig, lambda frame: None, 1)
    assert light.shape[:2] == (489, 893)  # one and a half of 326 and 595


def test_each_frame_is_drawn_once(subplots, write):
    fig, ax = subplots
    (line,) = ax.plot([0, 1])
    drawn = []
    fig.canvas.mpl_connect("draw_event", drawn.append)

    def draws(count: int) -> int:
        drawn.clear()
        write(fig, lambda n: line.set_ydata([0, n / 20]), count)
        return len(drawn)

    assert draws(9) - draws(4) == 5


def test_a_later_title_has_room_and_a_longer_one_moves_nothing(subplots, write):
    fig, ax = subplots
    ax.plot([0, 1])
    titles = ["", "Two\nlines", "Two lines\nthat are longer"]
    (_, short, long), _ = write(fig, lambda n: ax.set_title(titles[n]), 3)
    assert not short[0, :, 3].any()
    assert not long[0, :, 3].any()
    below = short.shape[0] // 4
    assert np.array_equal(short[below:], long[below:])
    assert not np.array_equal(short, long)


def test_tick_labels_that_grow_have_room(subplots, write):
    fig, ax = subplots
    ax.set_ylabel("y")
    _, (_, wide) = write(fig, lambda n: ax.set_ylim(0, [1, 2e5][n]), 2)
    assert not wide[:, 0, 3].any()


def test_what_turns_black_is_the_foreground(subplots, write):
    fig, ax = subplots
    text = ax.text(0.5, 0.5, "note", color="C0")
    (_, light), _ = write(fig, lambda n: text.set_color(["C0", "k"][n]), 2)
    assert text.get_color() == pytest.approx(plt.matplotlib.colors.to_rgba(FOREGROUND))
    assert not ((light[..., :3] == 0).all(axis=2) & (light[..., 3] == 255)).any()


def test_a_character_without_a_glyph_is_refused_in_any_frame(subplots, write):
    fig, ax = subplots
    with pytest.raises(ValueError, match=r"Glyph 27721 .* missing"):
        write(fig, lambda n: ax.set_title(["a", "\u6c49", "a"][n]), 3)


def test_the_figure_is_then_as_it_was(subplots, write):
    fig, ax = subplots
    before = fig.canvas, fig.dpi, fig.get_layout_engine()
    write(fig, lambda n: ax.set_title(str(n)), 2)
    assert (fig.canvas, fig.dpi, fig.get_layout_engine()) == before
