"""One environment that is made for a trial, and a clone that is built and tested in it.

Below its folder lie ``venv``, ``checkout``, and the logs of what ran last.
"""

import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from packaging.utils import canonicalize_name

# Why, by what failed: "make html: a file" or "a file::a test".
Failures = dict[str, str]
NAMED = re.compile(
    r"(?m)^\S*?\b((?:docs|snippets|tests)/[\w/]+\.(?:rst|py)):(?:\d+:)? .*$"
)


def refused(log: str) -> Failures:
    """The files that a failed build complains of, or the end of what it said.

    >>> refused("/a/docs/b/c.rst:3: WARNING: unknown\\nmake: *** Error 1")
    {'make html: docs/b/c.rst': '/a/docs/b/c.rst:3: WARNING: unknown'}
    >>> refused("Killed\\nmake: *** Error 137\\n")
    {'make html': 'make: *** Error 137'}
    """
    found = {f"make html: {line[1]}": line[0].strip() for line in NAMED.finditer(log)}
    return found or {"make html": log.strip().rpartition("\n")[2]}


def reason(said: str) -> str:
    """The first line of a failure; of an example, what was expected and what came.

    >>> reason("assert 2 == 1\\n    def test_a():")
    'assert 2 == 1'
    >>> reason("010 >>> 1\\nExpected:\\n    2\\nGot:\\n    1\\n")
    'Expected: 2 Got: 1'
    >>> reason("010 >>> open(3)\\nUNEXPECTED EXCEPTION: OSError(3)\\nTraceback")
    'UNEXPECTED EXCEPTION: OSError(3)'
    """
    example = re.search(r"UNEXPECTED EXCEPTION: .*|Expected:\n(?s:.*?)\nGot:\n.*", said)
    lines = " ".join(example[0].split()) if example else said.partition("\n")[0]
    return lines[:200]


def reported(report: Path) -> tuple[int, Failures]:
    """How many tests passed by a report of pytest, and what the others raised.

    Raises
    ------
    FileNotFoundError
        If pytest ended before it wrote one.
    """
    passed, failures = 0, {}
    for case in ElementTree.parse(report).iter("testcase"):
        problem = case.find("failure") if case.find("error") is None else None
        problem = case.find("error") if problem is None else problem
        if problem is not None:
            said = f"{problem.get('message')}\n{problem.text}"
            failures[f"{case.get('file')}::{case.get('name')}"] = reason(said)
        elif case.find("skipped") is None:
            passed += 1
    return passed, failures


@dataclass(frozen=True)
class Trial:
    """An environment and a clone below an absolute folder."""

    folder: Path

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    def start(self, root: Path, pins: str) -> None:
        """Make both anew, the clone of the last commit of ``root``."""
        shutil.rmtree(self.folder, ignore_errors=True)
        venv.create(self.folder / "venv", with_pip=True)
        (self.folder / "pins.txt").write_text(pins)
        self.install("-r", str(self.folder / "pins.txt"))
        clone = ["git", "clone", "--quiet", str(root.resolve()), str(self.checkout)]
        subprocess.run(clone, check=True)

    def python(self, *arguments: str, log: str, **environment: str) -> int:
        return self.run([self.folder / "venv/bin/python", *arguments], log, environment)

    def run(self, command: list, log: str, environment: dict[str, str]) -> int:
        """The exit status of a command in the clone; its output goes into ``log``."""
        with (self.folder / log).open("w") as output:
            return subprocess.run(
                command,
                cwd=self.checkout if self.checkout.exists() else self.folder,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode

    def install(self, *what: str) -> None:
        """Install with pip, which also looks where this machine's pip is told to.

        Raises
        ------
        OSError
            If pip fails.
        """
        quiet = ("-qq", "--no-compile", "--disable-pip-version-check")
        if self.python("-m", "pip", "install", *quiet, *what, log="pip.log"):
            raise OSError((self.folder / "pip.log").read_text())

    def installed(self) -> dict[str, str]:
        """Versions by name."""
        self.python("-m", "pip", "list", "--format=json", log="list.json")
        (text,) = re.findall(r"(?m)^\[.*\]$", (self.folder / "list.json").read_text())
        return {
            canonicalize_name(pack["name"]): pack["version"]
            for pack in json.loads(text)
        }

    def build(self) -> Failures:
        """What ``make html`` refuses."""
        command = ["make", "html", "STAMP=", f"BIN={self.folder / 'venv/bin'}"]
        evidence = str(self.folder.parent / "evidence")
        if not self.run(command, "html.log", {"PORTAL_EVIDENCE": evidence}):
            return {}
        return refused((self.folder / "html.log").read_text())

    def test(self, paths: Iterable[str] = ()) -> tuple[int, Failures]:
        """How many tests pass, of all or of those below the paths, and what fails."""
        report = self.folder / "tests.xml"
        report.unlink(missing_ok=True)
        options = ["-q", "-n=auto", "--dist=loadfile", "-o=junit_family=xunit1"]
        options += ["--doctest-glob=*.rst", f"--junitxml={report}", *paths]
        self.python("-m", "pytest", *options, log="tests.log")
        if not report.exists():
            return 0, {"pytest": (self.folder / "tests.log").read_text()[-300:]}
        return reported(report)
