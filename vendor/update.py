"""``python vendor/update.py`` copies KaTeX and the typefaces out of their npm packages.

The lock beside this file says which versions. KaTeX's script only sets pages while they
are built and stays here; its CSS and all fonts are served, and lie in ``docs/_static``.
Matplotlib draws figures in the face of the text, and reads TrueType files alone; these
lie in ``portal/worker/fonts``.
Fonts lose their hints, which no screen of today needs, and what no page shows. The
checksums of all files go to ``vendor/SHA256SUMS``.
"""

import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "vendor/node_modules"
PACKAGE = MODULES / "katex"
BUILD = ROOT / "vendor/katex"
SERVED = ROOT / "docs/_static/katex"
FACES = ROOT / "docs/_static/fonts"
DRAWN = ROOT / "portal/worker/fonts"

# Every browser that runs the portal's pages reads woff2.
OTHER_FORMATS = re.compile(r',url\([^)]+\) format\("(?:woff|truetype)"\)')

# In two files: what most pages need, and the rest, with the ranges of the first. A
# browser takes the file in whose range a character lies. U+200B and U+A0 stand in most
# formulas.
CORE = (
    "U+20-7E,U+A0,U+B1,U+B7,U+D7,U+2C6,U+2C9,U+2DC,U+393-3A9,U+3D5,U+200B,U+2026,"
    "U+2032,U+2113,U+2190,U+2192,U+21A6,U+2202,U+2207,U+2208,U+2212,U+2217,U+2218,U+221D,"
    "U+221E,U+2223,U+2225,U+2229,U+222A,U+223C,U+2248,"
    "U+2264,U+2265,U+2295,U+2297,U+2299,U+22A4,U+22C5,U+22EF,U+2308-230B,U+27E8,U+27E9,U+E020"
)
SPLIT = {
    "KaTeX_AMS-Regular": ("Capitals", "Symbols", "U+41-5A"),
    "KaTeX_Main-Bold": ("Bold", "BoldRest", "U+20-7E,U+A0,U+200B"),
    "KaTeX_Main-Regular": ("Core", "Rest", CORE),
    "KaTeX_Math-Italic": ("Letters", "Rest", "U+20-7E,U+A0,U+131,U+3B1-3F5"),
}

# The faces of text and code: package, file, weights.
TEXT = {
    "SourceSerif-Roman": ("source-serif-4", "latin-wght-normal", (400, 650)),
    "SourceSerif-Italic": ("source-serif-4", "latin-wght-italic", (400, 400)),
    "SourceCode": ("source-code-pro", "latin-wght-normal", (400, 400)),
}
# The faces of figures: style and weight.
FIGURES = {
    "Regular": ("normal", 400),
    "Bold": ("normal", 700),
    "Italic": ("italic", 400),
}
LETTERS = (
    "U+20-7E,U+A0,U+A7,U+A9,U+B0-B3,U+B5,U+B7,U+D6,U+D7,U+DC,U+E0,U+E1,U+E4,U+E7-EB,U+ED,"
    "U+F1,U+F3,U+F6,U+F8,U+FA,U+FC,U+2013,U+2014,U+2018,U+2019,U+201C,U+201D,U+2026"
)
FEW = (
    "U+20-7E,U+A0,U+B7,U+2013,U+2014,U+2018,U+2019,U+201C,U+201D,U+2026,U+E9,U+F6,U+FC"
)


def copy_script() -> None:
    BUILD.mkdir()
    shutil.copyfile(PACKAGE / "dist/katex.min.js", BUILD / "katex.min.js")
    shutil.copyfile(PACKAGE / "LICENSE", BUILD / "LICENSE")


def copy_styles() -> None:
    css = (PACKAGE / "dist/katex.min.css").read_text("utf-8")
    css = OTHER_FORMATS.sub("", css)
    fonts = sorted(set(re.findall(r"url\(([^)]+)\)", css)))
    if other := [font for font in fonts if not font.endswith(".woff2")]:
        raise SystemExit(f"KaTeX's CSS still refers to {', '.join(other)}")

    (SERVED / "fonts").mkdir(parents=True)
    for font in map(Path, fonts):
        if font.stem in SPLIT:
            css = css.replace(*split(css, font))
        else:
            write(PACKAGE / "dist" / font, SERVED / font, "U+0-10FFFF")
    (SERVED / "katex.min.css").write_text(css, "utf-8", newline="\n")
    shutil.copyfile(PACKAGE / "LICENSE", SERVED / "LICENSE")


