"""Runs the reference tests of a page, and keeps what they compared."""

import os
from pathlib import Path

import pytest

from portal.worker import pytest_run


def make(folder: Path, test: Path, root: Path) -> None:
    """Run the tests of one page; their notes come to lie below ``folder``.

    Raises
    ------
    AssertionError
        If a test fails, or there is none.
    """
    target = folder / "gallery" / test.parent.name
    target.mkdir(parents=True)
    os.environ["PORTAL_AGREEMENTS"] = str(target / f"{test.stem}.agreements.json")
    status = pytest_run.run(test, root, folder)
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise AssertionError(
            "no test here: compare the page's code with an independent reference"
        )
    if status:
        raise AssertionError("the page's reference tests fail")
