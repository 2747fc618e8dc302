"""The picture that a link to an article becomes elsewhere: title, book and its figure.

Cards have the size that previews are shown in, 1200 by 630, and are light: a figure of
another shape would be cut, and its transparent ground is black in some of them. Pillow
draws them, with the font of the figures.
"""

from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

SIZE = WIDTH, HEIGHT = 1200, 630
MARGIN = 60
FIGURE = (MARGIN, 200, WIDTH - MARGIN, HEIGHT - 20)  # left, top, right, bottom
INK, QUIET, BRAND, PALE = "#14181f", "#59636e", "#1f5a9e", "#dfe7f1"
NODES = ((8, 6), (8, 26), (26, 16))  # of the logo, in a square of 32
FINE = 8  # the logo is drawn so many times larger, so that its edges are smooth


def font(size: float, weight: str = "") -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib has it, which is not imported for that."""
    package = find_spec("matplotlib").submodule_search_locations[0]
    file = Path(package, f"mpl-data/fonts/ttf/DejaVuSans{weight}.ttf")
    return ImageFont.truetype(file, size)


def fitting(text: str, width: float, largest: int) -> ImageFont.FreeTypeFont:
    """The bold font in which a line has this width at most."""
    length = font(largest, "-Bold").getlength(text)
    return font(min(largest, largest * width / length), "-Bold")


def mark(size: int) -> Image.Image:
    """The logo, as in ``docs/_static/favicon.svg``."""
    large = Image.new("RGB", (32 * FINE, 32 * FINE), "white")
    pen, nodes = ImageDraw.Draw(large), [(FINE * x, FINE * y) for x, y in NODES]
    pen.polygon(nodes, fill=PALE, outline=BRAND, width=2 * FINE)
    for node in nodes:
        pen.circle(node, 4 * FINE, fill=BRAND)
    return large.resize((size, size), Image.Resampling.LANCZOS)


def fit(figure: Path, width: int, height: int) -> Image.Image:
    """A figure on white, as large as it can be."""
    with Image.open(figure) as picture:
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.convert("RGBA").getchannel("A"))
    return ImageOps.contain(flat, (width, height), Image.Resampling.LANCZOS)


def draw(title: str, book: str, site: str, figure: Path, target: Path) -> None:
    """Write the card of an article as a PNG file."""
    card = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(card)
    pen.rectangle((0, 0, WIDTH, 10), fill=BRAND)
    card.paste(mark(48), (MARGIN, 36))
    label = font(26)
    pen.text((MARGIN + 62, 60), site, BRAND, label, anchor="lm")
    pen.text((WIDTH - MARGIN, 60), book, QUIET, label, anchor="rm")
    heading = fitting(title, WIDTH - 2 * MARGIN, 60)
    pen.text((MARGIN, 140), title, INK, heading, anchor="lm")
    left, top, right, bottom = FIGURE
    shown = fit(figure, right - left, bottom - top)
    x, y = left + right - shown.width, top + bottom - shown.height
    card.paste(shown, (x // 2, y // 2))
    target.parent.mkdir(parents=True, exist_ok=True)
    card.save(target)
