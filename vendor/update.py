"""``python vendor/update.py`` copies KaTeX out of its npm package into the repository.

The lock beside this file says which version. Its script only sets pages while they are
built and stays here; its CSS and fonts are served, so they lie in ``docs/_static``. The
checksums of all of them go to ``vendor/katex/SHA256SUMS``.
"""

import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vendor/node_modules/katex"
BUILD = ROOT / "vendor/katex"
SERVED = ROOT / "docs/_static/katex"

# Every browser that runs the portal's pages reads woff2.
OTHER_FORMATS = re.compile(r',url\([^)]+\) format\("(?:woff|truetype)"\)')

AMS = {"Capitals": "U+41-5A", "Symbols": "U+0-40,U+5B-10FFFF"}


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
    (SERVED / "katex.min.css").write_text(css, "utf-8", newline="\n")
    for font in fonts:
        shutil.copyfile(PACKAGE / "dist" / font, SERVED / font)
    shutil.copyfile(PACKAGE / "LICENSE", SERVED / "LICENSE")


def split_ams() -> None:
    """Two files of the font of AMS symbols, so that a page with one capital loads few.

    A browser takes the file in whose range a character of the page lies.
    """
    from fontTools import subset

    css = (SERVED / "katex.min.css").read_text("utf-8")
    whole = SERVED / "fonts/KaTeX_AMS-Regular.woff2"
    (face,) = re.findall(rf"@font-face{{[^}}]*{whole.name}[^}}]*}}", css)
    faces = []
    for part, ranges in AMS.items():
        made = whole.with_name(f"KaTeX_AMS-{part}.woff2")
        options = ["--flavor=woff2", "--no-hinting", "--no-recalc-timestamp"]
        subset.main(
            [str(whole), f"--unicodes={ranges}", f"--output-file={made}", *options]
        )
        own = face.replace(whole.name, made.name)
        faces.append(f"{own[:-1]};unicode-range:{ranges}}}")
    css = css.replace(face, "".join(faces))
    (SERVED / "katex.min.css").write_text(css, "utf-8", newline="\n")
    whole.unlink()


def checksums() -> str:
    files = [path for path in [*BUILD.rglob("*"), *SERVED.rglob("*")] if path.is_file()]
    lines = (
        f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT).as_posix()}"
        for path in files
    )
    return "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line[66:]))


def main() -> None:
    subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=ROOT / "vendor", check=True)
    for folder in (BUILD, SERVED):
        shutil.rmtree(folder, ignore_errors=True)
    copy_script()
    copy_styles()
    split_ams()
    sums = checksums()
    (BUILD / "SHA256SUMS").write_text(sums, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
