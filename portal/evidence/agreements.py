"""Evidence of a page's reference tests: with what its code agrees, and how closely."""

import os
import sys
from pathlib import Path

from portal import mirror
from portal.evidence.inputs import of_script
from portal.evidence.site import Site
from portal.evidence.work import Work

PORTAL = Path(__file__).parents[1]
# By path, since they import pytest and numpy, which only workers need.
STYLE = [PORTAL / f"{name}.py" for name in ("agreement", "environment", "testing")]
STYLE.append(Path(__file__))
OPTIONS = [
    "-q",
    "--tb=native",  # names file and line as every traceback does
    "-W",
    "error",
    "-c",
    os.devnull,
    "--import-mode=importlib",
    "-p",
    "no:cacheprovider",
    "-p",
    "portal.testing",
    "-p",
    "jaxtyping._pytest_plugin",
    "--jaxtyping-packages=snippets,beartype.beartype",
]


def make(folder: Path, test: Path, root: Path) -> None:
    """Run the tests of one page; their notes come to lie below ``folder``.

    Raises
    ------
    AssertionError
        If a test fails, or there is none.
    """
    import pytest

    target = folder / "gallery" / test.parent.name
    target.mkdir(parents=True)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # others load slowly, do nothing
    os.environ["PORTAL_AGREEMENTS"] = str(target / f"{test.stem}.agreements.json")
    sys.path.insert(0, str(root))
    os.chdir(root)
    status = pytest.main([*OPTIONS, "--rootdir", str(root), str(test)])
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
