"""How figures look, and how those of a gallery script reach the page.

Every figure is written as a light and a dark SVG. Scripts draw in the light theme's
colors; the dark version is the same drawing with each of those colors replaced. An
animation (any of matplotlib, in a global variable of the script) is written as an APNG
for each theme, with its last frame as the still.

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
import resvg_py
from matplotlib.animation import AbstractMovieWriter, Animation
from matplotlib.figure import Figure
from PIL import Image

from portal.worker import legible
from portal.worker.glyphs import every_glyph

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
    "figure.facecolor": "none",
    "figure.figsize": (6.2, 3.4),
    "figure.hooks": ["portal.worker.figures:keep_name"],
    "font.size": 11,
    "grid.color": GRID,
    "hatch.color": FOREGROUND,
    "image.cmap": "viridis",
    "legend.edgecolor": "none",
    "legend.facecolor": "none",
    "legend.framealpha": 0,
    "patch.edgecolor": FOREGROUND,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "runnable-ml",
    "text.color": FOREGROUND,
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


def darken(svg: str) -> str:
    """The same drawing in the colors of the dark theme.

    >>> darken('<path style="fill: #1f2328"/>')
    '<path style="fill: #e4e6ea"/>'
    """
    return re.sub("|".join(DARK), lambda match: DARK[match[0]], svg)


def to_svg(figure: Figure) -> str:
    legible.replace_black(figure, FOREGROUND)
    text = io.StringIO()
    with every_glyph():
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def to_png(svg: str, zoom: float, background: str | None = None) -> bytes:
    """Raster of a drawing; its text is paths, so that no font of the system matters."""
    return resvg_py.svg_to_bytes(
        svg_string=svg, zoom=zoom, dpi=96, background=background, skip_system_fonts=True
    )


class Frames(AbstractMovieWriter):
    """A movie writer that keeps each frame as an SVG."""

    def setup(self, fig: Figure, outfile: object, dpi: float | None = None) -> None:
        super().setup(fig, outfile, dpi)
        self.drawings: list[str] = []

    def grab_frame(self, **options: object) -> None:
        self.drawings.append(to_svg(self.fig))

    def finish(self) -> None:
        pass


def write_animation(drawings: list[str], path: Path, milliseconds: float) -> None:
    """Write frames as an APNG that plays three times and rests on its last frame."""
    once = {svg: to_png(svg, zoom=1.5) for svg in dict.fromkeys(drawings)}
    images = [Image.open(io.BytesIO(once[svg])) for svg in drawings]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=milliseconds,
        loop=3,
    )


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


def scrape(block: tuple, block_vars: dict, gallery_conf: dict) -> str:
    """Write the open figures of a cell; return the reStructuredText that shows them.

    Raises
    ------
    ValueError
        If a figure has no alternative text, or something of it cannot be seen.
    """
    page = Path(block_vars["src_file"])
    moving, rst = animations(block_vars), []
    for number in plt.get_fignums():
        figure = plt.figure(number)
        path = Path(next(block_vars["image_path_iterator"]))
        try:
            check_text(figure)
            write(figure, moving.get(figure), path)
            legible.check(figure, DARK)
        except ValueError:
            print(f'File "{page}", line {block[2]}, in this cell', file=sys.stderr)
            raise
        name = f"{page.parent.name}.{page.stem.removeprefix('plot_')}"
        rst.append(f".. gallery-figure:: {name} {int(path.stem[-3:])}\n")
    plt.close("all")
    return "\n".join(rst)


def write(figure: Figure, animation: Animation | None, path: Path) -> None:
    """Write all files of one figure beside ``path``, the PNG of its thumbnail."""
    about = {
        "alt": " ".join(figure.get_label().split()),
        "width": round(figure.get_figwidth() * 96),
        "height": round(figure.get_figheight() * 96),
        "animated": animation is not None,
    }
    stem = path.with_suffix("")
    if animation is not None:
        frames = Frames(fps=1)
        animation.save(path, writer=frames)
        light, interval = frames.drawings, animation.event_source.interval
        write_animation(light, Path(f"{stem}_light.png"), interval)
        dark = [darken(svg) for svg in light]
        write_animation(dark, Path(f"{stem}_dark.png"), interval)
    svg = frames.drawings[-1] if animation is not None else to_svg(figure)
    Path(f"{stem}_light.svg").write_text(svg)
    Path(f"{stem}_dark.svg").write_text(darken(svg))
    path.write_bytes(to_png(svg, zoom=1.5, background="white"))
    Path(f"{stem}.json").write_text(json.dumps(about))
