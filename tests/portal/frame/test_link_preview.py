"""The picture that a link to an article becomes elsewhere."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from portal.frame import link_preview


@pytest.fixture
def drawn(tmp_path):
    """Draws a card, returns its pixels."""

    def draw(title="Rotary embedding", book="Positions", size=(400, 300)):
        Image.new("RGB", size, "red").save(tmp_path / "figure.png")
        target = tmp_path / "cards/page.png"
        link_preview.draw(title, book, "Runnable ML", tmp_path / "figure.png", target)
        return np.array(Image.open(target).convert("RGB")).astype(int)

    return draw


def extent(pixels, color):
    """Left, top, right, bottom of all pixels of this color."""
    y, x = np.nonzero((abs(pixels - color) < 8).all(axis=2))
    return x.min(), y.min(), x.max() + 1, y.max() + 1


@pytest.mark.parametrize("size", [(400, 300), (1600, 300), (300, 1600)])
def test_a_figure_fills_its_place_and_keeps_its_shape(drawn, size):
    left, top, right, bottom = extent(drawn(size=size), (255, 0, 0))
    x0, y0, x1, y1 = link_preview.FIGURE
    width, height = x1 - x0, y1 - y0
    assert right - left == width or bottom - top == height
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.02)
    assert left + right == pytest.approx(1200, abs=1)


@pytest.mark.parametrize("title", ["LSH", "Attention that is wide " * 4])
def test_a_title_stays_on_the_card(drawn, title):
    pixels = drawn(title=title)[110:180]
    left, _, right, _ = extent(pixels, (0x14, 0x18, 0x1F))
    assert left >= link_preview.MARGIN - 2
    assert right <= 1200 - link_preview.MARGIN + 2


def test_cards_of_two_titles_and_of_two_books_differ(drawn):
    same = drawn()
    assert (drawn() == same).all()
    assert (drawn(title="Sinusoidal") != same).any()
    assert (drawn(book="Attention") != same).any()


def test_the_logo_is_that_of_the_site():
    svg = ("0 0 32 32", "M8 6 26 16 8 26Z", 'r="4"')
    text = (Path(__file__).parents[3] / "docs/_static/favicon.svg").read_text()
    assert all(part in text for part in svg)
    size = 320
    theirs = Image.new("L", (size, size), 255)
    for x, y in ((8, 6), (26, 16), (8, 26)):
        ImageDraw.Draw(theirs).circle((10 * x, 10 * y), 40, fill=0)
    ours = np.array(link_preview.mark(size).convert("L"))
    assert (ours[np.array(theirs) == 0] < 128).mean() > 0.99
