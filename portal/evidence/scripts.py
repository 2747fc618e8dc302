"""The scripts of a page, and what they measured: each key is measured by one of them.

The role ``measured`` and claims name a page and a key, and no script.
"""

import json
from pathlib import Path
from typing import NamedTuple

from portal.evidence import files
from portal.pages import mirror


class Scripts(NamedTuple):
    """What is known of the scripts of a page."""

    names: list[str]  # of the files, without ending
    values: dict[str, float]
    measured_by: dict[str, str]  # name of the script, by key


def line_of(script: Path, key: str) -> int:
    """The first line of a script that has a key, quoted; 1 if none has."""
    lines = script.read_text("utf-8").split("\n")
    return next((n for n, line in enumerate(lines, 1) if f'"{key}"' in line), 1)


def joined(root: Path, scripts: list[Path]) -> Scripts:
    """The scripts of one page.

    Raises
    ------
    SyntaxError
        If two scripts measure the same.
    """
    found = Scripts([script.stem for script in scripts], {}, {})
    for script in scripts:
        file = files.measured(root / "docs", script.parent.name, script.stem)
        for key, number in files.read(file).items() if file.is_file() else ():
            if key in found.values:
                problem = f"{found.measured_by[key]}.py measures {key!r} too: rename it"
                place = (str(root / script), line_of(root / script, key), 1, "")
                raise SyntaxError(problem, place)
            found.values[key], found.measured_by[key] = number, script.stem
    return found


def places(root: Path) -> dict[Path, list[Path]]:
    """For each page that has scripts, where what is known of them lies; and these."""
    return {
        files.page(root / "docs", book, page): own
        for (book, page), own in mirror.scripts(root).items()
        if own
    }


def write(root: Path) -> None:
    """Write what is known of the scripts of all pages."""
    for file, own in places(root).items():
        text = json.dumps(joined(root, own)._asdict(), indent=1)
        if not file.is_file() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def read(file: Path) -> Scripts:
    return Scripts(**files.read(file))
