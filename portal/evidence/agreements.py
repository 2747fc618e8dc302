"""Evidence of a page's reference tests: with what its code agrees, and how closely."""

import os
from pathlib import Path

from portal import mirror
from portal.evidence.inputs import of_script
from portal.evidence.site import Site
from portal.evidence.work import Work

PORTAL = Path(__file__).parents[1]
# By path, since they import pytest and numpy, which only workers need.
STYLE = [
    *(PORTAL / f"{name}.py" for name in ("agreement", "environment", "testing")),
    PORTAL / "evidence/pytest_run.py",
    Path(__file__),
]


def make(folder: Path, test: Path, root: Path) -> None:
    """Run the tests of one page; their notes come to lie below ``folder``.

    Raises
    ------
    AssertionError
        If a test fails, or there is none.
    """
    import pytest

    from portal.evidence import pytest_run

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


def work(site: Site) -> list[Work]:
    """One piece of work for the tests of each page that has code."""
    root = Path(site.confdir)
    tests = [root / mirror.places(book, page)[3] for book, page in mirror.pages(root)]
    return [
        Work(
            f"{test.parent.name}/{test.name}",
            test,
            of_script(test, root, STYLE, None),
            make,
            (test, root),
            site.config.evidence_time_limit,
            memory=site.config.evidence_memory_limit,
        )
        for test in tests
        if test.is_file()
    ]
