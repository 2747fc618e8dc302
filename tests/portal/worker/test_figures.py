"""Figures as files: themes, alternative text, bytes that repeat."""

import json
import re

import matplotlib.pyplot as plt
import pytest
from matplotlib.animation import ArtistAnimation, FuncAnimation
from matplotlib.colors import to_rgb
from PIL import Image
from sphinx_gallery.scrapers import ImagePathIterator

from portal.worker import figures


@pytest.fixture
def draw(tmp_path):
    """Draws with the portal's style and scrapes; returns the folder of the files."""

    def draw(
        name: str = "Bars.",
        change: str = "",
        window: str | None = None,
        animate=lambda fig, artists: None,
        place: int = 1,
        settings: dict | None = None,
    ) -> str:
        figures.reset({}, "")
        fig, ax = plt.subplots(num=window)
        bars = ax.bar([0, 1], [1, 2])
        ax.plot([0, 1], [1, 2], color="C1")
        ax.set(xlabel="x")
        exec(change)
        fig.set_label(name)
        paths = ImagePathIterator(str(tmp_path / "f_{0:03}.png"))
        for _ in range(place - 1):
            paths.next()
        variables = {
            "file_conf": settings or {},
            "src_file": "snippets/attention/plot_small_line.py",
            "example_globals": {"moving": animate(fig, bars)},
            "image_path_iterator": paths,
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
    light = colors((tmp_path / "f_001.svg").read_text())
    dark = colors((tmp_path / "f_001_dark.svg").read_text())
    assert light <= set(figures.DARK)
    assert {figures.FOREGROUND, *figures.CYCLE[:2]} <= light
    assert dark == {figures.DARK[color] for color in light}


def test_text_is_drawn_in_the_face_of_the_site(draw, tmp_path):
    draw(change="ax.set(title='Wörter λ', xlabel='x → y', ylabel='$x^2$')")
    svg = (tmp_path / "f_001.svg").read_text()
    letters = set(re.findall(r'<path id="([A-Za-z0-9]+)-(?:\w+-)?[0-9a-f]+"', svg))
    assert letters == {"SourceSerif4", "STIXGeneral", "DejaVuSans"}  # → by the last
    assert len(re.findall(r'<path id="DejaVuSans-[0-9a-f]+"', svg)) == 1


def test_equal_images_do_not_share_an_id(draw, tmp_path):
    draw(change="ax.remove(); [a.imshow([[0, 1]]) for a in fig.subplots(1, 3)]")
    for name in ("f_001.svg", "f_001_dark.svg"):
        svg = (tmp_path / name).read_text()
        ids = re.findall(r' id="([^"]*)"', svg)
        assert svg.count("<image ") == 3
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "change", ["ax.set(ylabel='y' * 80)", "fig.text(0.98, 0.5, 'beyond')"]
)
def test_a_text_that_the_edge_cuts_off_is_refused(draw, capsys, change):
    with pytest.raises(ValueError, match=r"the edge cuts off the text '(y|beyond)"):
        draw(change=change)
    assert 'plot_small_line.py", line 8' in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        "ax.axis('off'); ax.set(ylabel='y' * 80)",
        "ax.set(xscale='log', xlim=(10, 1e-12))",
    ],
)
def test_what_is_not_drawn_is_not_cut_off(draw, change):
    draw(change=change)


def test_an_animation_that_clears_its_axes_has_its_labels_in_place(draw):
    def animate(fig, _):
        ax = fig.axes[0]
        return FuncAnimation(fig, lambda k: (ax.clear(), ax.set(xlabel=f"{k}")), 3)

    draw(animate=animate)


@pytest.mark.parametrize(("size", "needs"), [(12, 335), (8, 502), (6, 595)])
def test_a_figure_says_what_width_its_letters_need(draw, tmp_path, size, needs):
    draw(change=f"ax.set_title('T', fontsize={size})")
    about = json.loads((tmp_path / "f_001.json").read_text())
    assert (about["width"], about["needs"]) == (595, needs)


def test_nothing_is_drawn_in_the_default_black(draw, tmp_path):
    draw()
    body = (tmp_path / "f_001.svg").read_text().split("</defs>")[-1]
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


@pytest.mark.parametrize(
    ("place", "settings", "pictures"),
    [(1, {}, 1), (2, {}, 0), (2, {"thumbnail_number": 2}, 1)],
)
def test_only_what_becomes_a_thumbnail_is_a_png(
    draw, tmp_path, place, settings, pictures
):
    draw(place=place, settings=settings)
    assert len(list(tmp_path.glob("*.png"))) == pictures
    assert (tmp_path / f"f_00{place}.svg").is_file()


