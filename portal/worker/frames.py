"""The frames of an animation, each drawn in the light and the dark theme at once.

What Matplotlib draws goes to two canvases of pixels, to one of them in the colors of
the dark theme. The layout is solved for the first frame, and again for one in which
a text takes more room, such as a title that comes later: else it would move all the
time, and cost as much as the drawing.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.animation import AbstractMovieWriter, Animation
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from portal.worker import legible
from portal.worker.glyphs import every_glyph
from portal.worker.palette import FOREGROUND, darkened

ZOOM = 1.5  # pixels of a raster to each of the page
DPI = 96 * ZOOM
NAMED = ("rgbFace", "facecolors", "edgecolors", "hatchcolors")


def twice(name: str, *places: int) -> Callable:
    """A drawing method for both themes; its arguments at ``places`` are colors."""

    def draw(self: "BothThemes", gc: GraphicsContextBase, *args, **named) -> None:
        getattr(self.light, name)(gc, *args, **named)
        args = [darkened(arg) if n in places else arg for n, arg in enumerate(args)]
        named = {k: darkened(arg) if k in NAMED else arg for k, arg in named.items()}
        own = self.new_gc()
        own.copy_properties(gc)
        own.set_foreground(darkened(gc.get_rgb()), isRGBA=True)
        if gc.get_hatch():
            own.set_hatch_color(darkened(gc.get_hatch_color()))
        getattr(self.dark, name)(own, *args, **named)

    return draw


class BothThemes(RendererBase):
    """Draws everything twice; sizes are the same in both themes."""

    def __init__(self, width: int, height: int, dpi: float) -> None:
        super().__init__()
        self.width, self.height, self.dpi = width, height, dpi
        self.light, self.dark = (RendererAgg(width, height, dpi) for _ in range(2))
        for name in (
            "get_canvas_width_height",
            "get_text_width_height_descent",
            "option_image_nocomposite",
            "points_to_pixels",
        ):
            setattr(self, name, getattr(self.light, name))

    draw_gouraud_triangles = twice("draw_gouraud_triangles")
    draw_image = twice("draw_image")
    draw_markers = twice("draw_markers", 4)
    draw_path = twice("draw_path", 2)
    draw_path_collection = twice("draw_path_collection", 5, 6)
    draw_quad_mesh = twice("draw_quad_mesh", 6, 8)
    draw_text = twice("draw_text")

    def start_filter(self) -> None:
        for renderer in (self.light, self.dark):
            renderer.start_filter()

    def stop_filter(self, filter_func: Callable) -> None:
        for renderer in (self.light, self.dark):
            renderer.stop_filter(filter_func)


def image(renderer: RendererAgg) -> Image.Image:
    return Image.fromarray(np.array(renderer.buffer_rgba()))


def on_page(figure: Figure) -> tuple[int, int]:
    """Width and height in pixels of the page."""
    width, height = figure.get_size_inches()
    return round(width * 96), round(height * 96)


class Undrawn(FigureCanvasAgg):
    """A canvas that does not draw what it is asked to draw when there is time.

    An animation asks it for each of its frames, which its writer draws.
    """

    def draw_idle(self, *args: object, **named: object) -> None:
        pass


def room(figure: Figure) -> np.ndarray:
    """The lines of each text, and its characters where its width counts in a layout.

    The width of a title or the label of an axis does not.
    """
    axes = figure.axes
    flat = {part for ax in axes for part in (ax.title, ax.xaxis.label, ax.yaxis.label)}
    rows = []
    for text in figure.findobj(Text):
        shown = text.get_text() if text.get_visible() else ""
        rows.append((len(shown.splitlines()), 0 if text in flat else len(shown)))
    return np.array(rows)


class Frames(AbstractMovieWriter):
    """A movie writer that keeps each frame as an image for each theme."""

    def setup(self, fig: Figure, outfile: object, dpi: float | None = None) -> None:
        super().setup(fig, outfile, DPI)
        self.light: list[Image.Image] = []
        self.dark: list[Image.Image] = []
        self.room: np.ndarray | None = None
        self.before = fig.canvas, fig.dpi
        self.layout = fig.get_layout_engine()
        Undrawn(fig)
        fig.dpi = DPI
        if self.layout:
            fig.set_layout_engine("none")

    def grab_frame(self, **options: object) -> None:
        drawn = self.draw()
        if self.layout and self.is_cramped():
            for _ in range(2):  # a colorbar follows its axes
                self.layout.execute(self.fig)
            drawn = self.draw()
            self.room = room(self.fig)
        if legible.replace_black(self.fig, FOREGROUND):
            drawn = self.draw()
        self.light.append(image(drawn.light))
        self.dark.append(image(drawn.dark))

    def is_cramped(self) -> bool:
        """Whether a text is new or takes more room than when the layout was solved."""
        now = room(self.fig)
        same = self.room is not None and now.shape == self.room.shape
        return not same or bool((now > self.room).any())

    def draw(self) -> BothThemes:
        """Draw the figure as it is."""
        width, height = (math.ceil(size * ZOOM) for size in on_page(self.fig))
        renderer = BothThemes(width, height, DPI)
        with every_glyph():
            self.fig.draw(renderer)
        return renderer

    def finish(self) -> None:
        canvas, self.fig.dpi = self.before
        self.fig.set_canvas(canvas)
        if self.layout:
            self.fig.set_layout_engine(self.layout)


def write(animation: Animation, light: Path, dark: Path) -> int:
    """Write an APNG in each theme, and return how many frames they have.

    It plays three times and rests on its last frame.
    """
    frames = Frames()
    animation.save(light, writer=frames)
    for path, images in ((light, frames.light), (dark, frames.dark)):
        images[0].save(
            path,
            save_all=True,
            append_images=images[1:],
            duration=animation.event_source.interval,
            loop=3,
        )
    return len(frames.light)
