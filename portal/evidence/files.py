"""Where evidence lies below the source folder, ``docs``, for those who read it.

::

    gallery/<book>/plot_<page>_<figure>.rst, .py, .ipynb, .zip   by Sphinx-Gallery
    gallery/<book>/plot_<page>_<figure>.measured.json            {key: number}
    gallery/<book>/plot_<page>_<figure>.run.json                 {"seconds": bound}
    gallery/<book>/images/sphx_glr_plot_<page>_<figure>_001.*    json: alt, width, ...
    gallery/<book>/test_<page>.agreements.json                   [{"reference": ...}]
    gallery/<book>/<module>.<function>.<call>.shapes.json
    gallery/<file>.doctests.json
    gallery/<book>/<page>.json                                   see ``scripts.py``

The modules of ``portal.worker`` write all but the last, which joins the scripts of a
page.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """The figure of a script, by number."""

    book: str
    script: str
    number: int

    @property
    def stem(self) -> str:
        """Path of its files without their ending.

        >>> Figure("attention", "plot_rope_decay", 2).stem
        'gallery/attention/images/sphx_glr_plot_rope_decay_002'
        """
        return f"gallery/{self.book}/images/sphx_glr_{self.script}_{self.number:03}"


def figures(source: Path) -> Iterator[Figure]:
    """The figures of all scripts."""
    for path in sorted(source.glob("gallery/*/images/sphx_glr_plot_*.json")):
        script, number = re.fullmatch(r"sphx_glr_(.+)_(\d+)", path.stem).groups()
        yield Figure(path.parts[-3], script, int(number))


def about(source: Path, figure: Figure) -> Path:
    """What is known of a figure: alternative text, size, number of frames."""
    return source / f"{figure.stem}.json"


def measured(source: Path, book: str, script: str) -> Path:
    return source / f"gallery/{book}/{script}.measured.json"


def page(source: Path, book: str, page: str) -> Path:
    """The scripts of a page, and what they measured."""
    return source / f"gallery/{book}/{page}.json"


def run(source: Path, book: str, script: str) -> Path:
    return source / f"gallery/{book}/{script}.run.json"


def agreements(source: Path, book: str, page: str) -> Path:
    return source / f"gallery/{book}/test_{page}.agreements.json"


def of_kind(source: Path, kind: str) -> dict[str, Path]:
    """All files ``<book>/<name>.<kind>.json``, by ``<book>/<name>``."""
    found = sorted(source.glob(f"gallery/*/*.{kind}.json"))
    end = f".{kind}.json"
    return {f"{path.parent.name}/{path.name.removesuffix(end)}": path for path in found}


def shapes(book: str, call: str) -> str:
    """Where the result of a traced call lies, from the source folder.

    >>> shapes("attention", "rope.rotate.0ca2e0d6")
    'gallery/attention/rope.rotate.0ca2e0d6.shapes.json'
    """
    return f"gallery/{book}/{call}.shapes.json"


def notebook(book: str, script: str) -> str:
    return f"gallery/{book}/{script}.ipynb"


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