def test_alternative_text_in_one_line(draw, tmp_path):
    assert (
        draw("Bars\n  that rise.")
        == ".. gallery-figure:: /attention/plot_small_line 1\n"
    )
    about = json.loads((tmp_path / "f_001.json").read_text())
    assert about == {
        "alt": "Bars that rise.",
        "width": 595,
        "height": 326,
        "frames": 1,
        "needs": 335,
    }


def test_figure_without_alternative_text_is_refused(draw):
    with pytest.raises(ValueError, match="figure without alternative text"):
        draw("")


def test_the_name_of_a_window_is_no_alternative_text(draw):
    with pytest.raises(ValueError, match="figure without alternative text"):
        draw("fig", window="fig")


BLACK = [
    'ax.plot([0, 1], "k-o")',
    'ax.text(0.5, 2.5, "note", color="black")',
    'ax.set_title("T", color="#000000")',
    'ax.hlines([1], 0, 1, colors="k")',
    'ax.scatter([0], [1], c="k")',
    'ax.bar([2], [1], fc="k", ec="k")',
    'ax.annotate("a", (0, 0), (1, 1), color="k", arrowprops={"color": "k"})',
    'ax.errorbar([0], [1], [1], c="k", label="e"); ax.legend(labelcolor="k")',
]


@pytest.mark.parametrize("change", BLACK)
def test_black_is_the_foreground_of_each_page(draw, tmp_path, change):
    draw(change=change)
    svg = (tmp_path / "f_001.svg").read_text()
    assert colors(svg) <= set(figures.DARK)
    body = svg.split("</metadata>")[-1]
    text = re.findall(r'<g id="text_\d+">(?:\s|<!--.*?-->)*<g ([^>]*)>', body)
    assert text
    assert all("fill: #" in group for group in text)  # black is left out
    shapes = re.findall(r'<g id="patch_\d+">\s*<path [^>]*?style="([^"]*)"', body)
    assert all("fill: " in shape for shape in shapes)


@pytest.mark.parametrize(
    "change",
    [
        'ax.imshow([[0, 1]]); ax.text(0, 0, "cell", color="k")',
        'ax.imshow([[0, 1]]); ax.text(0, 0, "cell", color="w")',
        'ax.bar([2], [1], fc="0.9"); ax.text(2, 0.5, "in", color="k", ha="center")',
        'ax.text(1, 1, "box", color="k", bbox={"fc": "white"})',
        'ax.bar([2], [1], ec="w"); ax.plot([0, 1], c="0.5")',
        'ax.axvspan(0, 1, fc="0.9")',
        'ax.bar([0, 1], [3, 3], width=2); ax.text(0, 1, "on a color of the style")',
        'ax.imshow([[0, 1]]); ax.plot([], c="0.5")',
        'ax.scatter([0, 1], [0, 1], c=[0, 1], cmap="gray")',
        "ax.grid(True); ax.fill_between([0, 1], [1, 2], alpha=0.1)",
    ],
)
def test_what_lies_on_another_color_and_faint_fills_may_stay(draw, change):
    draw(change=change)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('ax.plot([0, 1], c="0.1", label="loss")', "'loss' in #1a1a1a .* dark page"),
        ('ax.plot([0, 1], c="w")', "a Line2D in #ffffff .* light page"),
        (
            'ax.text(0.5, 1.9, "note", color="0.2")',
            "the text 'note' in #333333 .* dark page",
        ),
        ('ax.set_xlabel("x", c="gainsboro")', "the text 'x' in #dcdcdc .* light page"),
        ('ax.bar([2], [1], fc="midnightblue")', "a Rectangle in #191970 .* dark page"),
        ('ax.vlines([1], 0, 1, colors="0.15")', "a LineCollection in #262626 .* dark"),
        (
            'ax.text(0.5, 1.9, "a", bbox={"fc": "w"})',
            "the text 'a' in #1f2328 .* dark page",
        ),
        ('ax.set_title("\\u6c49")', "Glyph 27721 .* missing"),
        (
            r'ax.set_title(r"$\text{\u6c49}$".replace("\\u6c49", "\u6c49"))',
            "a glyph for",
        ),
    ],
)
def test_what_cannot_be_seen_is_named_with_its_cell(draw, capsys, change, problem):
    with pytest.raises(ValueError, match=problem):
        draw(change=change)
    assert 'plot_small_line.py", line 8, in this cell' in capsys.readouterr().err


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
    assert json.loads((tmp_path / "f_001.json").read_text())["frames"] == 2
    for theme in ("light", "dark"):
        with Image.open(tmp_path / f"f_001_{theme}.png") as image:
            assert image.n_frames == 2


def test_bytes_repeat(draw, tmp_path):
    draw()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    draw()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