def split(css: str, font: Path) -> tuple[str, str]:
    """Write a font in parts; its rule in the CSS, and the rules of the parts."""
    (face,) = re.findall(rf"@font-face{{[^}}]*{font.name}[^}}]*}}", css)
    rules = []
    needed, rest, first = SPLIT[font.stem]
    for part, ranges in ((needed, first), (rest, others(first))):
        name = f"{font.stem.partition('-')[0]}-{part}.woff2"
        write(PACKAGE / "dist" / font, SERVED / "fonts" / name, ranges)
        rules.append(f"{face[:-1].replace(font.name, name)};unicode-range:{ranges}}}")
    return face, "".join(rules)


def copy_faces() -> None:
    FACES.mkdir()
    for name, (package, file, weights) in TEXT.items():
        folder = MODULES / "@fontsource-variable" / package
        font = folder / f"files/{package}-{file}.woff2"
        roman = name == "SourceSerif-Roman"
        letters = LETTERS if roman else FEW
        write(font, FACES / f"{name}.woff2", letters, weights, kern=roman)
        shutil.copyfile(folder / "LICENSE", FACES / f"LICENSE-{package}")


def copy_drawn() -> None:
    DRAWN.mkdir()
    folder = MODULES / "@fontsource-variable/source-serif-4"
    for name, (style, weight) in FIGURES.items():
        parts = []
        for script in ("latin", "greek"):
            file = folder / f"files/source-serif-4-{script}-wght-{style}.woff2"
            parts.append(DRAWN / f"{script}.ttf")
            write(file, parts[-1], "U+0-10FFFF", (weight, weight), kern=False)
        font = Merger().merge([str(part) for part in parts])
        for part in parts:
            part.unlink()
        font["OS/2"].usWeightClass = weight
        for record in font["name"].names:
            if record.nameID in (2, 17):  # of the style
                record.string = name
        font.recalcTimestamp = False
        font.save(DRAWN / f"SourceSerif-{name}.ttf")
    shutil.copyfile(folder / "LICENSE", DRAWN / "LICENSE")


def write(
    source: Path,
    made: Path,
    ranges: str,
    weights: tuple[int, int] | None = None,
    *,
    kern: bool = True,
) -> None:
    """The characters of a font that lie in ranges as CSS writes them."""
    font = TTFont(source, recalcTimestamp=False)
    options = Options(hinting=False, recalc_timestamp=False)
    options.layout_features = ["kern"] if kern else []
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters(ranges) & font.getBestCmap().keys())
    subsetter.subset(font)
    if weights:
        instantiateVariableFont(font, {"wght": weights}, inplace=True)
    font.flavor = made.suffix[1:] if made.suffix == ".woff2" else None
    font.save(made)


def others(ranges: str) -> str:
    """The ranges between these.

    >>> others("U+20-7E,U+A0")
    'U+0-1F,U+7F-9F,U+A1-10FFFF'
    """
    ends = sorted(bounds(part) for part in ranges.split(","))
    starts = [0, *(last + 1 for _, last in ends)]
    stops = [*(first - 1 for first, _ in ends), 0x10FFFF]
    gaps = zip(starts, stops, strict=True)
    return ",".join(f"U+{a:X}-{b:X}" for a, b in gaps if a <= b)


def bounds(part: str) -> tuple[int, int]:
    first, _, last = part.removeprefix("U+").partition("-")
    return int(first, 16), int(last or first, 16)


def characters(ranges: str) -> set[int]:
    found: set[int] = set()
    for part in ranges.split(","):
        first, last = bounds(part)
        found.update(range(first, last + 1))
    return found


def checksums() -> str:
    folders = (BUILD, SERVED, FACES, DRAWN)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    lines = (
        f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT).as_posix()}"
        for path in files
    )
    return "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line[66:]))


def main() -> None:
    subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=ROOT / "vendor", check=True)
    for folder in (BUILD, SERVED, FACES, DRAWN):
        shutil.rmtree(folder, ignore_errors=True)
    copy_script()
    copy_styles()
    copy_faces()
    copy_drawn()
    (ROOT / "vendor/SHA256SUMS").write_text(checksums(), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
