"""Figures as files: themes, alternative text, bytes that repeat."""

import json
import re

import matplotlib.pyplot as plt
import pytest
from matplotlib.animation import ArtistAnimation, FuncAnimation
from matplotlib.colors import to_rgb
from PIL import Image
from sphinx_gallery.scrapers import ImagePathIterator

from portal import figures


@pytest.fixture
def draw(tmp_path):
    """Draws with the portal's style and scrapes; returns the folder of the files."""

    def draw(name: str = "Bars.", animate=lambda fig, artists: None) -> str:
        figures.reset({}, "")
        fig, ax = plt.subplots()
        bars = ax.bar([0, 1], [1, 2])
        ax.plot([0, 1], [1, 2], color="C1")
        ax.set(xlabel="x")
        fig.set_label(name)
        variables = {
            "src_file": "snippets/attention/plot_small.py",
            "example_globals": {"moving": animate(fig, bars)},
            "image_path_iterator": ImagePathIterator(str(tmp_path / "f_{0:03}.png")),
        }
        try:
            return figures.scrape(("code", "", 8), variables, {})
        finally:
            plt.close("all")

    return draw


def colors(svg: str) -> set[str]:
    return set(re.findall(r"#[0-9a-f]{6}\b", svg.split("</metadata>")[-1]))


def test_every_color_has_its_dark_counterpart(draw, tmp_path):
    draw()
    light = colors((tmp_path / "f_001_light.svg").read_text())
    dark = colors((tmp_path / "f_001_dark.svg").read_text())
    assert light <= set(figures.DARK)
    assert {figures.FOREGROUND, *figures.CYCLE[:2]} <= light
    assert dark == {figures.DARK[color] for color in light}


def test_nothing_is_drawn_in_the_default_black(draw, tmp_path):
    draw()
    body = (tmp_path / "f_001_light.svg").read_text().split("</defs>")[-1]
    assert "#000000" not in body
    for group in re.findall(r'<g id="text_\d+">\s*<!--.*?-->\s*<g ([^>]*)>', body):
        assert f"fill: {figures.FOREGROUND}" in group


@pytest.mark.parametrize(
    ("background", "theme"),
    [("#ffffff", list(figures.DARK)), ("#131416", list(figures.DARK.values()))],
)
def test_contrast_of_text_and_data(background, theme):
    """WCAG 2.1: 4.5 for text (1.4.3), 3 for what a graphic needs (1.4.11)."""

    def luminance(color):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in to_rgb(color)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(color):
        pair = sorted([luminance(color), luminance(background)])
        return (pair[1] + 0.05) / (pair[0] + 0.05)

    foreground, _, *cycle = theme
    assert contrast(foreground) > 4.5
    assert min(contrast(color) for color in cycle) > 3


def test_thumbnail_is_opaque_and_sharp(draw, tmp_path):
    draw()
    with Image.open(tmp_path / "f_001.png") as image:
        assert image.width == pytest.approx(595 * 1.5, abs=2)
        assert image.convert("RGBA").getextrema()[3] == (255, 255)


def test_alternative_text_in_one_line(draw, tmp_path):
    assert draw("Bars\n  that rise.") == ".. gallery-figure:: attention.small 1\n"
    about = json.loads((tmp_path / "f_001.json").read_text())
    assert about == {
        "alt": "Bars that rise.",
        "width": 595,
        "height": 326,
        "animated": False,
    }


def test_figure_without_alternative_text_is_refused(draw):
    with pytest.raises(ValueError, match="figure without alternative text"):
        draw("")


@pytest.mark.parametrize(
    "animate",
    [
        lambda fig, bars: FuncAnimation(fig, lambda n: bars[n].set_height(3), 2),
        lambda fig, bars: ArtistAnimation(fig, [[bars[0]], [bars[1]]]),
    ],
    ids=["by a function", "of artists"],
)
def test_an_animation_of_any_kind_moves(draw, tmp_path, animate):
    draw(animate=animate)
    assert json.loads((tmp_path / "f_001.json").read_text())["animated"]
    for theme in ("light", "dark"):
        with Image.open(tmp_path / f"f_001_{theme}.png") as image:
            assert image.n_frames == 2


def test_bytes_repeat(draw, tmp_path):
    draw()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    draw()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
