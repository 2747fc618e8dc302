"""How figures look, and how those of a gallery script reach the page.

Every figure is written as a light and a dark SVG, in the face of the text; characters
that it lacks come from Matplotlib's own. Scripts draw in the light theme's
colors; the dark version is the same drawing with each of those colors replaced. An
animation (any of matplotlib, in a global variable of the script) is written as an APNG
for each theme, with its last frame as the still. The first figure, or the one that the
script names for its thumbnail, is a PNG too.

A figure says what it shows: ``fig.set_label("Bar chart of ...")``. That text is its
alternative text; a figure without one is an error. So is a color that cannot be seen on
one of the pages, and a character that has no glyph: see ``legible.py``, ``glyphs.py``.
"""

import io
import json
import re
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import Animation
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from portal.worker import frames, legible
from portal.worker.glyphs import every_glyph
from portal.worker.inks import inks
from portal.worker.palette import CYCLE, DARK, FOREGROUND, GRID, darken

# sphinx_gallery_data = fonts/SourceSerif-Bold.ttf fonts/SourceSerif-Italic.ttf
# sphinx_gallery_data = fonts/SourceSerif-Regular.ttf
for _font in sorted(Path(__file__).with_name("fonts").glob("*.ttf")):
    fontManager.addfont(_font)

READABLE = 9  # pixels, of the smallest text

STYLE = {
    "axes.edgecolor": FOREGROUND,
    "axes.facecolor": "none",
    "axes.labelcolor": FOREGROUND,
    "axes.prop_cycle": matplotlib.cycler(color=CYCLE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "boxplot.boxprops.color": FOREGROUND,
    "figure.constrained_layout.use": True,
    "figure.dpi": 72,  # that of an SVG, in which texts are measured after it is drawn
    "figure.facecolor": "none",
    "figure.figsize": (6.2, 3.4),
    "figure.hooks": ["portal.worker.figures:keep_name"],
    "font.family": ["Source Serif 4", "DejaVu Sans"],
    "font.size": 12,
    "grid.color": GRID,
    "hatch.color": FOREGROUND,
    "image.cmap": "viridis",
    "legend.edgecolor": "none",
    "legend.facecolor": "none",
    "legend.framealpha": 0,
    "legend.labelspacing": 0.3,  # the lines of the face are high
    "mathtext.fontset": "stix",
    "patch.edgecolor": FOREGROUND,
    "savefig.dpi": 100,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "runnable-ml",
    "text.color": FOREGROUND,
    "text.hinting": "none",  # frames have the text of the drawings
    "xtick.color": FOREGROUND,
    "ytick.color": FOREGROUND,
}


def reset(gallery_conf: dict, fname: str) -> None:
    """Before each script: the portal's style, the same random numbers, one thread."""
    import torch

    matplotlib.rcdefaults()
    plt.rcParams.update(STYLE)
    np.random.seed(0)  # noqa: NPY002  scripts that use the global state start alike
    torch.manual_seed(0)
    torch.set_num_threads(1)


def to_svg(figure: Figure) -> str:
    text = io.StringIO()
    with every_glyph():
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    # Matplotlib names an image by its content: equal images would have one name.
    return re.sub(r' id="image[0-9a-f]+"', "", text.getvalue())


def animations(block_vars: dict) -> dict[Figure, Animation]:
    """Animations among the global variables of a script, by the figure they move."""
    values = block_vars["example_globals"].values()
    return {value._fig: value for value in values if isinstance(value, Animation)}


def keep_name(figure: Figure) -> None:
    """Note the name that ``subplots(num="loss")`` gives to a window as its label."""
    figure.window_name = figure.get_label()


def check_text(figure: Figure) -> None:
    """Want a description of the figure, which the name of its window is not."""
    if figure.get_label() in ("", figure.window_name):
        raise ValueError(
            "figure without alternative text: say what it shows with "
            'fig.set_label("...")'
        )


def smallest(figure: Figure) -> float:
    """The size of the smallest text that is drawn, in pixels of the page.

    Without any it is infinite.
    """
    texts = (ink.artist for ink in inks(figure) if isinstance(ink.artist, Text))
    return min((text.get_fontsize() * 96 / 72 for text in texts), default=np.inf)


def scrape(block: tuple, block_vars: dict, gallery_conf: dict) -> str:
    """Write the open figures of a cell; return the reStructuredText that shows them.

    Raises
    ------
    ValueError
        If a figure has no alternative text, or something of it cannot be seen.
    """
    page = Path(block_vars["src_file"])
    moving, rst = animations(block_vars), []
    pictured = {1, block_vars["file_conf"].get("thumbnail_number")}
    for number in plt.get_fignums():
        figure = plt.figure(number)
        path = Path(next(block_vars["image_path_iterator"]))
        place = int(path.stem[-3:])
        try:
            check_text(figure)
            write(figure, moving.get(figure), path, place in pictured)
        except ValueError:
            print(f'File "{page}", line {block[2]}, in this cell', file=sys.stderr)
            raise
        name = f"/{page.parent.name}/{page.stem} {place}"
        rst.append(f".. gallery-figure:: {name}\n")
    plt.close("all")
    return "\n".join(rst)


def write(figure: Figure, animation: Animation | None, path: Path, png: bool) -> None:
    """Write all files of one figure beside ``path``, which may get a PNG of it."""
    stem = path.with_suffix("")
    count = 1
    if animation is not None:
        moving = (Path(f"{stem}_{theme}.png") for theme in ("light", "dark"))
        count = frames.write(animation, *moving)
    svg = to_svg(figure)
    if legible.replace_black(figure, FOREGROUND):
        svg = to_svg(figure)
    legible.check(figure, DARK)
    Path(f"{stem}.svg").write_text(svg)
    Path(f"{stem}_dark.svg").write_text(darken(svg))
    if png:
        figure.savefig(path, dpi=frames.DPI, facecolor="w", metadata={"Software": None})
    width, height = frames.on_page(figure)
    about = {
        "alt": " ".join(figure.get_label().split()),
        "width": width,
        "height": height,
        "frames": count,
        "needs": round(min(width, READABLE * width / smallest(figure))),
    }
    Path(f"{stem}.json").write_text(json.dumps(about))
