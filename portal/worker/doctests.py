"""Runs the doctests of an article or a module."""

import json
from pathlib import Path

from portal.worker import pytest_run


def make(folder: Path, file: Path, root: Path, count: int) -> None:
    """Run the examples in ``file``; their number comes to lie below ``folder``.

    Raises
    ------
    AssertionError
        If one of them fails.
    """
    if pytest_run.run(file, root, folder, "--doctest-glob=*.rst", "--doctest-modules"):
        raise AssertionError("a doctest fails")
    target = folder / "gallery" / f"{file.relative_to(root)}.doctests.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps({"examples": count}))
