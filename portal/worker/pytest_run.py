"""Runs pytest in the process of a task, as ``make test`` would run it on one file."""

import os
import sys
from pathlib import Path

import beartype
import jaxtyping
import pytest

from portal.worker.enter import enter

PLUGINS = (beartype, jaxtyping)  # which check types, by the options below
OPTIONS = [
    "-qq",
    "--no-header",
    "-rN",
    "--tb=native",  # names file and line as every traceback does
    "-W",
    "error",
    "-c",
    os.devnull,
    "--import-mode=importlib",
    "-p",
    "no:cacheprovider",
    "-p",
    "portal.worker.plugin",
    "-p",
    "jaxtyping._pytest_plugin",
    "--jaxtyping-packages=snippets,beartype.beartype",
]


def run(file: Path, root: Path, folder: Path, *options: str) -> int:
    """Run the tests in ``file``; returns pytest's exit status.

    What pytest reports goes to standard error, where it is kept for a failure.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # others load slowly, do nothing
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    os.chdir(root)
    enter(root, folder)
    # Relative, since pytest takes what stands in brackets for a case of a test.
    place = str(file.relative_to(root))
    return pytest.main([*OPTIONS, *options, "--rootdir", str(root), place])
