"""Runs pytest in the process of a task, as ``make test`` would run it on one file."""

import os
import sys
from pathlib import Path

import pytest

from portal.evidence.source_tree import protect

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
    "portal.testing",
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
    sys.path.insert(0, str(root))
    os.chdir(root)
    protect(root, folder)
    # Relative, since pytest takes what stands in brackets for a case of a test.
    place = str(file.relative_to(root))
    return pytest.main([*OPTIONS, *options, "--rootdir", str(root), place])
