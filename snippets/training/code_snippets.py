"""Snippets of code in 13 languages, cut from files that installed packages contain.

All packages are installed with this portal. Nothing is downloaded. The name of a file
decides which of its pieces are drawn, so a package that changes one file leaves the
snippets of the others alone. The label of a snippet is the language of its file.
"""

import random
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackagePath, files
from math import ceil
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

LINES = 5  # of a snippet, without blank lines
SHORTEST, LONGEST = 60, 160  # characters; more are cut off
PER_CLASS, PER_FILE = 100, 6  # at most; more per file where files are few
SOURCES = {  # language: endings of its files, and the packages that contain them
    "C": {".c": "numpy scikit-learn", ".h": "numpy"},
    "C++": {".cpp": "scikit-learn torchao numpy", ".hpp": "torch"},
    "CMake": {".cmake": "torch"},
    "CSS": {".css": "docutils matplotlib scikit-learn sphinx", ".css.jinja": "sphinx"},
    "CUDA": {".cuh": "torch", ".cu": "torchao"},
    "Cython": {".pyx": "scikit-learn scipy numpy", ".pxd": "scikit-learn scipy numpy"},
    "Fortran": {".f90": "numpy", ".f": "numpy"},
    "HTML": {".html": "sphinx matplotlib alabaster"},
    "JavaScript": {".js": "sphinx matplotlib scikit-learn docutils torch"},
    "LaTeX": {".sty": "sphinx docutils", ".cls": "sphinx", ".tex": "docutils"},
    "Meson": {".build": "scikit-learn numpy scipy"},
    "Python": {".py": "numpy scikit-learn scipy matplotlib networkx sphinx"},
    "reST": {".rst": "scikit-learn sphinx numpy torch docutils"},
}
# Generated or minified files, translations, tests (but not those of f2py, in Fortran)
LEFT_OUT = ("minified-js", "/locale/", ".dist-info", "__config__", "version.py")


class Snippets(NamedTuple):
    """One entry for each snippet."""

    texts: list[str]
    labels: list[str]  # the language of the file
    files: list[str]  # the path, which begins with the package


@cache
def installed(package: str) -> list[PackagePath]:
    """Files of a package, as its installer listed them."""
    return list(files(package) or [])


def source_files(language: str) -> list[PackagePath]:
    """Files of a language, in an order that looks random but depends on the paths."""
    found = []
    for ending, packages in SOURCES[language].items():
        for path in (path for name in packages.split() for path in installed(name)):
            name = path.as_posix()
            test = "/tests/" in name and "f2py" not in name
            wanted = name.endswith(ending) and not test
            if wanted and not any(part in name for part in LEFT_OUT):
                found.append(path)
    return sorted(found, key=lambda path: crc32(path.as_posix().encode()))


def pieces(text: str) -> list[str]:
    """Cut a file every ``LINES`` lines that are not blank.

    Examples
    --------
    >>> text = "".join(f"line {n} has twenty-six letters\\n\\n" for n in range(11))
    >>> [piece[:6] for piece in pieces(text)]
    ['line 0', 'line 5']
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if not lines or max(map(len, lines)) > 300:  # probably not written by hand
        return []
    cut = ("\n".join(lines[i : i + LINES]) for i in range(0, len(lines), LINES))
    return [piece[:LONGEST] for piece in cut if len(piece) >= SHORTEST]


def read(path: PackagePath | Path) -> str:
    """The text of a file; empty if it is absent or not in UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def drawn(language: str) -> Iterator[tuple[str, str]]:
    """Pairs of a snippet and its file, each file's snippets in random order."""
    paths = source_files(language)
    most = max(PER_FILE, ceil(PER_CLASS / max(1, len(paths))))
    for path in paths:
        name, found = path.as_posix(), pieces(read(path))
        for text in random.Random(name).sample(found, min(most, len(found))):
            yield text, name


def load_snippets() -> Snippets:
    """At most ``PER_CLASS`` snippets of each language, none of them twice."""
    chosen: dict[str, tuple[str, str]] = {}
    for language in SOURCES:
        number = 0
        for text, name in drawn(language):
            if number < PER_CLASS and text not in chosen:
                chosen[text] = (language, name)
                number += 1
    labels, names = zip(*chosen.values(), strict=True)
    return Snippets(list(chosen), list(labels), list(names))
