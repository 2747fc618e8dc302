"""Text files that not every program reads alike stop the build, with file and line.

A byte-order mark, a byte that is not UTF-8, and control characters: see ``utf8.py``.
"""

from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

from portal.order import Inited
from portal.text.utf8 import read

PATTERNS = (
    "docs/**/*.rst",
    "docs/*.bib",
    "docs/*.txt",
    "snippets/**/*.py",
    "snippets/**/*.rst",
    "tests/*/*.py",
)

logger = logging.getLogger(__name__)


def files(root: Path) -> Iterator[Path]:
    """All text files of a site that people write."""
    for pattern in PATTERNS:
        for file in sorted(root.glob(pattern)):
            if not file.is_relative_to(root / "docs/gallery"):
                yield file


def check(app: Sphinx) -> None:
    """Report what is wrong with all files; end the build if anything is."""
    wrong = False
    for file in files(Path(app.confdir)):
        try:
            read(file)
        except SyntaxError as error:
            wrong = True
            logger.error(error.msg, location=f"{file}:{error.lineno}")
    if wrong:
        raise SystemExit(1)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", check, priority=Inited.TEXT_FILES)
